"""Where the raw ledger lies on the distributed engine: Parquet files of the lake, one or more a stream and load.

The loader only adds files here, it cannot merge. So what is stored already is left out before rows reach it, and a
load that did not complete is undone by deleting its files: each has the load's id in its name.
"""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import blake2b
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from ingestion.raw import LOAD_ID, OnlyNew, schema_of
from warehouse import lake as lakes
from warehouse.connections import open_duckdb
from warehouse.lake import Lake, open_lake, raw_files

if TYPE_CHECKING:
    import duckdb

    from warehouse.settings import Settings

log = logging.getLogger(__name__)

DISPOSITION: Mapping[str, str] = {"disposition": "append"}
LAYOUT = "{table_name}/{load_id}.{file_id}.{ext}"
CARRIED = "carried.parquet"
LOADS, STATES, VERSIONS, INIT = "_dlt_loads", "_dlt_pipeline_state", "_dlt_version", "init"


@contextlib.contextmanager
def connection(settings: Settings, source: str, *tables: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """A DuckDB in memory with views of some tables of a source, of all when none is named. Raises LakeError."""
    lake, schema = open_lake(settings), schema_of(source)
    files = raw_files(lake, schema, tables[0] if len(tables) == 1 else None)
    with _views(lake, schema, {name: paths for name, paths in files.items() if not tables or name in tables}) as con:
        yield con


def held(settings: Settings) -> contextlib.AbstractContextManager[Any]:
    """Nothing: files are opened one by one."""
    return contextlib.nullcontext()


def destination(settings: Settings, source: str) -> Any:
    """What the loader writes a source to."""
    import dlt
    from dlt.destinations.impl.filesystem.filesystem import CURRENT_VERSION

    lake, mark = open_lake(settings), f"{schema_of(source)}/{INIT}"
    if mark not in lake.files(mark):
        # The loader makes its mark with the folder, and stops at a folder without one: that of our declarations.
        lake.write(mark, json.dumps(dict.fromkeys(("initial_version", "current_version"), CURRENT_VERSION)).encode())
    return dlt.destinations.filesystem(bucket_url=_bucket_url(settings), layout=LAYOUT)


def explained(settings: Settings, reason: str) -> str:
    """A loader's message for people: which lake it was, and what to do."""
    return lakes.trouble(settings.lake, reason)


def only_new(settings: Settings, source: str) -> OnlyNew:
    """Leaves out rows that are stored already, and reports that this run has given before."""
    return _OnlyNew(open_lake(settings), schema_of(source))


def ensure_tables(settings: Settings, source: str, wanted: Mapping[str, pa.Schema]) -> None:
    """Declare the columns of a source's tables, where that has not been done or they changed."""
    lake, schema = open_lake(settings), schema_of(source)
    lakes.declare(lake, schema, wanted)
    _carry_over(settings, lake, schema, wanted)


def _carry_over(settings: Settings, lake: Lake, schema: str, wanted: Mapping[str, pa.Schema]) -> None:
    """A company that comes from DuckDB brings its ledger along: streams that the lake has no row of are copied.

    Providers show the present only, and pushed events never come again. The copy has no load of the lake's own.
    """
    before = settings.model_copy(update={"target": "duckdb"}).warehouse_path
    filled = _filled(raw_files(lake, schema))
    if not before.exists() or filled >= set(wanted):
        return
    with open_duckdb(before, read_only=True) as con:
        present = con.execute(
            "select table_name from duckdb_tables() where schema_name = ? and estimated_size > 0", [schema]
        ).fetchall()
        if ("_dlt_loads",) not in present:
            return
        names = {name for (name,) in present}
        # rows of a load that never completed would be deleted there, too
        completed = f'where "{LOAD_ID}" in (select load_id from "{schema}"._dlt_loads where status = 0)'
        for table in sorted(names & set(wanted) - filled):
            known = {name for name, *_ in con.execute(f'describe "{schema}"."{table}"').fetchall()}
            columns = ", ".join(f'"{name}"' for name in [*wanted[table].names] if name in known)
            rows = con.sql(f'select {columns} from "{schema}"."{table}" {completed}').to_arrow_reader(100_000)
            lake.write_batches(f"{schema}/{table}/{CARRIED}", rows)
            log.info("%s.%s: carried over from %s", schema, table, before)


def recover(settings: Settings, source: str) -> int:
    """Delete the files of loads that never completed, and half-written ones; returns the number of rows deleted."""
    lake, schema = open_lake(settings), schema_of(source)
    files = lake.files(schema)
    damaged = _damaged(lake, files)
    markers = [path for path in files if path not in damaged and _part(path, 1) == LOADS]
    completed = {_load_of(path) for path in markers}
    orphans = [path for path in files if (load := _load_of(path)) is not None and load not in completed]
    begun = [path for path in files if _part(path, -1).startswith(".")]
    deleted = sum(_rows(lake, path) for path in orphans if path.endswith(".parquet"))
    lake.delete(dict.fromkeys([*orphans, *begun, *damaged]))
    return deleted


def empty_streams(settings: Settings, source: str, streams: Iterable[str]) -> set[str]:
    """The streams of which no version is stored at all."""
    return set(streams) - _filled(raw_files(open_lake(settings), schema_of(source)))


@dataclass
class _OnlyNew:
    """The rows of a run that are not stored. What is stored is listed once: a run's own files come after its reading.

    A run's versions differ from each other already; of its reports this remembers the keys.
    """

    lake: Lake
    schema: str
    _seen: set[bytes] = field(default_factory=set)

    def __call__(self, table: str, key: Sequence[str], rows: pa.Table) -> pa.Table:
        if table in ("quarantine", "drift"):
            rows = rows.filter(pa.array(self._first_seen(table, key, rows), pa.bool_()))
        if not rows.num_rows or table not in _filled(self._files):
            return rows
        keys = rows.select(list(key)).append_column("position", pa.array(range(rows.num_rows), pa.int64()))
        using = ", ".join(f'"{name}"' for name in key)
        with _views(self.lake, self.schema, {table: self._files[table]}) as con:
            con.register("given", keys)
            stored = con.execute(
                f'select position from given semi join "{self.schema}"."{table}" using ({using})'
            ).fetchall()
        known = {position for (position,) in stored}
        return rows.filter(pa.array([n not in known for n in range(rows.num_rows)], pa.bool_())) if known else rows

    @cached_property
    def _files(self) -> dict[str, list[str]]:
        return raw_files(self.lake, self.schema)

    def _first_seen(self, table: str, key: Sequence[str], rows: pa.Table) -> list[bool]:
        marks = []
        for values in zip(*(rows.column(name).to_pylist() for name in key), strict=True):
            digest = blake2b(json.dumps([table, *values]).encode(), digest_size=16).digest()
            marks.append(digest not in self._seen)
            self._seen.add(digest)
        return marks


@contextlib.contextmanager
def _views(lake: Lake, schema: str, files: Mapping[str, Sequence[str]]) -> Iterator[duckdb.DuckDBPyConnection]:
    import duckdb

    con = duckdb.connect(":memory:")
    try:
        con.execute("set timezone = 'UTC'")
        lakes.attach_tables(con, lake, schema, files)
        with lakes.reading(lake):
            yield con
    finally:
        con.close()


def _bucket_url(settings: Settings) -> str:
    return settings.lake if "://" in settings.lake else Path(settings.lake).as_uri()


def _filled(files: Mapping[str, Sequence[str]]) -> set[str]:
    """The tables that have rows: files beside the one that declares their columns."""
    return {table for table, paths in files.items() if len(paths) > paths[0].endswith(f"/{lakes.DECLARED}")}


def _load_of(path: str) -> str | None:
    """The id of the load that wrote a file, None when no load did; the loader puts it into the names."""
    parts = path.split("/")
    if len(parts) != 3:
        return None
    _, table, file = parts
    if table == LOADS:
        return file.removesuffix(".jsonl").rpartition("__")[2]
    if table == STATES:
        return file.rpartition("__")[0].rpartition("__")[2]
    if lakes.is_rows(table, file) and file not in (lakes.DECLARED, CARRIED):
        return file.rsplit(".", 2)[0]
    return None


def _damaged(lake: Lake, files: Mapping[str, int]) -> set[str]:
    """The loader's own records that a killed process left half written: empty ones, and the newest if it is no JSON.

    Older ones were looked at by the run after them.
    """
    found: set[str] = set()
    for kind in (LOADS, VERSIONS, INIT):
        paths = sorted(path for path in files if _part(path, 1) == kind)
        found.update(path for path in paths if not files[path])
        if paths and paths[-1] not in found and not _is_record(lake.read(paths[-1])):
            found.add(paths[-1])
    return found


def _is_record(content: bytes) -> bool:
    try:
        return isinstance(json.loads(content), dict)
    except ValueError:
        return False


def _rows(lake: Lake, path: str) -> int:
    """Rows of a file; none when it is half written."""
    try:
        return pq.read_metadata(BytesIO(lake.read(path))).num_rows
    except pa.ArrowInvalid:
        return 0


def _part(path: str, position: int) -> str:
    return path.split("/")[position]
