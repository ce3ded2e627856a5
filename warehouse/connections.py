"""Opening DuckDB files. Every step opens, works and closes: one writer, or many readers, across processes."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb


ATTEMPTS, PAUSE_SECONDS = 8, 0.25


class FileBusy(Exception):
    """Another process has the file open. The message names the process, where DuckDB knows it."""


class NoWarehouse(Exception):
    """The file does not exist yet."""


@contextlib.contextmanager
def open_duckdb(path: Path, *, read_only: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to a DuckDB file in time zone UTC, closed at the end of the block.

    Raises FileBusy when another process has it open, and NoWarehouse when a file to be read does not exist.
    """
    if read_only and not path.exists():
        raise NoWarehouse(f"{path} does not exist yet: run `throughline refresh`")
    if not read_only:
        path.parent.mkdir(parents=True, exist_ok=True)
    connection = _connect(path, read_only)
    try:
        connection.execute("set timezone = 'UTC'")
        yield connection
    finally:
        connection.close()


def _connect(path: Path, read_only: bool) -> duckdb.DuckDBPyConnection:
    import duckdb

    for patience in range(ATTEMPTS - 1, -1, -1):
        try:
            return duckdb.connect(str(path), read_only=read_only)
        except duckdb.IOException as error:
            if "lock" not in str(error).lower():
                raise
            if not patience:
                holder = re.search(r"PID (\d+)", str(error))
                who = f"process {holder[1]}" if holder else "another process"
                raise FileBusy(f"{who} has {path} open; close it there and run this again") from error
            # somebody who only looks is gone in a moment
            time.sleep(PAUSE_SECONDS)
    raise AssertionError("unreachable")


def quoted(*names: str) -> str:
    """A quoted, dotted identifier: `quoted("metrics", "month")` is `"metrics"."month"`."""
    return ".".join('"' + name.replace('"', '""') + '"' for name in names)


def literal(text: str | Path) -> str:
    """A quoted SQL string."""
    return "'" + str(text).replace("'", "''") + "'"


def tables_of(connection: duckdb.DuckDBPyConnection, schemas: tuple[str, ...], database: str) -> list[tuple[str, str]]:
    """(schema, name) of the tables and views of some schemas of an attached database, in a fixed order."""
    return connection.execute(
        "select table_schema, table_name from information_schema.tables "
        "where table_catalog = ? and table_schema in (select unnest(?)) order by all",
        [database, list(schemas)],
    ).fetchall()
