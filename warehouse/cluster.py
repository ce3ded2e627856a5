"""A real Spark cluster on this machine, from nothing but the `pyspark` package and Java.

Two shapes: a Master, its Workers and a Spark Connect server as processes of their own, or a Connect server alone with
`local[N]`. Everything listens on 127.0.0.1 only, and everything that is written lies in one folder:

    pids.json       what was started, and when: nothing else is ever stopped
    logs/           one log a process
    warehouse/      the tables of Spark's own catalog, which metastore_db/ keeps
    work/           the executors' working folders

`python -m warehouse.cluster start|stop|status`, or `with running(folder) as remote:` in tests.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Annotated

import typer

from warehouse.settings import BadSettings, get_settings, process_environment

HOST = "127.0.0.1"
PORT = 15002
SERVER = "connect"
JAVA_AT_LEAST = 17
READY_WITHIN_SECONDS = 120
PATIENCE_SECONDS = 15
STEP_SECONDS = 0.1
DAEMON_MEMORY = "512m"
# Each file and folder that Hadoop makes on a local disk is a `chmod` of its own, thousands a night: cheaply forked.
EXECUTOR_FLAGS = ("-XX:+UseSerialGC", "-Xss4m", "-Djdk.lang.Process.launchMechanism=VFORK")
# Executors compile what they run to the last level; the rest plans many short statements, and is done sooner with the
# first level only: half the processor time over 160 statements, though twice that for 5 million rows in `local[2]`.
# Level 1 alone would leave 48 MB for compiled code, which a night's plans fill: then they run interpreted, or fail
COMPILER_FLAGS = ("-XX:TieredStopAtLevel=1", "-XX:ReservedCodeCacheSize=512m")
# plans are many and short-lived, and Spark's classes alone pass the limit at which the first full collections begin
FLAGS = (*EXECUTOR_FLAGS, *COMPILER_FLAGS, "-XX:NewRatio=1", "-XX:MetaspaceSize=256m")
# nobody submits jobs to the Master over HTTP, or ends them there
CLOSED = ("-Dspark.master.rest.enabled=false", "-Dspark.ui.killEnabled=false")
LOGGING = """\
rootLogger.level = {level}
rootLogger.appenderRef.stderr.ref = console
appender.console.type = Console
appender.console.name = console
appender.console.target = SYSTEM_ERR
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{{yyyy-MM-dd HH:mm:ss}} %p %c{{1}}: %m%n
logger.hive.name = org.apache.hadoop.hive.conf.HiveConf
logger.hive.level = error
"""


class ClusterFailed(Exception):
    """The cluster did not start, or cannot. The message is for a person, with the last lines of a log if there are."""


class AlreadyRunning(ClusterFailed):
    """A cluster runs in this folder; `remote` is its address."""

    def __init__(self, folder: Path, remote: str) -> None:
        super().__init__(f"Spark runs already in {folder}: {remote}")
        self.remote = remote


@dataclass(frozen=True)
class Process:
    """A process that we started. The pair of id and start time names it for good; an id alone comes back."""

    name: str
    pid: int
    started: str
    port: int = 0

    @property
    def is_running(self) -> bool:
        return started_at(self.pid) == self.started


@dataclass(frozen=True)
class Shape:
    """What kind of cluster.

    Without `master` it is a Master of its own and `workers` Workers of one core each; with `local[2]` the server alone;
    with `spark://...` the server for a Master that is there. Port 0 takes a free one. `home` is a Spark installation
    other than this Python's `pyspark`. `conf` wins over what we set.
    """

    workers: int = 2
    master: str | None = None
    port: int = PORT
    memory: str | None = None
    executor_memory: str = "1g"
    shuffle_partitions: int = 2
    home: Path | None = None
    jars: tuple[Path, ...] = ()
    conf: Mapping[str, str] = field(default_factory=dict)
    ui: bool = False
    log_level: str = "warn"

    @property
    def driver_memory(self) -> str:
        return self.memory or ("1500m" if self.master is None else "2g")


def start(folder: Path, shape: Shape | None = None) -> str:
    """Start a cluster and return the address of its Connect server once that accepts connections.

    Raises AlreadyRunning, or ClusterFailed; then nothing is left running.
    """
    folder, shape = folder.expanduser().absolute(), shape or Shape()
    _refuse_if_running(folder)
    require_java()
    home = _require_connect(shape.home or own_spark_home())
    shape = _with_port(shape)
    for part in ("logs", "conf", "work"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    (folder / "conf" / "log4j2.properties").write_text(LOGGING.format(level=shape.log_level), encoding="utf-8")
    try:
        _launch_all(folder, home, shape)
    except BaseException:
        stop(folder)
        raise
    return remote_of(shape.port)


def stop(folder: Path, patience_seconds: float = PATIENCE_SECONDS) -> list[Process]:
    """End what `start` began in this folder, by SIGTERM, then by SIGKILL; returns what was still running.

    Nothing happens when nothing runs, and a process that merely got the id of one of ours is left alone.
    """
    folder = folder.expanduser().absolute()
    ours = [process for process in reversed(recorded(folder)) if process.is_running]
    for process in ours:
        _signal(process, signal.SIGTERM)
    if not _wait_for_end(ours, patience_seconds):
        for process in ours:
            _signal(process, signal.SIGKILL)
        _wait_for_end(ours, patience_seconds)
    (folder / "pids.json").unlink(missing_ok=True)
    return ours


def status(folder: Path) -> list[Process]:
    """The processes that `start` began in this folder; `is_running` tells which are left."""
    return recorded(folder.expanduser().absolute())


@contextlib.contextmanager
def running(folder: Path, *, master: str | None = "local[2]", port: int = 0, **options) -> Iterator[str]:
    """A cluster for the length of the block; yields the address of its Connect server. Options are those of `Shape`."""
    remote = start(folder, Shape(master=master, port=port, **options))
    try:
        yield remote
    finally:
        stop(folder)


# --- what Spark is told -----------------------------------------------------------------------------------------------


def remote_of(port: int) -> str:
    """The address of a Connect server, as clients want it."""
    return f"sc://{HOST}:{port}"


def server_conf(folder: Path, shape: Shape) -> dict[str, str]:
    """The configuration of the Connect server, and so of the whole application."""
    metastore = folder / "metastore_db"
    own = {
        "spark.connect.grpc.binding.address": HOST,
        "spark.connect.grpc.binding.port": str(shape.port),
        "spark.driver.host": HOST,
        "spark.driver.bindAddress": HOST,
        "spark.ui.enabled": str(shape.ui).lower(),
        "spark.executor.memory": shape.executor_memory,
        "spark.executor.extraJavaOptions": " ".join(EXECUTOR_FLAGS),
        "spark.driver.extraJavaOptions": " ".join(FLAGS),
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": str(shape.shuffle_partitions),
        "spark.sql.sources.partitionOverwriteMode": "dynamic",
        # nothing of ours looks for the empty file that says a table was written
        "spark.hadoop.mapreduce.fileoutputcommitter.marksuccessfuljobs": "false",
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
        "spark.sql.catalogImplementation": "hive",
        "spark.hadoop.javax.jdo.option.ConnectionURL": f"jdbc:derby:;databaseName={metastore};create=true",
    }
    if shape.jars:
        own["spark.jars"] = ",".join(str(jar) for jar in shape.jars)
    return own | dict(shape.conf)


def server_arguments(folder: Path, shape: Shape, master: str) -> list[str]:
    """The Connect server, as arguments of `spark-class`."""
    pairs = [text for name, value in server_conf(folder, shape).items() for text in ("--conf", f"{name}={value}")]
    return [
        "org.apache.spark.deploy.SparkSubmit",
        *("--class", "org.apache.spark.sql.connect.service.SparkConnectServer"),
        *("--name", "throughline", "--master", master, "--driver-memory", shape.driver_memory),
        *pairs,
        "spark-internal",
    ]


def master_arguments(port: int) -> list[str]:
    """The Master, as arguments of `spark-class`."""
    return ["org.apache.spark.deploy.master.Master", "--host", HOST, "--port", str(port), "--webui-port", "0"]


def worker_arguments(folder: Path, shape: Shape, master: str) -> list[str]:
    """A Worker with one core, as arguments of `spark-class`."""
    return [
        "org.apache.spark.deploy.worker.Worker",
        *("--host", HOST, "--webui-port", "0", "--cores", "1", "--memory", shape.executor_memory),
        *("--work-dir", str(folder / "work"), master),
    ]


def iceberg_conf(warehouse: Path) -> dict[str, str]:
    """The Iceberg catalog `ice`, as the default one. It wants `iceberg_jar` on the class path."""
    return {
        "spark.sql.extensions": "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions",
        "spark.sql.catalog.ice": "org.apache.iceberg.spark.SparkCatalog",
        "spark.sql.catalog.ice.type": "hadoop",
        "spark.sql.catalog.ice.warehouse": str(warehouse),
        "spark.sql.defaultCatalog": "ice",
    }


def iceberg_jar() -> Path:
    """Iceberg's runtime for Spark 3.5, which a Python package carries. Raises ClusterFailed where that is missing."""
    found = importlib.util.find_spec("snowpark_connect_deps_iceberg")
    jars = sorted(Path(found.origin or "").parent.glob("jars/iceberg-spark-runtime-3.5_2.12-*.jar")) if found else []
    if not jars:
        raise ClusterFailed(
            "Iceberg's jar is not installed here: make setup-iceberg, and use the Python of .venv-iceberg"
        )
    return jars[-1]


# --- what must be there -----------------------------------------------------------------------------------------------


def own_spark_home() -> Path:
    """The Spark inside the `pyspark` of this Python. Raises ClusterFailed without one."""
    found = importlib.util.find_spec("pyspark")
    home = Path(found.origin or "").parent if found else None
    if home is None or not (home / "jars").is_dir():
        raise ClusterFailed("Spark is not installed here: make setup-spark")
    return home


def _require_connect(home: Path) -> Path:
    """A Spark before 4.0 has no Connect server in its Python package."""
    if not any((home / "jars").glob("spark-connect_*.jar")):
        raise ClusterFailed(f"the Spark in {home} has no Connect server (spark-connect_*.jar in jars/)")
    return home


def require_java() -> None:
    """Raises ClusterFailed, with what to do, when no Java of at least version 17 is there."""
    java_home = process_environment().get("JAVA_HOME")
    java = str(Path(java_home, "bin", "java")) if java_home else shutil.which("java")
    advice = f"Spark needs Java {JAVA_AT_LEAST} or newer (Debian: openjdk-17-jre-headless)"
    if not java or not Path(java).exists():
        raise ClusterFailed(f"{advice}: {java or 'java'} is not there")
    said = subprocess.run([java, "-version"], capture_output=True, text=True).stderr
    version = java_version(said)
    if version < JAVA_AT_LEAST:
        raise ClusterFailed(f"{advice}: {java} is {version or 'of an unknown version'}")


def java_version(said: str) -> int:
    """The major version in what `java -version` says; 0 if it says none. Up to Java 8 it comes second: 1.8."""
    found = re.search(r'version "(?:1\.)?(\d+)', said)
    return int(found[1]) if found else 0


def _refuse_if_running(folder: Path) -> None:
    """Say that it runs; sweep up what a crash has left of one."""
    known = recorded(folder)
    if any(process.name == SERVER and process.is_running for process in known):
        raise AlreadyRunning(folder, remote_of(next(process.port for process in known if process.name == SERVER)))
    stop(folder)


def _with_port(shape: Shape) -> Shape:
    if shape.port == 0:
        return replace(shape, port=free_port())
    if _accepts(shape.port):
        raise ClusterFailed(f"port {shape.port} is taken by another program: choose one with --port, or 0 for any")
    return shape


# --- processes --------------------------------------------------------------------------------------------------------


def _launch_all(folder: Path, home: Path, shape: Shape) -> None:
    master = shape.master
    if master is None:
        master_port = free_port()
        master = f"spark://{HOST}:{master_port}"
        began = _launch(folder, home, "master", master_arguments(master_port), DAEMON_MEMORY, master_port)
        _wait_for_port(folder, began)
        for number in range(1, shape.workers + 1):
            _launch(folder, home, f"worker-{number}", worker_arguments(folder, shape, master), DAEMON_MEMORY, 0)
    arguments = server_arguments(folder, shape, master)
    _wait_for_port(folder, _launch(folder, home, SERVER, arguments, shape.driver_memory, shape.port))


def _launch(folder: Path, home: Path, name: str, arguments: Sequence[str], memory: str, port: int) -> Process:
    """Start a process that outlives us and answers to no terminal, and write it down."""
    with (folder / "logs" / f"{name}.log").open("wb") as log:
        begun = subprocess.Popen(
            [str(home / "bin" / "spark-class"), *arguments],
            cwd=folder,
            env=_environment(folder, home, memory),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    process = Process(name, begun.pid, started_at(begun.pid) or "", port)
    _record(folder, [*recorded(folder), process])
    return process


def _environment(folder: Path, home: Path, memory: str) -> dict[str, str]:
    """Ours, less what would lead Spark elsewhere, and less the keys of the sources."""
    foreign = ("THROUGHLINE_", "SPARK_", "PYSPARK_", "HADOOP_", "HIVE_", "JDK_JAVA_OPTIONS", "JAVA_TOOL_OPTIONS")
    return {name: value for name, value in process_environment().items() if not name.startswith(foreign)} | {
        "SPARK_HOME": str(home),
        "SPARK_CONF_DIR": str(folder / "conf"),
        "SPARK_LOCAL_IP": HOST,
        "SPARK_DAEMON_MEMORY": memory,
        "SPARK_DAEMON_JAVA_OPTS": " ".join((*FLAGS, *CLOSED)),
    }


def recorded(folder: Path) -> list[Process]:
    """What pids.json says; nothing, if it is absent or unreadable."""
    try:
        return [Process(**entry) for entry in json.loads((folder / "pids.json").read_text(encoding="utf-8"))]
    except (OSError, ValueError, TypeError):
        return []


def _record(folder: Path, processes: Sequence[Process]) -> None:
    draft = folder / "pids.json.tmp"
    draft.write_text(json.dumps([asdict(process) for process in processes], indent=1), encoding="utf-8")
    draft.replace(folder / "pids.json")


def started_at(pid: int) -> str | None:
    """When a process began, in the system's own terms; None for one that is not there or has ended."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    if not Path("/proc/self/stat").exists():
        said = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True).stdout
        return said.strip() or None
    try:
        # the name in parentheses may hold anything, spaces included
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else fields[19]


def _signal(process: Process, number: signal.Signals) -> None:
    """To the process and, as it leads a group of its own, to the executors that it started."""
    if process.is_running:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)


def _wait_for_end(processes: Sequence[Process], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while any(process.is_running for process in processes):
        if time.monotonic() > deadline:
            return False
        time.sleep(STEP_SECONDS)
    return True


def _wait_for_port(folder: Path, process: Process) -> None:
    deadline = time.monotonic() + READY_WITHIN_SECONDS
    while not _accepts(process.port):
        if not process.is_running:
            raise ClusterFailed(f"Spark's {process.name} process has stopped:\n{_last_words(folder, process.name)}")
        if time.monotonic() > deadline:
            seconds = READY_WITHIN_SECONDS
            raise ClusterFailed(
                f"Spark's {process.name} was not ready after {seconds} s:\n{_last_words(folder, process.name)}"
            )
        time.sleep(STEP_SECONDS)


def _last_words(folder: Path, name: str, lines: int = 15) -> str:
    text = (folder / "logs" / f"{name}.log").read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join(text[-lines:]) or "it said nothing"


def _accepts(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((HOST, port)) == 0


def free_port() -> int:
    """A port that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


# --- python -m warehouse.cluster --------------------------------------------------------------------------------------

app = typer.Typer(
    help="A Spark cluster on this machine.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
Folder = Annotated[Path | None, typer.Option("--folder", help="Where it lives: `spark` in the data folder if absent.")]


@app.command("start")
def start_command(
    folder: Folder = None,
    workers: Annotated[int, typer.Option(min=1, help="How many Workers, of one core each.")] = 2,
    master: Annotated[str | None, typer.Option(help="`local[2]`: no Master and Workers, the server alone.")] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="The server's port; 0 for a free one.")] = PORT,
    memory: Annotated[str | None, typer.Option(help="The server's heap, such as 2g.")] = None,
    executor_memory: Annotated[str, typer.Option(help="An executor's heap, such as 1g.")] = "1g",
    ui: Annotated[bool, typer.Option("--ui", help="Serve Spark's web pages.")] = False,
) -> None:
    """Start it, and print the settings that make Throughline use it."""
    try:
        shape = Shape(workers=workers, master=master, port=port, memory=memory, executor_memory=executor_memory, ui=ui)
        remote = start(folder or _default_folder(), shape)
    except AlreadyRunning as here:
        print(here, file=sys.stderr)
        remote = here.remote
    print(f"THROUGHLINE_TARGET=spark\nTHROUGHLINE_SPARK_REMOTE={remote}")


@app.command("stop")
def stop_command(folder: Folder = None) -> None:
    """Stop it, if it runs."""
    ended = stop(folder or _default_folder())
    print(f"stopped: {', '.join(process.name for process in ended)}" if ended else "Spark was not running")


@app.command("status")
def status_command(folder: Folder = None) -> None:
    """What runs. Exit code 0 if all does, 1 if not."""
    known = status(folder or _default_folder())
    for process in known:
        print(f"{process.name:<10} {process.pid:>8}  {'running' if process.is_running else 'stopped'}")
    if not known:
        print("Spark is not running")
    raise typer.Exit(0 if known and all(process.is_running for process in known) else 1)


@app.command("java")
def java_command() -> None:
    """Whether there is a Java that Spark can use."""
    require_java()


def _default_folder() -> Path:
    return get_settings().data_dir / "spark"


def main() -> None:
    """Entry point: what a person can put right is said without a traceback."""
    try:
        app()
    except (ClusterFailed, BadSettings) as error:
        print(error, file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
