"""Run suites on a warehouse: every frame is queried, put into a pandas batch and validated."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from quality.frames import Expected, Frame, Scope, check_name
from warehouse.build_file import open_build
from warehouse.meta import Check
from warehouse.settings import Settings, prepare_process

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

SAMPLE_ROWS = 5


def scope_of(settings: Settings) -> Scope:
    """What the queries may know of the settings."""
    return Scope(settings.as_of, settings.currency, settings.quarantine_limit)


def run_frames(
    settings: Settings, frames: Sequence[Frame], only: Collection[tuple[str, str]] | None = None
) -> dict[tuple[str, str], list[Check]]:
    """Validate frames: the results of each (frame name, table), of `only` these or of all.

    A frame that cannot be queried (a table is missing) or an expectation that cannot be computed is a result with its
    `error` set, never an exception.
    """
    asked = [
        (frame, [table for table in frame.tables if only is None or (frame.name, table) in only]) for frame in frames
    ]
    asked = [(frame, tables) for frame, tables in asked if tables]
    if not asked:
        return {}
    with open_build(settings, read_only=True) as connection:
        return _run_frames(connection, scope_of(settings), asked)


def _run_frames(
    connection: duckdb.DuckDBPyConnection, scope: Scope, asked: Sequence[tuple[Frame, Sequence[str]]]
) -> dict[tuple[str, str], list[Check]]:
    results = {}
    for frame, tables in asked:
        try:
            rows = connection.execute(frame.query(scope)).df()
        except _query_errors() as error:
            reason = _first_line(error)
            for table in tables:
                results[frame.name, table] = [_broken(frame, table, exp, reason) for exp in frame.expectations]
            continue
        found = _validate(frame, rows)
        for table in tables:
            results[frame.name, table] = [
                _result(frame, table, exp, rows, found[exp.name]) for exp in frame.expectations
            ]
    return results


def _query_errors() -> tuple[type[Exception], ...]:
    import duckdb

    return (duckdb.CatalogException, duckdb.BinderException, duckdb.ConversionException)


def _validate(frame: Frame, rows: pd.DataFrame) -> dict[str, Any]:
    """Great Expectations' own result of each expectation, by its name."""
    prepare_process()
    import great_expectations as gx
    from great_expectations.data_context.types.base import DataContextConfig, InMemoryStoreBackendDefaults

    # without a folder for data docs, which nobody would remove
    stores = InMemoryStoreBackendDefaults(init_temp_docs_sites=False)
    context = gx.get_context(mode="ephemeral", project_config=DataContextConfig(store_backend_defaults=stores))
    context.variables.progress_bars = {"globally": False}  # type: ignore[assignment]
    asset = context.data_sources.add_pandas("warehouse").add_dataframe_asset(frame.name)
    batch = asset.add_batch_definition_whole_dataframe("all").get_batch({"dataframe": rows})
    suite = gx.ExpectationSuite(
        name=frame.name,
        expectations=[
            getattr(gx.expectations, exp.kind)(
                column=exp.column,
                severity="critical" if exp.severity == "error" else "warning",
                meta={"check": exp.name},
                **exp.arguments,
            )
            for exp in frame.expectations
        ],
    )
    outcome = batch.validate(suite, result_format={"result_format": "COMPLETE"})
    return {found.expectation_config.meta["check"]: found for found in outcome.results}


def _result(frame: Frame, table: str, exp: Expected, rows: pd.DataFrame, found: Any) -> Check:
    error = _exception(found.exception_info)
    if error:
        return _broken(frame, table, exp, error)
    failing = rows.loc[sorted(set(found.result.get("unexpected_index_list") or []))]
    if frame.is_per_table:
        own = rows[rows["table_name"] == table]
        if own.empty:
            return _broken(frame, table, exp, f"{table} does not exist")
        failing = failing[failing["table_name"] == table]
        observed = str(own[exp.column].iloc[0])
        columns = [exp.column]
    else:
        observed = f"{len(rows)} rows"
        columns = [*frame.shown, *([exp.column] if exp.column not in frame.shown else [])]
    return Check(
        name=check_name(table, exp),
        layer=frame.layer,
        table=table,
        severity=exp.severity,
        passed=failing.empty,
        failing_rows=len(failing),
        description=exp.description,
        observed=observed,
        sample=[_plain(row) for row in failing[columns].head(SAMPLE_ROWS).to_dict("records")],
    )


def _plain(row: Mapping[Hashable, Any]) -> dict[str, Any]:
    """A row as a person writes it: a day is not a midnight."""
    return {
        str(name): value.date() if hasattr(value, "normalize") and value == value.normalize() else value
        for name, value in row.items()
    }


def _broken(frame: Frame, table: str, exp: Expected, error: str) -> Check:
    return Check(check_name(table, exp), frame.layer, table, exp.severity, False, 0, exp.description, error=error)


def _exception(info: Any) -> str | None:
    """What Great Expectations says when an expectation could not be computed: one entry, or one for each metric."""
    if not info:
        return None
    entries = [info] if "raised_exception" in info else list(info.values())
    raised = [entry for entry in entries if entry.get("raised_exception")]
    return _first_line(raised[0].get("exception_message") or "no reason given") if raised else None


def _first_line(error: object) -> str:
    return str(error).strip().splitlines()[0]
