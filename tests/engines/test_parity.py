"""The same models on Spark, row for row: the sandbox company, a whole build and then one more day."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.company import DATE
from tests.end_to_end.company import company as sandbox_company
from tests.engines.compare import compared_rows, differences
from tests.engines.parity import Nights, on_both
from warehouse import cluster

ACCOUNTS = int(os.environ.get("PARITY_ACCOUNTS", "300"))
# a thousand small statements: interpreted plans and one partition cost less than compiled code would save
SMALL = {
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.adaptive.enabled": "false",
    # nor is a plan for a hundred rows worth looking for more filters, for shared expressions, or looking over twice
    "spark.sql.constraintPropagation.enabled": "false",
    "spark.sql.subexpressionElimination.enabled": "false",
    "spark.sql.lightweightPlanChangeValidation": "false",
    # one task a scan: dbt's threads keep both cores busy as it is
    "spark.default.parallelism": "1",
    "spark.sql.parquet.compression.codec": "uncompressed",
    # memory in small pieces: whoever sums ten rows is given, and clears, one piece
    "spark.buffer.pageSize": "4m",
    "spark.broadcast.blockSize": "64k",
    # no file of checksums beside each file
    "spark.hadoop.fs.file.impl": "org.apache.hadoop.fs.RawLocalFileSystem",
}
# two nights on one server are long enough for compiling to the last level to pay
COMPILED = {"spark.driver.extraJavaOptions": " ".join((*cluster.FLAGS, "-XX:TieredStopAtLevel=4"))}
IN_MEMORY = {"spark.sql.catalogImplementation": "in-memory"}


@contextmanager
def engines(tmp_path_factory: pytest.TempPathFactory, **cluster_options: Any) -> Iterator[tuple[Nights, Path]]:
    """A company, both installations, and the folder of the Spark server."""
    pytest.importorskip("pyspark")
    server, folder = tmp_path_factory.mktemp("spark"), tmp_path_factory.mktemp("parity")
    with ExitStack() as running, ThreadPoolExecutor() as pool:
        # the company's history is made while the server starts
        served = pool.submit(
            running.enter_context, sandbox_company(folder / "duckdb", seed=3, accounts=ACCOUNTS, date=DATE)
        )
        remote = running.enter_context(cluster.running(server, shuffle_partitions=1, **cluster_options))
        yield on_both(served.result(), folder / "spark", remote), server


@pytest.mark.spark
def test_first_night_and_next_day_are_the_same_on_both_engines(tmp_path_factory: pytest.TempPathFactory):
    # one server for the length of the test: its catalog need not outlive it
    with engines(tmp_path_factory, master="local[2]", conf=SMALL | COMPILED | IN_MEMORY) as (company, server):
        prove(company, server)


@pytest.mark.cluster
def test_two_workers_give_the_rows_of_one_machine(tmp_path_factory: pytest.TempPathFactory):
    with engines(tmp_path_factory, master=None, workers=2, conf=SMALL) as (company, server):
        prove(company, server)


def prove(company: Nights, server: Path) -> None:
    """A whole build, then one more day, are row-identical; the day is an increment; Spark's readers follow."""
    company.refresh()
    assert differences(company.duckdb.published, company.spark.published) == []
    assert compared_rows(company.spark.published) > 100 * ACCOUNTS
    first, months_before = company.spark.published.resolve().stem, event_months(server)

    company.advance()
    company.refresh()
    assert differences(company.duckdb.published, company.spark.published) == []
    second, months = company.spark.published.resolve().stem, event_months(server)
    assert second != first
    # the month of the new day was written again, and all others were left alone
    assert len([month for month in months if months[month] != months_before.get(month)]) == 1

    marts = company.spark.query("select count(*) from metrics.unit_economics_monthly")[0][0]
    assert spark_readers(company) == (second, marts)
    back = company.spark.throughline("rollback")
    assert back.returncode == 0, back.stdout + back.stderr
    assert spark_readers(company)[0] == first == company.spark.published.resolve().stem


def event_months(folder: Path) -> dict[str, set[str]]:
    """The files of each month of the incremental model."""
    table = folder / "warehouse" / "staging.db" / "stg_encharge__events"
    return {month.name: {file.name for file in month.glob("*.parquet")} for month in table.glob("*=*")}


def spark_readers(company: Nights) -> tuple[str, int]:
    """What a reader on Spark sees: the version, and the months of a mart."""
    from warehouse.settings import Settings
    from warehouse.spark import Spark

    settings = Settings(
        data_dir=company.spark.data_dir,
        target="spark",
        spark_remote=company.spark.overrides["THROUGHLINE_SPARK_REMOTE"],
    )
    with Spark(settings).session() as spark:
        run_id = spark.sql("select run_id from published_meta.current_version").collect()[0][0]
        rows = spark.sql("select count(*) from published_metrics.unit_economics_monthly").collect()[0][0]
    return run_id, rows
