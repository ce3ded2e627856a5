"""The same models on Spark, row for row: the sandbox company, a whole build and then one more day."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engines.compare import compared_rows, differences
from tests.engines.parity import Nights, nights
from warehouse import cluster

ACCOUNTS = int(os.environ.get("PARITY_ACCOUNTS", "300"))
# a thousand small statements: interpreted plans and one partition cost less than compiled code would save
SMALL = {
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.adaptive.enabled": "false",
}

pytestmark = pytest.mark.spark


@pytest.fixture(scope="module")
def spark_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("spark")


@pytest.fixture(scope="module")
def company(spark_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nights]:
    pytest.importorskip("pyspark")
    folder = tmp_path_factory.mktemp("parity")
    with (
        cluster.running(spark_folder, master="local[2]", shuffle_partitions=1, conf=SMALL) as remote,
        nights(folder, remote, accounts=ACCOUNTS) as both,
    ):
        yield both


def test_first_night_and_next_day_are_the_same_on_both_engines(company: Nights, spark_folder: Path):
    company.refresh()
    assert differences(company.duckdb.published, company.spark.published) == []
    assert compared_rows(company.spark.published) > 100 * ACCOUNTS
    first = company.spark.published.resolve().stem
    untouched = event_months(spark_folder)

    company.advance()
    company.refresh()
    assert differences(company.duckdb.published, company.spark.published) == []
    second = company.spark.published.resolve().stem
    assert second != first
    # the month of the new day was written again, and all others were left alone
    months = event_months(spark_folder)
    changed = {month for month in months if months[month] != untouched.get(month)}
    assert len(changed) == 1

    published = spark_readers(company)
    assert published == (second, company.spark.query("select count(*) from metrics.unit_economics_monthly")[0][0])
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
