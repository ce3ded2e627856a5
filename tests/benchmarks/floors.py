"""The floors: the same work done by the bare tools, each in a process of its own.

`python -m tests.benchmarks.floors dlt|dbt|gx` reads the settings of the refresh it is compared with. What it prepares
is done before the clock starts; it prints the CPU seconds that it used since then.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import process_time

from warehouse.settings import DBT_PROJECT, LEDGER, Settings, get_settings, prepare_process

STRIPE_LISTS = ("customers", "products", "prices", "coupons", "invoices", "charges", "refunds", "credit_notes")
STRIPE_LISTS += ("disputes", "balance_transactions", "subscriptions", "invoice_payments")
HUBSPOT_LISTS = ("contacts", "companies", "deals", "tickets", "calls", "emails", "meetings", "notes", "tasks")


def bare_dlt(settings: Settings) -> Callable[[], None]:
    """Page through the providers' lists, and load the rows of the raw ledger with dlt and nothing else."""
    import duckdb

    with duckdb.connect(str(settings.warehouse_path), read_only=True) as connection:
        tables = {
            source: {
                table: connection.execute(f"select * exclude (_dlt_load_id) from raw_{source}.{table}").to_arrow_table()
                for (table,) in connection.execute(
                    "select table_name from duckdb_columns() where schema_name = ? "
                    "and column_name = 'version_hash' and not starts_with(table_name, '_dlt')",
                    [f"raw_{source}"],
                ).fetchall()
            }
            for source in settings.sources_on
        }

    def work() -> None:
        prepare_process()
        import dlt

        _read_lists(settings)
        folder = tempfile.mkdtemp()
        for source, streams in tables.items():
            pipeline = dlt.pipeline(
                f"bare_{source}",
                pipelines_dir=folder,
                dataset_name=f"raw_{source}",
                destination=dlt.destinations.duckdb(f"{folder}/bare.duckdb"),
            )
            resources = [
                dlt.resource(
                    [table],
                    name=name,
                    write_disposition={"disposition": "merge", "strategy": "insert-only"},
                    primary_key=("id", "version_hash"),
                )
                for name, table in streams.items()
                if table.num_rows
            ]
            pipeline.run(resources, loader_file_format="parquet")
        shutil.rmtree(folder)

    return work


def _read_lists(settings: Settings) -> None:
    import httpx

    stripe, hubspot = settings.source("stripe"), settings.source("hubspot")
    with httpx.Client(timeout=60) as client:
        for name in STRIPE_LISTS:
            query: dict[str, str | int] = {"limit": 100} | ({"status": "all"} if name == "subscriptions" else {})
            headers = {"Authorization": f"Bearer {stripe.api_key.get_secret_value()}"}
            while True:
                page = client.get(f"{stripe.base_url}/v1/{name}", params=query, headers=headers).json()
                if not page["has_more"]:
                    break
                query["starting_after"] = page["data"][-1]["id"]
        for name in HUBSPOT_LISTS:
            query = {"limit": 50, "propertiesWithHistory": "hubspot_owner_id", "associations": "companies,contacts"}
            headers = {"Authorization": f"Bearer {hubspot.api_key.get_secret_value()}"}
            while True:
                page = client.get(f"{hubspot.base_url}/crm/v3/objects/{name}", params=query, headers=headers).json()
                if "paging" not in page:
                    break
                query["after"] = page["paging"]["next"]["after"]


def bare_dbt(settings: Settings) -> Callable[[], None]:
    """`dbt build` of the whole project on a copy of the warehouse, parsed before."""
    folder = Path(tempfile.mkdtemp())
    shutil.copyfile(settings.warehouse_path, folder / "warehouse.duckdb")
    prepare_process(settings.dbt_environment() | {"THROUGHLINE_WAREHOUSE_PATH": str(folder / "warehouse.duckdb")})
    from dbt.cli.main import dbtRunner

    common = ["--project-dir", str(DBT_PROJECT), "--profiles-dir", str(DBT_PROJECT), "--target-path", str(folder)]
    common += ["--log-path", str(folder), "--quiet", "--vars", json.dumps(settings.dbt_vars())]
    manifest = dbtRunner().invoke(["parse", *common]).result

    def work() -> None:
        result = dbtRunner(manifest=manifest).invoke(["build", "--exclude-resource-type", "unit_test", *common])
        assert result.success, result.exception
        shutil.rmtree(folder)

    return work


def bare_gx(settings: Settings) -> Callable[[], None]:
    """The suites' queries into pandas, and one validation a frame."""
    from ingestion.registry import SOURCES, streams_of
    from quality.run import scope_of
    from quality.suites import suites

    streams = {source: tuple(stream.name for stream in streams_of(source)) for source in SOURCES}
    frames = [frame for layer in suites(streams).values() for frame in layer]
    scope = scope_of(settings)

    def work() -> None:
        prepare_process()
        import duckdb
        import great_expectations as gx

        context = gx.get_context(mode="ephemeral")
        context.variables.progress_bars = {"globally": False}
        source = context.data_sources.add_pandas("bare")
        with duckdb.connect(str(settings.warehouse_path), read_only=True) as connection:
            for frame in frames:
                rows = connection.execute(frame.query(scope)).df()
                definition = source.add_dataframe_asset(frame.name).add_batch_definition_whole_dataframe("all")
                suite = gx.ExpectationSuite(
                    name=frame.name,
                    expectations=[
                        getattr(gx.expectations, e.kind)(column=e.column, meta={"n": e.name}, **dict(e.arguments))
                        for e in frame.expectations
                    ],
                )
                definition.get_batch({"dataframe": rows}).validate(suite)

    return work


FLOORS = {"dlt": bare_dlt, "dbt": bare_dbt, "gx": bare_gx}


def main() -> None:
    """Prepare, start the clock, work, print the CPU seconds."""
    settings = get_settings()
    assert LEDGER in settings.sources_on, "the benchmark compares a refresh of all sources"
    work = FLOORS[sys.argv[1]](settings)
    before = process_time()
    work()
    print(f"cpu {process_time() - before:.3f}")


if __name__ == "__main__":
    main()
