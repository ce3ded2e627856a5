"""What a night can carry on from: the instant of the last complete build, and the raw rows that have come since.

A complete build leaves `changes.standing`: its instant, and how many rows of each raw table it stood on. The next one
carries its tables on from there (`dbt/macros/engine/carry.sql`), which needs no more than that the same rows are still
there. Everything in the schema is of one build alone and forgotten at the start of the next: a build that ends in the
middle leaves nothing to carry on from, and the one after it is whole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from warehouse.connections import quoted

if TYPE_CHECKING:
    import duckdb

SCHEMA = "changes"


def begin(connection: duckdb.DuckDBPyConnection, as_of: str, is_whole: bool = False, from_rows: int = 0) -> str:
    """Forget the changes of the build before, and say from which instant its tables may be carried on.

    Args:
        connection: the build file.
        as_of: the instant of the build that begins, UTC, as dbt gets it.
        is_whole: nothing may be carried on, as the rules have changed.
        from_rows: a warehouse of fewer raw rows is built whole.

    Returns:
        The instant of the last complete build, UTC; '' when every table has to be built whole. `changes.log` then says
        of each raw table how many rows have come since.
    """
    standing = _standing(connection)
    connection.execute(f"drop schema if exists {SCHEMA} cascade; create schema {SCHEMA}")
    connection.execute(f"create table {SCHEMA}.log (relation varchar, changed bigint, query varchar)")
    if is_whole or standing is None:
        return ""
    since, known = standing
    if since >= as_of or sum(known.values()) < from_rows:
        return ""
    if known != _raw_rows(connection, f"extracted_at <= {_instant(since)}"):
        return ""
    news = _raw_rows(connection, f"extracted_at > {_instant(since)} and extracted_at <= {_instant(as_of)}")
    _insert(connection, "log", [(relation, count, None) for relation, count in news.items()])
    return since


def finish(connection: duckdb.DuckDBPyConnection, as_of: str) -> None:
    """Keep what the next build needs to carry on from this one, which must have been complete."""
    connection.execute(f"create table {SCHEMA}.standing (as_of varchar, relation varchar, row_count bigint)")
    rows = _raw_rows(connection, f"extracted_at <= {_instant(as_of)}")
    _insert(connection, "standing", [(as_of, relation, count) for relation, count in rows.items()])


def _insert(connection: duckdb.DuckDBPyConnection, table: str, rows: list[tuple[str, str | int, int | None]]) -> None:
    """Add rows of three columns; DuckDB refuses to add none."""
    if rows:
        connection.executemany(f"insert into {SCHEMA}.{table} values (?, ?, ?)", rows)


def _standing(connection: duckdb.DuckDBPyConnection) -> tuple[str, dict[str, int]] | None:
    """The instant of the last complete build, and the rows of each raw table that it stood on."""
    found = connection.execute(
        "select 1 from information_schema.tables where table_schema = ? and table_name = 'standing'", [SCHEMA]
    ).fetchone()
    rows = connection.execute(f"select as_of, relation, row_count from {SCHEMA}.standing").fetchall() if found else []
    return (rows[0][0], {relation: count for _, relation, count in rows}) if rows else None


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
