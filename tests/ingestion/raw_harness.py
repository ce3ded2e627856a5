"""Readers run against real raw tables, without the loader in between: the same rules, in milliseconds."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import duckdb

from ingestion import raw
from ingestion.extract import Context, Reader, VersionWriter
from ingestion.registry import streams_of
from warehouse.settings import Settings

Row = dict[str, Any]


@dataclass
class Harness:
    """One source's raw tables in a folder of their own, and the cursors of its readers."""

    folder: Path
    source: str
    more: dict[str, Any] = field(default_factory=dict)
    as_of: datetime = datetime(2026, 6, 1, tzinfo=UTC)
    states: dict[str, Any] = field(default_factory=dict)
    loads: int = 0
    database: duckdb.DuckDBPyConnection = field(default_factory=lambda: duckdb.connect(":memory:"))

    @contextmanager
    def connection(self, *_: object) -> Iterator[duckdb.DuckDBPyConnection]:
        """Stands in for `raw_build.connection`: opening a file for every question is most of what a small run costs."""
        cursor = self.database.cursor()
        try:
            cursor.execute("set timezone = 'UTC'")
            yield cursor
        finally:
            cursor.close()

    def settings(self) -> Settings:
        return Settings(data_dir=self.folder, as_of=self.as_of, _env_file=None, **self.more)

    def run(self, make: Callable[[Context], list[Reader]], later: timedelta = timedelta(days=1)) -> dict[str, int]:
        """Run all readers once; rows stored per stream. The clock then moves on."""
        with patch("ingestion.raw_build.connection", self.connection):
            stored = self._run(make)
        self.as_of += later
        return stored

    def _run(self, make: Callable[[Context], list[Reader]]) -> dict[str, int]:
        settings, streams = self.settings(), streams_of(self.source)
        raw.ensure_tables(settings, self.source, streams)
        context = Context(settings, settings.source(self.source), {stream.name: stream for stream in streams})
        readers, writer = make(context), VersionWriter(context)
        states = {reader.name: dict(self.states.get(reader.name, {})) for reader in readers}
        tables = [pair for reader in readers for pair in writer.tables(reader, states[reader.name])]
        self.loads += 1
        stored: dict[str, int] = {}
        with self.connection() as con:
            for stream, table in [*tables, *((name, rows) for name, _, rows in writer.reports())]:
                con.register("rows", table)
                target = f'raw_{self.source}."{stream}"'
                unknown = "" if stream in ("quarantine", "drift") else f"anti join {target} using (id, version_hash)"
                rows = f"select *, '{self.loads}' as _dlt_load_id from rows {unknown}"
                ((count,),) = con.execute(f"insert into {target} by name {rows}").fetchall()
                stored[stream] = stored.get(stream, 0) + count
        self.states |= states
        for reader in readers:
            if reader.committed is not None:
                reader.committed()
        return {stream: count for stream, count in stored.items() if count}

    def query(self, sql: str) -> list[Row]:
        with self.connection() as con:
            found = con.execute(sql)
            names = [column[0] for column in found.description]
            return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

    def versions(self, stream: str) -> list[Row]:
        """All versions, oldest first."""
        return self.query(f"select * from raw_{self.source}.{stream} order by modified_at, extracted_at, id")

    def newest(self, stream: str) -> dict[str, Row]:
        """The newest version of every id."""
        return {row["id"]: row for row in self.versions(stream)}

    def live(self, stream: str) -> set[str]:
        """Ids whose newest version is no deletion."""
        return {id_ for id_, row in self.newest(stream).items() if not row["is_deleted"]}
