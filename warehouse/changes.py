"""What a night can carry on from: the instant of the last complete build, and the raw rows that have come since.

A complete build leaves `changes.standing`: its instant, and how many rows of each raw table it stood on. The next one
carries its tables on from there (`dbt/macros/engine/carry.sql`), which needs no more than that the same rows are still
there. Everything in the schema is of one build alone and forgotten at the start of the next: a build that ends in the
middle leaves nothing to carry on from, and the one after it is whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from warehouse.connections import literal, quoted

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
    # what another version of the rules has left may look otherwise
    standing = None if is_whole else _standing(connection)
    views = connection.execute(f"select relation, query from {SCHEMA}.views").fetchall() if standing else []
    connection.execute(f"drop schema if exists {SCHEMA} cascade; create schema {SCHEMA}")
    connection.execute(f"create table {SCHEMA}.log (relation varchar, changed bigint, query varchar)")
    connection.execute(f"create table {SCHEMA}.views (relation varchar, query varchar)")
    if standing is None:
        return ""
    since, known = standing
    if since >= as_of or sum(known.values()) < from_rows:
        return ""
    if known != _raw_rows(connection, f"extracted_at <= {_instant(since)}"):
        return ""
    news = _raw_rows(connection, f"extracted_at > {_instant(since)} and extracted_at <= {_instant(as_of)}")
    _insert(connection, "log", [(relation, count, None) for relation, count in news.items()])
    _insert(connection, "views", views)
    return since


def finish(connection: duckdb.DuckDBPyConnection, as_of: str, views: Mapping[str, str]) -> None:
    """Keep what the next build needs to carry on from this one, which must have been complete.

    `views`: by `schema.table` the query of each view that was made in it.
    """
    connection.execute(f"create table {SCHEMA}.standing (as_of varchar, relation varchar, row_count bigint)")
    rows = _raw_rows(connection, f"extracted_at <= {_instant(as_of)}")
    _insert(connection, "standing", [(as_of, relation, count) for relation, count in rows.items()])
    known = dict(connection.execute(f"select relation, query from {SCHEMA}.views").fetchall())
    connection.execute(f"delete from {SCHEMA}.views")
    _insert(connection, "views", list((known | views).items()))


def stands(execute: Callable[[str], list[tuple[Any, ...]]], relation: str, reads: Iterable[str], is_view: bool) -> bool:
    """Whether none of what a model reads has changed since the last build. Then the log says the same of the model.

    Args:
        execute: runs a statement in the build file and gives its rows.
        relation: `schema.table` of the model.
        reads: `schema.table` of all that it reads, apart from seeds.
        is_view: it is a view of a raw table, of which the log holds the query.
    """
    names = sorted(set(reads))
    listed = ", ".join(literal(name) for name in names)
    found = execute(f"select relation, changed from {SCHEMA}.log where relation in ({listed})") if names else []
    if len(found) < len(names) or any(changed for _, changed in found):
        return False
    if not is_view:
        execute(f"insert into {SCHEMA}.log values ({literal(relation)}, 0, null)")
        return True
    written = execute(
        f"insert into {SCHEMA}.log select relation, 0, query from {SCHEMA}.views where relation = {literal(relation)}"
    )
    return written[0][0] == 1


def _insert(connection: duckdb.DuckDBPyConnection, table: str, rows: Sequence[tuple[Any, ...]]) -> None:
    """Add rows; DuckDB refuses to add none."""
    if rows:
        connection.executemany(f"insert into {SCHEMA}.{table} values ({', '.join('?' * len(rows[0]))})", rows)


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
