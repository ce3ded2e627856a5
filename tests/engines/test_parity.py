"""The same models on Spark, row for row: the sandbox company, a whole build and then one more day."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.end_to_end.company import DATE
from tests.end_to_end.company import company as sandbox_company
from tests.engines.compare import compared_rows, differences
from tests.engines.parity import Nights, on_both
from tests.engines.server import SMALL
from warehouse import cluster

ACCOUNTS = int(os.environ.get("PARITY_ACCOUNTS", "300"))


@pytest.mark.spark
def test_first_night_and_next_day_are_the_same_on_both_engines(tmp_path: Path, request: pytest.FixtureRequest):
    with nights(tmp_path, lambda: request.getfixturevalue("server").remote) as company:
        prove(company, request.getfixturevalue("server").folder)


@pytest.mark.cluster
def test_two_workers_give_the_rows_of_one_machine(tmp_path: Path):
    pytest.importorskip("pyspark")
    folder = tmp_path / "spark"
    with ExitStack() as running:
        workers = cluster.running(folder, master=None, workers=2, shuffle_partitions=1, conf=SMALL)
        company = running.enter_context(nights(tmp_path, lambda: running.enter_context(workers)))
        prove(company, folder)


@contextmanager
def nights(folder: Path, server: Callable[[], str]) -> Iterator[Nights]:
    """A company and both installations; its history is made while the server starts, whose address `server` gives."""
    with ExitStack() as running, ThreadPoolExecutor() as pool:
        sandbox = sandbox_company(folder / "duckdb", seed=3, accounts=ACCOUNTS, date=DATE)
        served = pool.submit(running.enter_context, sandbox)
        remote = server()
        yield on_both(served.result(), folder / "on_spark", remote)


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
