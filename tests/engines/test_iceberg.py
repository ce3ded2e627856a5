"""Iceberg tables: the same rows once more. Runs in the environment of `make setup-iceberg`, whose Spark has no server
to connect to, so that each night is a session in its own process."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.end_to_end.company import DATE
from tests.end_to_end.company import company as sandbox_company
from tests.engines.compare import differences
from tests.engines.parity import on_both
from warehouse import cluster

ACCOUNTS = 20


def catalog(folder: Path) -> dict[str, str]:
    """Spark's own catalog, which knows Iceberg's tables and all others; kept in a file, as nights follow each other."""
    return {
        "spark.jars": str(cluster.iceberg_jar()),
        "spark.sql.extensions": "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions",
        "spark.sql.catalog.spark_catalog": "org.apache.iceberg.spark.SparkSessionCatalog",
        "spark.sql.catalog.spark_catalog.type": "hive",
        "spark.sql.catalogImplementation": "hive",
        # the metastore inside the process has no lock manager, and one writer at a time is ours to see to
        "spark.hadoop.iceberg.engine.hive.lock-enabled": "false",
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
        "spark.hadoop.javax.jdo.option.ConnectionURL": f"jdbc:derby:;databaseName={folder / 'metastore'};create=true",
        "spark.sql.shuffle.partitions": "1",
        "spark.ui.enabled": "false",
        "spark.driver.memory": "2g",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.extraJavaOptions": " ".join(
            [*cluster.FLAGS, f"-Dderby.stream.error.file={folder / 'derby.log'}"]
        ),
    }


@pytest.mark.iceberg
def test_iceberg_tables_give_the_rows_of_duckdb(tmp_path: Path):
    pytest.importorskip("snowpark_connect_deps_iceberg")
    conf = tmp_path / "conf"
    conf.mkdir()
    lines = [f"{name} {value}" for name, value in catalog(tmp_path).items()]
    (conf / "spark-defaults.conf").write_text("\n".join(lines) + "\n", encoding="utf-8")
    with sandbox_company(tmp_path / "duckdb", seed=3, accounts=ACCOUNTS, date=DATE) as sandbox:
        company = on_both(sandbox, tmp_path / "spark", "local[2]")
        company.spark.overrides |= {"SPARK_CONF_DIR": str(conf), "THROUGHLINE_SPARK_TABLE_FORMAT": "iceberg"}
        company.refresh()
        assert differences(company.duckdb.published, company.spark.published) == []
        assert (tmp_path / "warehouse" / "metrics.db" / "unit_economics_monthly" / "metadata").is_dir()

        company.advance()
        company.refresh()
        assert differences(company.duckdb.published, company.spark.published) == []
