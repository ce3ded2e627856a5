"""The raw ledger as tables: making them, reading what is stored, and putting them right after a crash.

What the engines do differently stands in `raw_build` and `raw_lake`; what is asked of the tables is the same SQL.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

import pyarrow as pa

from ingestion.versions import DRIFT_SCHEMA, QUARANTINE_SCHEMA, Stream

if TYPE_CHECKING:
    import duckdb

    from warehouse.settings import Settings

LOAD_ID = "_dlt_load_id"
# The newest version of an id is the greatest of these.
NEWEST_FIRST = f"modified_at desc, extracted_at desc, {LOAD_ID} desc, version_hash desc"

# (table, key columns, rows) -> the rows to store
OnlyNew = Callable[[str, Sequence[str], pa.Table], pa.Table]


class RawDamaged(Exception):
    """The raw ledger breaks one of its own rules; the message says which table and what was found."""


def schema_of(source: str) -> str:
    """Name of the schema that holds a source's raw tables."""
    return f"raw_{source}"


class Storage(Protocol):
    """Where the ledger lies. The modules `raw_build` and `raw_lake` each are one."""

    DISPOSITION: Mapping[str, str]

    def connection(
        self, settings: Settings, source: str, *tables: str
    ) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
        """A connection that has the named tables of a source, all when none is named."""

    def destination(self, settings: Settings, source: str) -> Any:
        """What the loader writes a source to."""

    def explained(self, settings: Settings, reason: str) -> str:
        """A loader's message for people."""

    def held(self, settings: Settings) -> AbstractContextManager[Any]:
        """Keeps the ledger open for the length of a load, where opening it has a price."""

    def only_new(self, settings: Settings, source: str) -> OnlyNew:
        """What leaves out rows that the loader would store a second time. One serves one run."""

    def ensure_tables(self, settings: Settings, source: str, wanted: Mapping[str, pa.Schema]) -> None:
        """Make tables that do not exist yet, and give older ones the columns that they lack."""

    def recover(self, settings: Settings, source: str) -> int:
        """Delete what loads that never completed left; returns the number of rows deleted."""

    def empty_streams(self, settings: Settings, source: str, streams: Iterable[str]) -> set[str]:
        """The streams of which no version is stored at all."""


def storage(settings: Settings) -> Storage:
    """Where the ledger lies for the engine that is set: the build file, or the lake."""
    from ingestion import raw_build, raw_lake

    return raw_lake if settings.target == "spark" else raw_build


def connection(settings: Settings, source: str, *tables: str) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
    """A connection that has the named tables of a source, all when none is named.

    Raises FileBusy when a process holds the build file, LakeError when the lake cannot be read.
    """
    return storage(settings).connection(settings, source, *tables)


def ensure_tables(settings: Settings, source: str, streams: Iterable[Stream]) -> None:
    """Make the tables of a source that do not exist yet, empty, and add declared columns that older ones lack."""
    wanted = {stream.name: stream.arrow_schema for stream in streams}
    wanted |= {"quarantine": QUARANTINE_SCHEMA, "drift": DRIFT_SCHEMA}
    with_load = {table: fields.append(pa.field(LOAD_ID, pa.string())) for table, fields in wanted.items()}
    storage(settings).ensure_tables(settings, source, with_load)


def recover(settings: Settings, source: str) -> int:
    """Delete rows of loads that never completed, and what else they left; returns the number of rows deleted.

    The loader marks a load as completed after its rows are in. A process that dies in between leaves rows that no
    completed load accounts for, and cursors that run ahead of the data.
    """
    return storage(settings).recover(settings, source)


def check_unique(settings: Settings, source: str, streams: Iterable[str], load_ids: Sequence[str]) -> None:
    """Raise RawDamaged when a key of the given loads occurs twice in its table."""
    schema = schema_of(source)
    names = list(streams)
    with connection(settings, source, *names) as con:
        for stream in names:
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
    names = list(tables)
    counts: dict[str, int] = {}
    with connection(settings, source, *names) as con:
        for table in names:
            row = con.execute(
                f'select count(*) from "{schema}"."{table}" where list_contains($loads, "{LOAD_ID}")',
                {"loads": list(load_ids)},
            ).fetchone()
            counts[table] = row[0] if row else 0
    return counts


def empty_streams(settings: Settings, source: str, streams: Iterable[str]) -> set[str]:
    """The streams of which no version is stored at all."""
    return storage(settings).empty_streams(settings, source, streams)


def current_hashes(settings: Settings, source: str, stream: str) -> dict[str, str]:
    """Content hash of the newest version of every id; ids whose newest version is a deletion are absent."""
    with connection(settings, source, stream) as con:
        rows = con.execute(
            f"""
            select id, arg_max(content_hash, {_order()}), arg_max(is_deleted, {_order()})
            from "{schema_of(source)}"."{stream}" group by id
            """
        ).fetchall()
    return {key: content for key, content, is_deleted in rows if not is_deleted}


def live_ids(settings: Settings, source: str, stream: str) -> set[str]:
    """Ids whose newest version is not a deletion."""
    with connection(settings, source, stream) as con:
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
    with connection(settings, source, stream) as con:
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
    with connection(settings, source, stream) as con:
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
    with connection(settings, source, stream.name) as con:
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
    with connection(settings, source, "drift") as con:
        rows = con.execute(f'select stream, field from "{schema_of(source)}".drift').fetchall()
    found: dict[str, set[str]] = defaultdict(set)
    for stream, name in rows:
        found[stream].add(name)
    return found


def _order() -> str:
    return f"(modified_at, extracted_at, {LOAD_ID}, version_hash)"
