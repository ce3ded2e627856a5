"""`make bench-engines`: what a refresh costs on Spark and on DuckDB, on the same rows, at growing sizes.

Each size is one sandbox company, read into two data folders, one an engine; the Spark server is started for it and
stopped after it. Figures are reported, never asserted: on a shared machine only the ratio of the two says much.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from warehouse import cluster
from warehouse.build_file import open_build
from warehouse.connections import open_duckdb
from warehouse.demo import sandbox
from warehouse.publish import current
from warehouse.settings import REPOSITORY, Settings, process_environment

DATE = "2026-06-15"
SIZES = (100, 300, 1000)
LOOK_SECONDS = 0.2
TICKS = os.sysconf("SC_CLK_TCK")
HEADINGS = (
    *("accounts", "raw rows", "published rows", "engine", "wall s", "wall ratio", "CPU s client", "CPU s server"),
    *("CPU ratio", "peak MiB client", "peak MiB server"),
)


@dataclass
class Peaks:
    """The most memory that each of some processes has ever held, as seen while watching."""

    seen: dict[int, int] = field(default_factory=dict)

    def look(self, pids: Sequence[int]) -> None:
        """Take note of the processes that are there."""
        for pid in pids:
            self.seen[pid] = max(self.seen.get(pid, 0), peak_kib(pid))

    @property
    def mebibytes(self) -> float:
        """Of all processes together; they need not have peaked at the same moment."""
        return sum(self.seen.values()) / 1024


@dataclass(frozen=True)
class Cost:
    """What one refresh took: the client is the command with all its children, the server Spark's Java processes."""

    wall_seconds: float
    client_cpu: float
    client_mib: float
    server_cpu: float = 0.0
    server_mib: float = 0.0

    @property
    def cpu(self) -> float:
        """CPU seconds of client and server."""
        return self.client_cpu + self.server_cpu


@dataclass(frozen=True)
class Comparison:
    """One company on both engines."""

    accounts: int
    raw_rows: int
    published_rows: dict[str, int]
    cost: dict[str, Cost]

    def rows(self) -> Iterator[list[str]]:
        """The lines of the table, one an engine; ratios are to DuckDB in the same run."""
        floor = self.cost["duckdb"]
        for engine, cost in self.cost.items():
            yield [
                *(f"{self.accounts:,}", f"{self.raw_rows:,}", f"{self.published_rows[engine]:,}", engine),
                *(f"{cost.wall_seconds:.1f}", f"{cost.wall_seconds / floor.wall_seconds:.2f}"),
                *(f"{cost.client_cpu:.1f}", f"{cost.server_cpu:.1f}", f"{cost.cpu / floor.cpu:.2f}"),
                *(f"{cost.client_mib:,.0f}", f"{cost.server_mib:,.0f}"),
            ]


# --- processes, from /proc --------------------------------------------------------------------------------------------


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far, of its children that have ended too; 0 for one that is gone."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return 0.0
    # the name in parentheses may hold spaces; after it come state, parent, ... and utime, stime, cutime, cstime
    return sum(int(ticks) for ticks in text.rpartition(")")[2].split()[11:15]) / TICKS


def peak_kib(pid: int) -> int:
    """The most memory that a process has ever held; 0 for one that is gone."""
    try:
        text = Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in text.splitlines() if line.startswith("VmHWM:")), 0)


def server_processes(folder: Path) -> list[int]:
    """The processes of the cluster in a folder; none when there is no cluster."""
    return [process.pid for process in cluster.status(folder) if process.is_running]


# --- one refresh ------------------------------------------------------------------------------------------------------


def cost_of_refresh(environment: Mapping[str, str], servers: Sequence[int] = ()) -> Cost:
    """Run a refresh that publishes, and measure it. Server time counts from the start of the refresh to its end."""
    before = sum(map(cpu_seconds, servers))
    started = time.monotonic()
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "dagster_project.refresh"],
            cwd=REPOSITORY,
            env=process_environment(environment),
            stdout=said,
            stderr=subprocess.STDOUT,
        )
        try:
            with watching([process.pid]) as client, watching(servers) as server:
                _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            process.kill()
            raise
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            said.seek(0)
            raise SystemExit(f"the refresh failed:\n{said.read()[-4000:]}")
    return Cost(
        wall_seconds=time.monotonic() - started,
        client_cpu=usage.ru_utime + usage.ru_stime,
        client_mib=client.mebibytes,
        server_cpu=sum(map(cpu_seconds, servers)) - before,
        server_mib=server.mebibytes,
    )


@contextlib.contextmanager
def watching(pids: Sequence[int]) -> Iterator[Peaks]:
    """Look at processes' memory now and then, for the length of the block."""
    peaks, is_over = Peaks(), threading.Event()

    def watch() -> None:
        while not is_over.wait(LOOK_SECONDS):
            peaks.look(pids)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield peaks
    finally:
        is_over.set()
        watcher.join()
        peaks.look(pids)


# --- one company ------------------------------------------------------------------------------------------------------


def compare(folder: Path, accounts: int, memory: str) -> Comparison:
    """Refresh one company on DuckDB, then on Spark, each in a data folder of its own."""
    duckdb = folder / "duckdb"
    with sandbox(duckdb, seed=7, accounts=accounts, date=DATE) as company:
        spark = with_landing(duckdb, folder / "spark")
        cost = {"duckdb": cost_of_refresh(company.environment)}
        with cluster.running(folder / "server", memory=memory) as remote:
            own = {
                "THROUGHLINE_DATA_DIR": str(spark),
                "THROUGHLINE_TARGET": "spark",
                "THROUGHLINE_SPARK_REMOTE": remote,
            }
            cost["spark"] = cost_of_refresh(company.environment | own, server_processes(folder / "server"))
    folders = {"duckdb": duckdb, "spark": spark}
    raw = {engine: raw_rows(data_dir, engine) for engine, data_dir in folders.items()}
    if raw["duckdb"] != raw["spark"]:
        raise SystemExit(f"the engines have not read the same: {raw}")
    published = {engine: published_rows(data_dir) for engine, data_dir in folders.items()}
    return Comparison(accounts, raw["duckdb"], published, cost)


def with_landing(origin: Path, target: Path) -> Path:
    """A data folder with the email events that the sandbox has written into another: a refresh uses them up."""
    shutil.copytree(origin / "landing", target / "landing")
    return target


def raw_rows(data_dir: Path, engine: str) -> int:
    """Versions in the raw ledger, the loader's own tables left out."""
    settings = Settings(data_dir=data_dir, target=engine, _env_file=None)
    with open_build(settings, read_only=True) as connection:
        counted = connection.execute(
            "select coalesce(sum(rows), 0) from meta.row_counts where starts_with(table_name, 'raw_') "
            "and run_id = (select max(run_id) from meta.row_counts)"
        ).fetchone()
    return int(counted[0])


def published_rows(data_dir: Path) -> int:
    """Rows of the marts that readers got, the run's own records left out: those differ by what the engine is."""
    version = current(Settings(data_dir=data_dir, _env_file=None))
    assert version is not None
    with open_duckdb(version.path, read_only=True) as connection:
        tables = connection.execute(
            "select schema_name || '.' || table_name from duckdb_tables() where schema_name <> 'meta'"
        ).fetchall()
        return sum(connection.execute(f"select count(*) from {table}").fetchone()[0] for (table,) in tables)


def as_table(comparisons: Sequence[Comparison]) -> str:
    """The figures in Markdown."""
    lines = [list(HEADINGS), ["---:"] * len(HEADINGS), *(line for found in comparisons for line in found.rows())]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main() -> None:
    """Compare the engines at each size, and print the table."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, metavar="ACCOUNTS")
    parser.add_argument("--memory", default="2g", help="the heap of Spark's server (2g)")
    options = parser.parse_args()
    comparisons = []
    for accounts in options.sizes:
        with tempfile.TemporaryDirectory(prefix="bench-engines-") as folder:
            comparisons.append(compare(Path(folder), accounts, options.memory))
        print(f"{accounts} accounts done", file=sys.stderr, flush=True)
    print(f"First refresh, three years of history up to {DATE}, local[2], {os.cpu_count()} cores\n")
    print(as_table(comparisons))


if __name__ == "__main__":
    main()
