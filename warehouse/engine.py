"""The engine that builds the warehouse, as the steps of a run need it: DuckDB in this process, or Apache Spark.

Everything else reads the warehouse in the build file, whatever the engine (`warehouse.build_file`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from warehouse import changes
from warehouse.build_file import open_build
from warehouse.connections import quoted
from warehouse.settings import Settings

if TYPE_CHECKING:
    import pyarrow as pa

# the schemas of a published version, on every engine
PUBLISHED = ("journey", "metrics", "insights", "meta")


class EngineFailed(Exception):
    """The engine cannot be reached, or cannot do what it is asked. The message is one line: what, where, what to do."""


class Engine(Protocol):
    """What a run asks of an engine. Every method raises EngineFailed."""

    def version(self) -> str:
        """Name and version, from the engine itself: it answers."""

    def prepare(self, afresh: bool = False) -> None:
        """Make what dbt builds on. `afresh`: the last build ended in the middle, and nothing of it is kept."""

    def carried_from(self, as_of: str, is_whole: bool) -> changes.Night | None:
        """What the next build knows when it carries on from the last one; None when it makes every table anew.

        `as_of` is the instant of the next build, UTC. `is_whole`: nothing may be carried on.
        """

    def stand_at(self, as_of: str, night: changes.Night | None, views: Mapping[str, str]) -> None:
        """Keep what the next build needs to carry on from this one, which was complete.

        `night`: what `carried_from` gave. `views`: by `schema.table` the query of each view that it made.
        """

    def release(self) -> None:
        """Let go of what dbt has opened in this process."""

    def hand_over(self, run_id: str, relations: Iterable[str]) -> None:
        """Show the tables (`schema.table`) that a run has built in the build file."""

    def sample(self, query: str, rows: int) -> list[dict[str, Any]]:
        """The first rows of a query on what is built."""

    def write(self, run_id: str, table: str, rows: pa.Table, types: dict[str, str]) -> None:
        """Replace `schema.table` by rows that this process has made, as a part of a run."""

    def trouble(self, message: str) -> str | None:
        """One line for an error that is the engine's and not the statement's; None for any other."""

    def add(self, run_id: str, tables: dict[str, pa.Table]) -> None:
        """Take tables of a version that is about to be published into the engine's own published tables."""

    def point_at(self, run_id: str) -> None:
        """Make a version the one that the engine's own readers see."""

    def forget(self, run_id: str) -> None:
        """Remove a version from the engine's own published tables."""


class DuckDB:
    """The build file is the warehouse, and readers have files of their own: most steps have nothing to do."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def version(self) -> str:
        import duckdb

        return f"duckdb {duckdb.__version__}"

    def prepare(self, afresh: bool = False) -> None:
        self._settings.warehouse_path.parent.mkdir(parents=True, exist_ok=True)

    def carried_from(self, as_of: str, is_whole: bool) -> changes.Night | None:
        with open_build(self._settings) as connection:
            settings = self._settings
            return changes.begin(connection, as_of, is_whole, settings.carried_from_rows, settings.carried_days)

    def stand_at(self, as_of: str, night: changes.Night | None, views: Mapping[str, str]) -> None:
        with open_build(self._settings) as connection:
            changes.finish(connection, as_of, night, views)

    def release(self) -> None:
        pass

    def hand_over(self, run_id: str, relations: Iterable[str]) -> None:
        pass

    def sample(self, query: str, rows: int) -> list[dict[str, Any]]:
        with open_build(self._settings, read_only=True) as connection:
            cursor = connection.execute(f"select * from ({query}) limit {rows}")
            names = [column[0] for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def write(self, run_id: str, table: str, rows: pa.Table, types: dict[str, str]) -> None:
        schema, name = table.split(".")
        with open_build(self._settings) as connection:
            connection.execute(f"create schema if not exists {quoted(schema)}")
            connection.register("incoming", rows)
            connection.execute(
                f"create or replace table {quoted(schema, name)} as select {cast_list(types)} from incoming"
            )

    def trouble(self, message: str) -> str | None:
        return None

    def add(self, run_id: str, tables: dict[str, pa.Table]) -> None:
        pass

    def point_at(self, run_id: str) -> None:
        pass

    def forget(self, run_id: str) -> None:
        pass


def cast_list(types: dict[str, str]) -> str:
    """A select list that gives every column its declared type."""
    return ", ".join(f"cast({quoted(column)} as {kind}) as {quoted(column)}" for column, kind in types.items())


def engine_of(settings: Settings) -> Engine:
    """The engine of the settings; nothing is opened yet."""
    if settings.target == "spark":
        from warehouse.spark import Spark

        return Spark(settings)
    return DuckDB(settings)
