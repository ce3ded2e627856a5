"""Are two DuckDB files, published versions above all, the same, row for row and type for type?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb

SCHEMAS = ("journey", "metrics", "insights", "meta")
# what a run says of itself differs from run to run: when it ran, its id, the engine, where the data lies
OF_THE_RUN: Mapping[str, tuple[str, ...]] = {
    "meta.runs": ("run_id", "started_at", "finished_at", "engine", "target"),
    "meta.checks": ("run_id", "checked_at", "observed"),
    "meta.freshness": ("run_id", "loaded_at"),
    "meta.row_counts": ("run_id",),
    "meta.builds": ("run_id", "built_at"),
    "meta.restatements": ("run_id", "compared_with"),
    "meta.months_as_published": ("restated_by",),
}
# the rest of `observed` is a count of rows, which other tables show; in hours-since-load it is the wall clock
SAMPLE_ROWS = 3


@dataclass(frozen=True)
class Difference:
    """One way in which a table differs."""

    table: str
    what: str

    def __str__(self) -> str:
        return f"{self.table}: {self.what}"


def differences(left: Path, right: Path, schemas: tuple[str, ...] = SCHEMAS) -> list[Difference]:
    """Everything in which the tables of two DuckDB files differ; rows are compared both ways, doubled ones counted."""
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        connection.execute(f"attach '{left}' as l (read_only)")
        connection.execute(f"attach '{right}' as r (read_only)")
        tables = {side: _tables(connection, side, schemas) for side in "lr"}
        found = [Difference(name, "only on the left") for name in sorted(tables["l"].keys() - tables["r"].keys())]
        found += [Difference(name, "only on the right") for name in sorted(tables["r"].keys() - tables["l"].keys())]
        for name in sorted(tables["l"].keys() & tables["r"].keys()):
            found += _of_table(connection, name, tables["l"][name], tables["r"][name])
        return found


def compared_tables(path: Path, schemas: tuple[str, ...] = SCHEMAS) -> int:
    """How many tables a comparison looks at on one side."""
    with duckdb.connect(str(path), read_only=True) as connection:
        database = connection.execute("select current_database()").fetchone()[0]  # type: ignore[index]
        return len(_tables(connection, database, schemas))


def compared_rows(path: Path, schemas: tuple[str, ...] = SCHEMAS) -> int:
    """How many rows a comparison looks at on one side."""
    with duckdb.connect(str(path), read_only=True) as connection:
        database = connection.execute("select current_database()").fetchone()[0]  # type: ignore[index]
        return sum(
            connection.execute(f"from {name} select count(*)").fetchone()[0]  # type: ignore[index]
            for name in _tables(connection, database, schemas)
        )


def _tables(
    connection: duckdb.DuckDBPyConnection, database: str, schemas: tuple[str, ...]
) -> dict[str, dict[str, str]]:
    rows = connection.execute(
        "select schema_name || '.' || table_name, column_name, data_type from duckdb_columns() "
        "where database_name = ? and schema_name in (select unnest(?)) order by schema_name, table_name, column_index",
        [database, list(schemas)],
    ).fetchall()
    found: dict[str, dict[str, str]] = {}
    for table, column, kind in rows:
        found.setdefault(table, {})[column] = kind
    return found


def _of_table(
    connection: duckdb.DuckDBPyConnection, name: str, left: Mapping[str, str], right: Mapping[str, str]
) -> list[Difference]:
    if list(left) != list(right):
        return [Difference(name, f"columns {list(left)} and {list(right)}")]
    found = [
        Difference(name, f"column {column} is {left[column]} and {right[column]}")
        for column in left
        if left[column] != right[column]
    ]
    # a type that differs must not hide rows that do
    columns = [column for column in left if column not in OF_THE_RUN.get(name, ())]
    shown = ", ".join(f'cast("{column}" as {left[column]}) as "{column}"' for column in columns)
    try:
        for side, other, where in (("l", "r", "left"), ("r", "l", "right")):
            only = f"select {shown} from {side}.{name} except all select {shown} from {other}.{name}"
            count = connection.execute(f"select count(*) from ({only})").fetchone()[0]  # type: ignore[index]
            if count:
                sample = connection.execute(f"select * from ({only}) order by all limit {SAMPLE_ROWS}").fetchall()
                found.append(Difference(name, f"{count} rows only on the {where}, such as {sample}"))
    except duckdb.ConversionException as error:
        found.append(Difference(name, f"cannot be compared: {error}"))
    return found
