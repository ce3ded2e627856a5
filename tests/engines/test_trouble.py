"""What can go wrong with Spark: one line says what it is and what to do, and what is published stays."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.warehouse.conftest import AS_OF, make_run
from warehouse.demo import sandbox
from warehouse.doctor import examine
from warehouse.engine import EngineFailed
from warehouse.publish import current, publish
from warehouse.settings import Settings
from warehouse.spark import RETRIES, Spark, _be_brief, fits

THROUGHLINE = Path(sys.executable).with_name("throughline")
REMOTE = "sc://spark.example:15002"
BUILDS_WITHIN_SECONDS = 900
# room for a few tables of the raw ledger's staging, and for no more
SMALL_DISK = "512k"


# --- without a server -------------------------------------------------------------------------------------------------


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port that is ours and on which nothing listens."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


@pytest.fixture
def earlier(tmp_path: Path) -> Settings:
    """A data folder in which a run on DuckDB has been published."""
    return published_on_duckdb(tmp_path / "data")


@pytest.fixture
def spark() -> Spark:
    """The engine at an address that is never asked."""
    return Spark(Settings(target="spark", spark_remote=REMOTE, _env_file=None))


def published_on_duckdb(data_dir: Path) -> Settings:
    settings = Settings(data_dir=data_dir, as_of=AS_OF, _env_file=None)
    make_run(settings)
    publish(settings)
    return settings


def environment_of(settings: Settings, remote: str) -> dict[str, str]:
    """Spark in the given data folder; nothing of the test run's own settings leaks in."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("THROUGHLINE_")}
    return own | {
        "THROUGHLINE_DATA_DIR": str(settings.data_dir),
        "THROUGHLINE_TARGET": "spark",
        "THROUGHLINE_SPARK_REMOTE": remote,
        "THROUGHLINE_AS_OF": AS_OF.isoformat(),
    }


def test_a_server_that_is_not_there_fails_the_refresh_and_the_published_version_stays(
    earlier: Settings, closed_port: int
):
    pytest.importorskip("pyspark")
    before = (earlier.published_path.readlink(), current(earlier))
    done = subprocess.run(
        [THROUGHLINE, "refresh"],
        cwd=earlier.data_dir,
        env=environment_of(earlier, f"sc://127.0.0.1:{closed_port}"),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == (
        f"failed: no Spark Connect server answers at sc://127.0.0.1:{closed_port} (Connection refused): "
        "start it (`make spark` for a local one), or correct THROUGHLINE_SPARK_REMOTE"
    )
    assert "Traceback" not in done.stdout + done.stderr
    assert (earlier.published_path.readlink(), current(earlier)) == before


def test_doctor_names_a_server_that_is_not_there(earlier: Settings, closed_port: int, monkeypatch: pytest.MonkeyPatch):
    pytest.importorskip("pyspark")
    for name, value in environment_of(earlier, f"sc://127.0.0.1:{closed_port}").items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(earlier.data_dir)
    report = examine()
    assert not report.is_well
    assert [line for line in report.lines if line.startswith("FAIL")] == [
        f"FAIL  engine      no Spark Connect server answers at sc://127.0.0.1:{closed_port} (Connection refused): "
        "start it (`make spark` for a local one), or correct THROUGHLINE_SPARK_REMOTE"
    ]
    assert report.lines[-1] == "next: put the engine right, or unset THROUGHLINE_TARGET to build on this machine"


def test_a_name_that_resolves_to_nothing_is_told_like_a_closed_port():
    pytest.importorskip("pyspark")
    remote = "sc://spark.invalid:15002"
    with pytest.raises(EngineFailed, match=f"^no Spark Connect server answers at {remote} .*THROUGHLINE_SPARK_REMOTE$"):
        Spark(Settings(target="spark", spark_remote=remote, _env_file=None)).version()


@pytest.mark.parametrize("missing", ["pyspark", "grpc"])
def test_without_the_client_it_says_how_to_install_it(spark: Spark, missing: str, monkeypatch: pytest.MonkeyPatch):
    pytest.importorskip("grpc")
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(EngineFailed, match=rf"^THROUGHLINE_TARGET=spark needs .*{missing}.*: run `make setup-spark`$"):
        spark.version()


@pytest.mark.parametrize(
    ("client", "server", "is_fit"),
    [
        ("4.1.0", "4.1.0", True),
        ("4.1.0", "4.1.3", True),
        ("4.1.3", "4.1.0", True),
        ("4.0.2", "4.1.0", True),
        ("4.9.0", "4.10.0", True),
        ("4.10.0", "4.9.0", False),
        ("4.1.0", "4.0.2", False),
        ("4.0.0", "3.5.6", False),
        ("3.5.6", "4.0.0", False),
        ("4.1.0.dev1", "4.1.0-SNAPSHOT", True),
        ("3.5.6", "3.5.1.3.5.7190", True),
    ],
)
def test_a_client_fits_a_server_of_its_major_version_that_is_no_older(client: str, server: str, is_fit: bool):
    assert fits(client, server) is is_fit


@pytest.mark.parametrize(("client", "server", "wanted"), [("4.1.0", "3.5.6", "3.5"), ("4.1.0", "4.0.2", "4.0")])
def test_a_wrong_version_names_both_and_the_right_client(
    spark: Spark, client: str, server: str, wanted: str, monkeypatch: pytest.MonkeyPatch
):
    answering_as(monkeypatch, client, server)
    with pytest.raises(EngineFailed) as failed:
        spark.version()
    assert str(failed.value) == (
        f"the Spark server at {REMOTE} is {server} and this client {client}, which is not made for it: "
        f"install pyspark {wanted}.*"
    )


def test_a_right_version_is_told(spark: Spark, monkeypatch: pytest.MonkeyPatch):
    answering_as(monkeypatch, "4.1.0", "4.1.2")
    assert spark.version() == "spark 4.1.2"


def answering_as(monkeypatch: pytest.MonkeyPatch, client: str, server: str) -> None:
    """Make the client one of a version, and the server one of another."""
    monkeypatch.setattr("warehouse.spark._client_version", lambda: client)
    monkeypatch.setattr(Spark, "session", lambda self: contextlib.nullcontext(SimpleNamespace(version=server)))


def test_patience_with_a_server_that_is_gone_is_spent_once():
    retries = pytest.importorskip("pyspark.sql.connect.client.retries")
    import grpc

    class Gone(grpc.RpcError):
        def code(self) -> grpc.StatusCode:
            return grpc.StatusCode.UNAVAILABLE

        def trailing_metadata(self) -> tuple:
            return ()

    policies: list = []
    _be_brief(SimpleNamespace(client=SimpleNamespace(set_retry_policies=policies.extend)))
    naps: list[float] = []
    for _ in range(3):
        with pytest.warns(UserWarning, match="RETRIES_EXCEEDED"), contextlib.suppress(Gone):
            for attempt in retries.Retrying(policies, sleep=naps.append):
                with attempt:
                    raise Gone
    assert len(naps) == RETRIES["max_retries"] and sum(naps) < 5


UNREACHED = """<_MultiThreadedRendezvous of RPC that terminated with:
\tstatus = StatusCode.UNAVAILABLE
\tdetails = "failed to connect to all addresses; last error: UNKNOWN: ipv4:10.0.0.1:15002: Connection refused"
>"""
RESET = """<_InactiveRpcError of RPC that terminated with:
\tstatus = StatusCode.UNAVAILABLE
\tdetails = "recvmsg:Connection reset by peer"
>"""
DISK_FULL = """[TASK_WRITE_FAILED] Task failed while writing rows to file:/srv/staging.db/contacts. SQLSTATE: 58030

JVM stacktrace:
org.apache.spark.SparkException
\tat org.apache.spark.sql.execution.datasources.FileFormatWriter$.write(FileFormatWriter.scala:213)
Caused by: java.io.IOException: No space left on device
\tat java.base/java.io.FileOutputStream.writeBytes(Native Method)"""
NO_SESSION = "[NO_ACTIVE_SESSION] No active Spark session found. Please create a new Spark session."
CHANGED = "[INVALID_HANDLE.SESSION_CHANGED] The handle is invalid. The Spark server driver instance has restarted"
OLD_SERVER = """<_MultiThreadedRendezvous of RPC that terminated with:
\tstatus = StatusCode.UNIMPLEMENTED
\tdetails = "Method not found: spark.connect.SparkConnectService/ReattachExecute"
>"""
STRAY = """[LOCATION_ALREADY_EXISTS] Cannot name the managed table as `spark_catalog`.`staging`.`events`, as its \
associated location 'file:/srv/staging.db/events' already exists. Please pick a different table name. SQLSTATE: 42710

JVM stacktrace:"""
NO_COLUMN = """[UNRESOLVED_COLUMN.WITH_SUGGESTION] A column with name `mrr` cannot be resolved. SQLSTATE: 42703;
'Project ['mrr]"""


@pytest.mark.parametrize(
    ("message", "told"),
    [
        (UNREACHED, "has stopped answering: see that it runs, and refresh again"),
        (RESET, "has stopped answering: see that it runs, and refresh again"),
        ("[RETRIES_EXCEEDED] The maximum number of retries has been exceeded.", "has stopped answering: see that it"),
        (DISK_FULL, "is full: make room there and refresh again"),
        (NO_SESSION, "has lost this run's session (was it restarted?): refresh again"),
        (CHANGED, "has lost this run's session (was it restarted?): refresh again"),
        (STRAY, "whose files are in the way: remove file:/srv/staging.db/events and refresh again"),
        (OLD_SERVER, "does not speak this client's protocol: install its version of pyspark"),
    ],
)
def test_the_engines_own_trouble_is_one_line_that_says_where_and_what_to_do(spark: Spark, message: str, told: str):
    line = spark.trouble(message)
    assert line and REMOTE in line and told in line and "\n" not in line
    assert spark.explain(message) == line


@pytest.mark.parametrize("message", [NO_COLUMN, "", "Got 3 results, configured to fail if != 0"])
def test_a_statements_own_fault_is_not_the_engines(spark: Spark, message: str):
    assert spark.trouble(message) is None


def test_a_statements_own_fault_is_its_first_line(spark: Spark):
    assert spark.explain(NO_COLUMN) == f"Spark at {REMOTE}: {NO_COLUMN.splitlines()[0]}"
    assert spark.explain("\n") == f"Spark at {REMOTE}: no reason given"


# --- with a server ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Company:
    """A small company, whose published version came from DuckDB."""

    settings: Settings
    environment: dict[str, str]

    def refresh(self, remote: str) -> subprocess.Popen[str]:
        """Begin a refresh on Spark."""
        return subprocess.Popen(
            [THROUGHLINE, "refresh"],
            cwd=self.settings.data_dir,
            env=environment_of(self.settings, remote) | self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    @property
    def published(self) -> tuple[Path, str, bytes]:
        """What readers get: the version, and its file."""
        version = current(self.settings)
        assert version is not None
        return self.settings.published_path.readlink(), version.run_id, version.path.read_bytes()


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    """One company for all tests: what the first has read, the next need not read again."""
    settings = published_on_duckdb(tmp_path_factory.mktemp("company") / "data")
    with sandbox(settings.data_dir, seed=3, accounts=12, date=f"{AS_OF:%Y-%m-%d}") as running:
        yield Company(settings, running.environment)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk with room for a few tables."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={SMALL_DISK}", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True).returncode != 0:
        pytest.skip("needs the right to mount a disk")
    yield folder
    # the server may still be on its way out
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.mark.cluster
def test_a_full_disk_of_the_server_is_named_and_the_published_version_stays(
    company: Company, small_disk: Path, tmp_path: Path
):
    pytest.importorskip("pyspark")
    from warehouse.cluster import running

    before = company.published
    with running(tmp_path / "spark", memory="1g", conf={"spark.sql.warehouse.dir": str(small_disk)}) as remote:
        code, said = ended(company.refresh(remote), BUILDS_WITHIN_SECONDS)
    assert code == 1, said
    assert said.splitlines()[-1].startswith("failed: dbt: ")
    assert said.splitlines()[-1].endswith(
        f": the disk of the Spark server at {remote} is full: make room there and refresh again"
    )
    assert "Traceback" not in said
    assert company.published == before


@pytest.mark.cluster
def test_a_server_that_dies_in_mid_build_fails_the_run_soon_and_the_next_one_publishes(
    company: Company, tmp_path: Path
):
    pytest.importorskip("pyspark")
    from warehouse.cluster import Shape, running, start

    before, folder = company.published, tmp_path / "spark"
    with running(folder, memory="1g") as remote:
        refresh = company.refresh(remote)
        wait_for_tables(refresh, folder / "warehouse")
        killed = kill(folder)
        code, said = ended(refresh, BUILDS_WITHIN_SECONDS)
        seconds = time.monotonic() - killed
        assert code == 1, said
        assert said.splitlines()[-1].startswith("failed: dbt: ")
        assert said.splitlines()[-1].endswith(
            f": the Spark server at {remote} has stopped answering: see that it runs, and refresh again"
        )
        assert "Traceback" not in said
        assert company.published == before

        start(folder, Shape(master="local[2]", port=int(remote.rpartition(":")[2]), memory="1g"))
        code, said = ended(company.refresh(remote), BUILDS_WITHIN_SECONDS)
    assert code == 0, said
    assert company.published[1] > before[1]
    print(f"the run ended {seconds:.0f} s after the kill")


def wait_for_tables(refresh: subprocess.Popen[str], warehouse: Path, tables: int = 3) -> None:
    """Until dbt has begun: some of its tables are there, and most are not."""
    deadline = time.monotonic() + BUILDS_WITHIN_SECONDS
    while len(list(warehouse.glob("staging.db/*"))) < tables:
        assert refresh.poll() is None, refresh.communicate()[0]
        assert time.monotonic() < deadline, "dbt has not begun"
        time.sleep(0.05)


def kill(folder: Path) -> float:
    """End the server without a word to anybody; returns when."""
    from warehouse.cluster import status

    for process in status(folder):
        os.killpg(process.pid, signal.SIGKILL)
    return time.monotonic()


def ended(process: subprocess.Popen[str], seconds: float) -> tuple[int, str]:
    """The exit status of a command, and all that it said. A command that takes longer is ended."""
    try:
        said, _ = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        said, _ = process.communicate()
        pytest.fail(f"not done after {seconds} s:\n{said[-4000:]}")
    return process.returncode, said
