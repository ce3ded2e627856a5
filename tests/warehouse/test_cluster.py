"""The local Spark cluster: what Spark is told, and that nobody else's process is ever stopped.

Most tests put a small program in Spark's place; those that start the real one are marked.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from warehouse import cluster
from warehouse.cluster import AlreadyRunning, ClusterFailed, Process, Shape

LISTENS = """\
import re, signal, socket, sys, time
if {deaf}: signal.signal(signal.SIGTERM, signal.SIG_IGN)
port = int(re.search(r"binding.port=(\\d+)|--port (\\d+)|$", " ".join(sys.argv)).expand(r"\\1\\2") or 0)
listener = socket.create_server(("127.0.0.1", port))
time.sleep(120)
"""
DIES = "import sys; print('no room for the heap'); sys.exit(1)"


@pytest.fixture
def sleeper():
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(120)"], start_new_session=True)
    yield process
    process.kill()
    process.wait()


@pytest.fixture
def spark_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Makes a Spark installation whose processes run a program of ours."""
    monkeypatch.setattr(cluster, "require_java", lambda: None)

    def make(program: str) -> Path:
        home = tmp_path / "spark home"
        (home / "bin").mkdir(parents=True)
        (home / "jars").mkdir()
        (home / "jars" / "spark-connect_2.13-4.3.0.jar").touch()
        (home / "program.py").write_text(program)
        (home / "bin" / "spark-class").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$SPARK_HOME/program.py" "$@"\n')
        (home / "bin" / "spark-class").chmod(0o755)
        return home

    return make


def write_pids(folder: Path, *processes: Process) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pids.json").write_text(json.dumps([vars(process) for process in processes]))


# --- what Spark is told -----------------------------------------------------------------------------------------------


def test_the_server_is_told_to_stay_on_this_machine_and_inside_its_folder(tmp_path: Path):
    conf = cluster.server_conf(tmp_path, Shape(port=4711))
    assert conf["spark.connect.grpc.binding.address"] == conf["spark.driver.bindAddress"] == "127.0.0.1"
    assert conf["spark.connect.grpc.binding.port"] == "4711"
    assert conf["spark.sql.session.timeZone"] == "UTC"
    assert conf["spark.sql.sources.partitionOverwriteMode"] == "dynamic"
    assert conf["spark.sql.warehouse.dir"] == str(tmp_path / "warehouse")
    assert f"databaseName={tmp_path / 'metastore_db'};" in conf["spark.hadoop.javax.jdo.option.ConnectionURL"]
    assert "spark.sql.ansi.enabled" not in conf and "spark.jars" not in conf


def test_what_the_caller_sets_wins(tmp_path: Path):
    shape = Shape(conf={"spark.sql.shuffle.partitions": "8", "a": "b"}, jars=(Path("/x/a.jar"), Path("/x/b.jar")))
    conf = cluster.server_conf(tmp_path, shape)
    assert (conf["spark.sql.shuffle.partitions"], conf["a"], conf["spark.jars"]) == ("8", "b", "/x/a.jar,/x/b.jar")


@pytest.mark.parametrize(
    ("shape", "memory"), [(Shape(), "1500m"), (Shape(master="local[2]"), "2g"), (Shape(memory="3g"), "3g")]
)
def test_the_servers_command(tmp_path: Path, shape: Shape, memory: str):
    arguments = cluster.server_arguments(tmp_path, shape, shape.master or "spark://127.0.0.1:7077")
    assert arguments[0] == "org.apache.spark.deploy.SparkSubmit" and arguments[-1] == "spark-internal"
    assert arguments[arguments.index("--driver-memory") + 1] == memory
    assert arguments[arguments.index("--master") + 1] == (shape.master or "spark://127.0.0.1:7077")
    assert arguments.count("--conf") == len(cluster.server_conf(tmp_path, shape))


def test_master_and_workers_stay_on_this_machine(tmp_path: Path):
    master = cluster.master_arguments(7077)
    worker = cluster.worker_arguments(tmp_path, Shape(executor_memory="3g"), "spark://127.0.0.1:7077")
    assert master[1:5] == ["--host", "127.0.0.1", "--port", "7077"]
    assert worker[1:3] == ["--host", "127.0.0.1"] and worker[-1] == "spark://127.0.0.1:7077"
    assert worker[worker.index("--memory") + 1] == "3g"


def test_the_shells_own_spark_settings_are_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SPARK_REMOTE", "sc://elsewhere")
    monkeypatch.setenv("PYSPARK_SUBMIT_ARGS", "--master yarn")
    monkeypatch.setenv("THROUGHLINE_STRIPE_API_KEY", "a secret")
    environment = cluster._environment(tmp_path, tmp_path / "home", "1g")
    assert not {"SPARK_REMOTE", "PYSPARK_SUBMIT_ARGS", "THROUGHLINE_STRIPE_API_KEY"} & set(environment)
    assert environment["SPARK_LOCAL_IP"] == "127.0.0.1" and environment["SPARK_CONF_DIR"] == str(tmp_path / "conf")


@pytest.mark.parametrize(
    ("said", "version"),
    [
        ('openjdk version "17.0.15" 2025-04-15', 17),
        ('Picked up JAVA_TOOL_OPTIONS: -Dx\nopenjdk version "21" 2023-09-19', 21),
        ('java version "1.8.0_392"', 8),
        ("what?", 0),
    ],
)
def test_versions_of_java(said: str, version: int):
    assert cluster.java_version(said) == version


def test_without_java_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "nowhere"))
    with pytest.raises(ClusterFailed, match="Java 17 or newer"):
        cluster.require_java()


# --- nobody else's process --------------------------------------------------------------------------------------------


def test_stopping_when_nothing_runs(tmp_path: Path):
    assert cluster.stop(tmp_path / "never") == []
    assert cluster.status(tmp_path / "never") == []


def test_a_process_that_got_the_id_of_one_of_ours_is_left_alone(tmp_path: Path, sleeper: subprocess.Popen):
    write_pids(tmp_path, Process("connect", sleeper.pid, started="1"))
    assert [process.is_running for process in cluster.status(tmp_path)] == [False]
    assert cluster.stop(tmp_path) == []
    assert sleeper.poll() is None and not (tmp_path / "pids.json").exists()


def test_an_id_that_is_gone(tmp_path: Path, sleeper: subprocess.Popen):
    write_pids(tmp_path, Process("connect", sleeper.pid, cluster.started_at(sleeper.pid) or ""))
    sleeper.kill()
    sleeper.wait()
    assert cluster.stop(tmp_path) == []


@pytest.mark.parametrize("content", ["", "{", '[{"pid": 1}]', "[1]"])
def test_an_unreadable_pid_file_stops_nothing(tmp_path: Path, content: str):
    (tmp_path / "pids.json").write_text(content)
    assert cluster.stop(tmp_path) == []


def test_ours_is_stopped(tmp_path: Path, sleeper: subprocess.Popen):
    process = Process("connect", sleeper.pid, cluster.started_at(sleeper.pid) or "")
    write_pids(tmp_path, process)
    assert cluster.stop(tmp_path) == [process]
    assert not process.is_running


# --- from start to stop -----------------------------------------------------------------------------------------------


def test_a_server_alone(tmp_path: Path, spark_of):
    folder, home = tmp_path / "cluster", spark_of(LISTENS.format(deaf=False))
    with cluster.running(folder, home=home) as remote:
        assert remote.startswith("sc://127.0.0.1:")
        assert [(process.name, process.is_running) for process in cluster.status(folder)] == [("connect", True)]
        with pytest.raises(AlreadyRunning) as refused:
            cluster.start(folder, Shape(home=home, port=0))
        assert refused.value.remote == remote and str(folder) in str(refused.value)
        started = cluster.status(folder)
    assert not started[0].is_running and cluster.status(folder) == []


def test_a_whole_cluster(tmp_path: Path, spark_of):
    folder = tmp_path / "cluster"
    cluster.start(folder, Shape(workers=2, port=0, home=spark_of(LISTENS.format(deaf=False))))
    assert [process.name for process in cluster.status(folder)] == ["master", "worker-1", "worker-2", "connect"]
    assert [process.name for process in cluster.stop(folder)] == ["connect", "worker-2", "worker-1", "master"]


def test_what_a_crash_left_is_swept_up(tmp_path: Path, spark_of):
    folder, home = tmp_path / "cluster", spark_of(LISTENS.format(deaf=False))
    cluster.start(folder, Shape(workers=1, port=0, home=home))
    before = cluster.status(folder)
    os.kill(before[-1].pid, signal.SIGKILL)
    cluster._wait_for_end(before[-1:], 10)
    cluster.start(folder, Shape(workers=1, port=0, home=home))
    assert not any(process.is_running for process in before)
    assert all(process.is_running for process in cluster.status(folder))
    cluster.stop(folder)


def test_one_that_does_not_listen_to_sigterm_is_killed(tmp_path: Path, spark_of):
    folder = tmp_path / "cluster"
    cluster.start(folder, Shape(master="local[2]", port=0, home=spark_of(LISTENS.format(deaf=True))))
    (server,) = cluster.stop(folder, patience_seconds=0.3)
    assert not server.is_running


def test_a_server_that_dies_takes_the_rest_along_and_its_last_words_are_said(tmp_path: Path, spark_of):
    folder = tmp_path / "cluster"
    with pytest.raises(ClusterFailed, match="no room for the heap"):
        cluster.start(folder, Shape(port=0, home=spark_of(DIES)))
    assert cluster.status(folder) == []


def test_a_taken_port_is_refused(tmp_path: Path, spark_of):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(ClusterFailed, match=f"port {port} is taken"):
            cluster.start(tmp_path / "cluster", Shape(master="local[2]", port=port, home=spark_of(DIES)))


def test_a_spark_without_a_connect_server_is_refused(tmp_path: Path, spark_of):
    home = spark_of(DIES)
    next((home / "jars").iterdir()).unlink()
    with pytest.raises(ClusterFailed, match="no Connect server"):
        cluster.start(tmp_path / "cluster", Shape(home=home, port=0))


# --- the real one -----------------------------------------------------------------------------------------------------


def count_of_a_new_table(remote: str) -> int:
    from pyspark.sql import SparkSession

    spark = SparkSession.builder.remote(remote).create()
    try:
        spark.sql("create database if not exists probe")
        spark.sql("create table probe.numbers using parquet as select id from range(0, 1000, 1, 4)")
        return spark.sql("select count(distinct id) from probe.numbers").collect()[0][0]
    finally:
        spark.stop()


@pytest.mark.cluster
def test_a_real_server_keeps_its_tables_over_a_restart(tmp_path: Path):
    from pyspark.sql import SparkSession

    folder = tmp_path / "a cluster"
    with cluster.running(folder) as remote:
        assert count_of_a_new_table(remote) == 1000
    assert (folder / "warehouse" / "probe.db" / "numbers").is_dir()
    with cluster.running(folder) as remote:
        spark = SparkSession.builder.remote(remote).create()
        assert spark.table("probe.numbers").count() == 1000
        assert spark.conf.get("spark.sql.session.timeZone") == "UTC"
        spark.stop()


@pytest.mark.cluster
def test_a_real_cluster_works_on_both_of_its_workers(tmp_path: Path):
    with cluster.running(tmp_path, master=None, workers=2) as remote:
        assert count_of_a_new_table(remote) == 1000
        assert {folder.name for folder in tmp_path.glob("work/app-*/*")} == {"0", "1"}


@pytest.mark.iceberg
def test_an_iceberg_table_is_written_and_read_back_with_its_history(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from pyspark.sql import SparkSession

    monkeypatch.setenv("SPARK_LOCAL_IP", cluster.HOST)
    settings = cluster.iceberg_conf(tmp_path / "ice") | {"spark.jars": str(cluster.iceberg_jar())}
    builder = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
    for name, value in settings.items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    try:
        spark.sql("create namespace if not exists probe")
        spark.sql("create table probe.deals (id bigint, stage string) using iceberg partitioned by (stage)")
        spark.sql("insert into probe.deals values (1, 'open'), (2, 'open')")
        spark.sql(
            "merge into probe.deals using (select 2L as id) as won on deals.id = won.id "
            "when matched then update set stage = 'won'"
        )
        assert {tuple(row) for row in spark.table("probe.deals").collect()} == {(1, "open"), (2, "won")}
        assert spark.sql("select count(*) from ice.probe.deals.snapshots").collect()[0][0] == 2
    finally:
        spark.stop()
