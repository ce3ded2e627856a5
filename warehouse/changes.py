"""What a night can carry on from: the instant of the last complete build, and the raw rows that have come since.

A complete build leaves `changes.standing`: its instant, that of the last build that made everything, and how many rows
of each raw table it stood on. The next one carries its tables on from there (`warehouse.carry`), which needs no more
than that the same rows are still there; `changes.log` then says in how many rows each table differs. Everything in the
schema is of one build alone and forgotten at the start of the next: a build that ends in the middle leaves nothing to
carry on from, and the one after it is whole.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock
from typing import TYPE_CHECKING, Any

from warehouse.connections import quoted

if TYPE_CHECKING:
    import duckdb

SCHEMA = "changes"


@dataclass
class Night:
    """A build that carries on from the one before, and what is known while it runs.

    `since` and `as_of` are the instants of the last complete build and of this one, UTC. By `schema.table`:
    `changed`, in how many rows a table differs from the last build (those that were not looked at are not there);
    `views`, the query of each view as it was made last; `columns`, name and type of the columns, and `is_view`,
    whether it is a view or a table, as they were when the night began. `local`: SQL for the reporting zone's days,
    once it is known. A table of which more than `share` would be made again is built whole. `whole_at`: the instant of
    the last build that made everything. `is_kept`: there is a place for the rows that differ, which one model at a time
    makes.
    """

    since: str
    as_of: str
    whole_at: str
    changed: dict[str, int]
    views: dict[str, str]
    columns: dict[str, dict[str, str]]
    is_view: dict[str, bool]
    local: dict[str, str] = field(default_factory=dict)
    share: float = 0.5
    is_kept: bool = False
    keeping: Lock = field(default_factory=Lock)


def begin(
    connection: duckdb.DuckDBPyConnection,
    as_of: str,
    is_whole: bool = False,
    from_rows: int = 0,
    days: int | None = None,
) -> Night | None:
    """Forget the changes of the build before, and say what this one can carry on from.

    Args:
        connection: the build file.
        as_of: the instant of the build that begins, UTC, as dbt gets it.
        is_whole: nothing may be carried on, as the rules have changed.
        from_rows: a warehouse of fewer raw rows is built whole.
        days: a build so many days after the last that made everything makes everything again; None: none does.

    Returns:
        The night, which knows of each raw table how many rows have come; None when every table has to be built whole.
    """
    # what another version of the rules has left may look otherwise
    standing = None if is_whole else _standing(connection)
    views = connection.execute(f"select relation, query from {SCHEMA}.views").fetchall() if standing else []
    connection.execute(f"drop schema if exists {SCHEMA} cascade; create schema {SCHEMA}")
    if standing is None:
        return None
    since, whole_at, known = standing
    if since >= as_of or sum(known.values()) < from_rows:
        return None
    if days and datetime.fromisoformat(as_of) - datetime.fromisoformat(whole_at) >= timedelta(days=days):
        return None
    if known != _raw_rows(connection, f"extracted_at <= {_instant(since)}"):
        return None
    columns: dict[str, dict[str, str]] = {}
    described = "select schema_name || '.' || table_name, column_name, data_type from duckdb_columns()"
    for relation, column, kind in connection.execute(f"{described} order by column_index").fetchall():
        columns.setdefault(relation, {})[column] = kind
    kinds = "select table_schema || '.' || table_name, table_type = 'VIEW' from information_schema.tables"
    is_view = dict(connection.execute(kinds).fetchall())
    news = _raw_rows(connection, f"extracted_at > {_instant(since)} and extracted_at <= {_instant(as_of)}")
    return Night(since, as_of, whole_at, news, dict(views), columns, is_view)


def finish(connection: duckdb.DuckDBPyConnection, as_of: str, night: Night | None, views: Mapping[str, str]) -> None:
    """Keep what the next build needs to carry on from this one, which must have been complete.

    `night`: what `begin` gave. `views`: by `schema.table` the query of each view that was made in it.
    """
    columns = "as_of varchar, whole_at varchar, relation varchar, row_count bigint"
    connection.execute(f"create table {SCHEMA}.standing ({columns})")
    rows = _raw_rows(connection, f"extracted_at <= {_instant(as_of)}")
    whole_at = night.whole_at if night else as_of
    _insert(connection, "standing", [(as_of, whole_at, relation, count) for relation, count in rows.items()])
    connection.execute(f"create table {SCHEMA}.views (relation varchar, query varchar)")
    _insert(connection, "views", list(((night.views if night else {}) | views).items()))
    connection.execute(f"create table {SCHEMA}.log (relation varchar, changed bigint)")
    _insert(connection, "log", list(night.changed.items()) if night else [])


def _insert(connection: duckdb.DuckDBPyConnection, table: str, rows: Sequence[tuple[Any, ...]]) -> None:
    """Add rows; DuckDB refuses to add none."""
    if rows:
        connection.executemany(f"insert into {SCHEMA}.{table} values ({', '.join('?' * len(rows[0]))})", rows)


def _standing(connection: duckdb.DuckDBPyConnection) -> tuple[str, str, dict[str, int]] | None:
    """The instants of the last complete build and of the last that made everything, and the raw rows of the former."""
    found = connection.execute(
        "select 1 from information_schema.tables where table_schema = ? and table_name = 'standing'", [SCHEMA]
    ).fetchone()
    rows = connection.execute(f"from {SCHEMA}.standing").fetchall() if found else []
    return (rows[0][0], rows[0][1], {relation: count for *_, relation, count in rows}) if rows else None


def _raw_rows(connection: duckdb.DuckDBPyConnection, condition: str) -> dict[str, int]:
    """How many rows of each raw table a condition on `extracted_at` holds for."""
    tables = connection.execute(
        "select table_schema, table_name from information_schema.columns "
        "where table_schema like 'raw\\_%' escape '\\' and column_name = 'extracted_at' order by all"
    ).fetchall()
    counts = [
        f"select '{schema}.{name}', count(*) from {quoted(schema, name)} where {condition}" for schema, name in tables
    ]
    return dict(connection.execute(" union all ".join(counts)).fetchall()) if counts else {}


def _instant(text: str) -> str:
    """An instant that dbt is given, as SQL."""
    return f"timestamptz '{text}+00:00'"
