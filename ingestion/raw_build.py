"""Where the raw ledger lies on one machine: tables of the build file.

Every function opens the build file, works and closes it, because any open handle keeps other processes out. Only for
the length of a load, which needs the file throughout, it is `held`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ingestion.raw import LOAD_ID, OnlyNew, schema_of
from warehouse.connections import open_duckdb

if TYPE_CHECKING:
    import duckdb

    from warehouse.settings import Settings

# The loader leaves out what is stored already.
DISPOSITION: Mapping[str, str] = {"disposition": "merge", "strategy": "insert-only"}


def connection(settings: Settings, source: str, *tables: str) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
    """The build file, opened for writing, made when it does not exist. Raises FileBusy when a process holds it."""
    return open_duckdb(settings.warehouse_path)


def held(settings: Settings) -> AbstractContextManager[Any]:
    """Keeps the build file open: whoever opens it first reads its whole catalogue, and a load asks it many times."""
    return open_duckdb(settings.warehouse_path)


def destination(settings: Settings, source: str) -> Any:
    """What the loader writes a source to."""
    import dlt

    return dlt.destinations.duckdb(str(settings.warehouse_path))


def explained(settings: Settings, reason: str) -> str:
    """A loader's message for people."""
    return reason


def only_new(settings: Settings, source: str) -> OnlyNew:
    """Gives all rows back: the loader's merge leaves out those that are stored."""
    return lambda table, key, rows: rows


def sql_type(kind: pa.DataType) -> str:
    """The DuckDB type of a raw column."""
    if pa.types.is_timestamp(kind):
        return "timestamp with time zone"
    if pa.types.is_decimal(kind):
        return f"decimal({kind.precision}, {kind.scale})"
    names = {pa.string(): "varchar", pa.int64(): "bigint", pa.bool_(): "boolean", pa.date32(): "date"}
    return names[kind]


def ensure_tables(settings: Settings, source: str, wanted: Mapping[str, pa.Schema]) -> None:
    """Make the tables that do not exist yet, empty, and add declared columns that older ones lack."""
    schema = schema_of(source)
    with connection(settings, source) as con:
        con.execute(f'create schema if not exists "{schema}"')
        present = _columns(con, schema)
        for table, fields in wanted.items():
            columns = {field.name: sql_type(field.type) for field in fields}
            if table not in present:
                declared = ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
                con.execute(f'create table "{schema}"."{table}" ({declared})')
                continue
            for name, kind in columns.items():
                if name not in present[table]:
                    con.execute(f'alter table "{schema}"."{table}" add column "{name}" {kind}')


def recover(settings: Settings, source: str) -> int:
    """Delete rows of loads that never completed, and their staging tables; returns the number of rows deleted."""
    schema = schema_of(source)
    deleted = 0
    with connection(settings, source) as con:
        present = _columns(con, schema)
        completed = "select null where false"
        if "_dlt_loads" in present:
            completed = f'select load_id from "{schema}"."_dlt_loads" where status = 0'
        orphans = f'"{LOAD_ID}" is not null and "{LOAD_ID}" not in ({completed})'
        con.execute("begin")
        for table, columns in sorted(present.items()):
            if LOAD_ID not in columns:
                continue
            found = con.execute(f'select count(*) from "{schema}"."{table}" where {orphans}').fetchone()
            if found and found[0]:
                con.execute(f'delete from "{schema}"."{table}" where {orphans}')
                deleted += found[0]
        con.execute(f'drop schema if exists "{schema}_staging" cascade')
        con.execute("commit")
    return deleted


def empty_streams(settings: Settings, source: str, streams: Iterable[str]) -> set[str]:
    """The streams of which no version is stored at all."""
    names = list(streams)
    with connection(settings, source) as con:
        return {
            name
            for name in names
            if con.execute(f'select 1 from "{schema_of(source)}"."{name}" limit 1').fetchone() is None
        }


def _columns(con: duckdb.DuckDBPyConnection, schema: str) -> dict[str, set[str]]:
    rows = con.execute(
        "select table_name, column_name from information_schema.columns where table_schema = ?", [schema]
    ).fetchall()
    found: dict[str, set[str]] = defaultdict(set)
    for table, column in rows:
        found[table].add(column)
    return dict(found)
