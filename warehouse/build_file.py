"""The build file, the one file that a run writes: on DuckDB it holds the warehouse.

On the distributed engine it holds the run's own records (`meta`), and views on the lake: the raw ledger as
`raw_<source>.<stream>`, and what the run has built as `journey`, `metrics` and `insights`. Whoever reads the warehouse
reads it here, on either engine.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from warehouse.connections import open_duckdb
from warehouse.lake import attach_raw, open_lake, register
from warehouse.settings import Settings

if TYPE_CHECKING:
    import duckdb


@contextlib.contextmanager
def open_build(settings: Settings, *, read_only: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
    """The build file, closed at the end of the block. Raises FileBusy and NoWarehouse, as `open_duckdb` does."""
    with open_duckdb(settings.warehouse_path, read_only=read_only) as connection:
        # as in dbt's profile: a night deletes a few rows of many tables, which are not worth writing all of them anew
        connection.execute("set max_vacuum_tasks = 0")
        show_lake(connection, settings)
        yield connection


def show_lake(connection: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    """Let a connection follow the build file's views to the lake, where there is one."""
    if settings.target == "spark":
        register(connection, open_lake(settings))


def show_raw(connection: duckdb.DuckDBPyConnection, settings: Settings, source: str) -> None:
    """Bring the raw tables of a source up to date in the open build file, where they are views."""
    if settings.target == "spark":
        attach_raw(connection, settings, [source])
