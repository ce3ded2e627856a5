"""The raw ledger as tables: making them, reading what is stored, and putting them right after a crash.

Every function opens the build file, works and closes it, because any open handle keeps other processes out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import TYPE_CHECKING

import pyarrow as pa

from ingestion.versions import DRIFT_SCHEMA, QUARANTINE_SCHEMA, Stream
from warehouse.connections import open_duckdb

if TYPE_CHECKING:
    import duckdb

    from warehouse.settings import Settings

LOAD_ID = "_dlt_load_id"
# The newest version of an id is the greatest of these.
NEWEST_FIRST = f"modified_at desc, extracted_at desc, {LOAD_ID} desc, version_hash desc"


class RawDamaged(Exception):
    """The raw ledger breaks one of its own rules; the message says which table and what was found."""


def schema_of(source: str) -> str:
    """Name of the schema that holds a source's raw tables."""
    return f"raw_{source}"


def connection(settings: Settings) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
    """The build file, opened for writing, made when it does not exist. Raises FileBusy when a process holds it."""
    return open_duckdb(settings.warehouse_path)


def sql_type(kind: pa.DataType) -> str:
    """The DuckDB type of a raw column."""
    if pa.types.is_timestamp(kind):
        return "timestamp with time zone"
    if pa.types.is_decimal(kind):
        return f"decimal({kind.precision}, {kind.scale})"
    names = {pa.string(): "varchar", pa.int64(): "bigint", pa.bool_(): "boolean", pa.date32(): "date"}
    return names[kind]


def ensure_tables(settings: Settings, source: str, streams: Iterable[Stream]) -> None:
    """Make the tables of a source that do not exist yet, empty, and add declared columns that older ones lack."""
    wanted = {stream.name: stream.arrow_schema for stream in streams}
    wanted |= {"quarantine": QUARANTINE_SCHEMA, "drift": DRIFT_SCHEMA}
    schema = schema_of(source)
    with connection(settings) as con:
        con.execute(f'create schema if not exists "{schema}"')
        present = _columns(con, schema)
        for table, fields in wanted.items():
            columns = {field.name: sql_type(field.type) for field in fields} | {LOAD_ID: "varchar"}
            if table not in present:
                declared = ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
                con.execute(f'create table "{schema}"."{table}" ({declared})')
                continue
            for name, kind in columns.items():
                if name not in present[table]:
                    con.execute(f'alter table "{schema}"."{table}" add column "{name}" {kind}')


def recover(settings: Settings, source: str) -> int:
    """Delete rows of loads that never completed, and their staging tables; returns the number of rows deleted.

    The loader marks a load as completed after its rows are in. A process that dies in between leaves rows that no
    completed load accounts for, and cursors that run ahead of the data.
    """
    schema = schema_of(source)
    deleted = 0
    with connection(settings) as con:
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


def check_unique(settings: Settings, source: str, streams: Iterable[str], load_ids: Sequence[str]) -> None:
    """Raise RawDamaged when a key of the given loads occurs twice in its table."""
    schema = schema_of(source)
    with connection(settings) as con:
        for stream in streams:
            twice = con.execute(
                f"""
                select id, version_hash
                from "{schema}"."{stream}"
                semi join (
                    select id, version_hash from "{schema}"."{stream}" where list_contains($loads, "{LOAD_ID}")
                ) using (id, version_hash)
                group by all having count(*) > 1 limit 1
                """,
                {"loads": list(load_ids)},
            ).fetchone()
            if twice:
                raise RawDamaged(f"{schema}.{stream}: version {twice[1]} of {twice[0]} is stored more than once")


def count_rows(settings: Settings, source: str, tables: Iterable[str], load_ids: Sequence[str]) -> dict[str, int]:
    """Rows per table that came with the given loads."""
    schema = schema_of(source)
    counts: dict[str, int] = {}
    with connection(settings) as con:
        for table in tables:
            row = con.execute(
                f'select count(*) from "{schema}"."{table}" where list_contains($loads, "{LOAD_ID}")',
                {"loads": list(load_ids)},
            ).fetchone()
            counts[table] = row[0] if row else 0
    return counts


def empty_streams(settings: Settings, source: str, streams: Iterable[str]) -> set[str]:
    """The streams of which no version is stored at all."""
    names = list(streams)
    with connection(settings) as con:
        return {
            name
            for name in names
            if con.execute(f'select 1 from "{schema_of(source)}"."{name}" limit 1').fetchone() is None
        }


def current_hashes(settings: Settings, source: str, stream: str) -> dict[str, str]:
    """Content hash of the newest version of every id; ids whose newest version is a deletion are absent."""
    with connection(settings) as con:
        rows = con.execute(
            f"""
            select id, arg_max(content_hash, {_order()}), arg_max(is_deleted, {_order()})
            from "{schema_of(source)}"."{stream}" group by id
            """
        ).fetchall()
    return {key: content for key, content, is_deleted in rows if not is_deleted}


def live_ids(settings: Settings, source: str, stream: str) -> set[str]:
    """Ids whose newest version is not a deletion."""
    with connection(settings) as con:
        rows = con.execute(
            f"""
            select id from "{schema_of(source)}"."{stream}" group by id
            having not arg_max(is_deleted, {_order()})
            """
        ).fetchall()
    return {key for (key,) in rows}


def live_children(
    settings: Settings, source: str, stream: str, column: str, parents: Sequence[str]
) -> dict[str, set[str]]:
    """Live ids of a stream grouped by the value of a column in their newest version, for the given values."""
    found: dict[str, set[str]] = defaultdict(set)
    if not parents:
        return found
    table = f'"{schema_of(source)}"."{stream}"'
    with connection(settings) as con:
        con.register("wanted", pa.table({"parent": pa.array(list(parents), pa.string())}))
        rows = con.execute(
            f"""
            select id, arg_max("{column}", {_order()}) as parent
            from {table}
            where id in (select id from {table} where "{column}" in (select parent from wanted))
            group by id
            having not arg_max(is_deleted, {_order()})
            """
        ).fetchall()
    wanted = set(parents)
    for key, parent in rows:
        if parent in wanted:
            found[parent].add(key)
    return found


def current_versions(
    settings: Settings, source: str, stream: str, ids: Sequence[str]
) -> dict[str, tuple[str, datetime]]:
    """Content hash ("" when it is a deletion) and modification instant of the newest version of the given ids."""
    if not ids:
        return {}
    with connection(settings) as con:
        con.register("wanted", pa.table({"id": pa.array(list(ids), pa.string())}))
        rows = con.execute(
            f"""
            select id, arg_max(if(is_deleted, '', content_hash), {_order()}), max(modified_at)
            from "{schema_of(source)}"."{stream}" semi join wanted using (id)
            group by id
            """
        ).fetchall()
    return {key: (content, modified) for key, content, modified in rows}


def newest_versions(settings: Settings, source: str, stream: Stream, ids: Sequence[str]) -> pa.Table:
    """Newest stored version of each of the given ids: the stream's version table, in no particular order."""
    if not ids:
        return stream.empty()
    columns = ", ".join(f'"{name}"' for name in stream.arrow_schema.names)
    with connection(settings) as con:
        con.register("wanted", pa.table({"id": pa.array(list(ids), pa.string())}))
        table = con.sql(
            f"""
            select {columns} from (
                select *, row_number() over (partition by id order by {NEWEST_FIRST}) as place
                from "{schema_of(source)}"."{stream.name}" semi join wanted using (id)
            ) where place = 1
            """
        ).to_arrow_table()
    return table.cast(stream.arrow_schema)


def seen_fields(settings: Settings, source: str) -> dict[str, set[str]]:
    """Fields per stream that the drift report already lists."""
    with connection(settings) as con:
        rows = con.execute(f'select stream, field from "{schema_of(source)}".drift').fetchall()
    found: dict[str, set[str]] = defaultdict(set)
    for stream, name in rows:
        found[stream].add(name)
    return found


def _order() -> str:
    return f"(modified_at, extracted_at, {LOAD_ID}, version_hash)"


def _columns(con: duckdb.DuckDBPyConnection, schema: str) -> dict[str, set[str]]:
    rows = con.execute(
        "select table_name, column_name from information_schema.columns where table_schema = ?", [schema]
    ).fetchall()
    found: dict[str, set[str]] = defaultdict(set)
    for table, column in rows:
        found[table].add(column)
    return dict(found)
