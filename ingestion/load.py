"""Run one source into the raw ledger, so that a crash at any point costs nothing but time.

The loader (dlt) writes versions insert-only on (id, version_hash): what is stored already is not stored again and
nothing is ever overwritten. In the build file that is its own `merge`; in the lake, where it can only add files, what
is stored is left out before. Cursors are part of the loaded package. What the loader alone does not give is recovery:
a run that dies leaves a half-done working folder, cursors that ran ahead, and rows of a load that never completed. So
every run starts by throwing the working folder away, deleting rows of incomplete loads, and restoring the cursors from
the destination; and it ends by checking that keys are unique.
"""

from __future__ import annotations

import contextlib
import logging
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ingestion import raw
from ingestion.extract import Context, Reader, VersionWriter
from ingestion.registry import builder_of, streams_of
from ingestion.versions import Stream
from warehouse.lake import LakeError

if TYPE_CHECKING:
    from dlt import Pipeline
    from dlt.extract import DltResource, DltSource

    from warehouse.settings import Settings

log = logging.getLogger(__name__)

Progress = Callable[[str, int], None]
VERSION_KEY = ("id", "version_hash")


class LoadFailed(Exception):
    """A source was read but could not be stored. The message is safe to show; nothing of the run is kept."""


@dataclass(frozen=True)
class LoadReport:
    """What one run of one source did.

    `rows_loaded` counts new versions per stream, `rows_quarantined` the objects that could not be typed, `rows_read`
    the objects the provider gave. `is_configured` is false for a source that is off: its tables exist, empty or as
    they were, and nothing was read.
    """

    source: str
    is_configured: bool
    streams: tuple[str, ...] = ()
    load_ids: tuple[str, ...] = ()
    rows_loaded: dict[str, int] = field(default_factory=dict)
    rows_quarantined: dict[str, int] = field(default_factory=dict)
    rows_read: dict[str, int] = field(default_factory=dict)
    new_fields: dict[str, tuple[str, ...]] = field(default_factory=dict)


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """A lake that cannot be used is a load that failed."""
    try:
        yield
    except LakeError as error:
        raise LoadFailed(str(error)) from error


@_told()
def run_source(
    name: str, settings: Settings, streams: Sequence[str] | None = None, progress: Progress | None = None
) -> LoadReport:
    """Read a source and store its new versions.

    Args:
        name: the source, one of `ingestion.registry.SOURCES`.
        settings: the process's settings; `as_of` dates the run.
        streams: only these streams, and those that are read together with them. All when None.
        progress: called with a stream and the number of its objects read so far.

    Raises:
        SourceError: the source could not be read (also its subclasses, and the ledger's LedgerError).
        LoadFailed: the rows could not be stored.
        RawDamaged: a key is stored twice.
        ValueError: unknown source or stream.
    """
    declared = streams_of(name)
    unknown = sorted(set(streams or ()) - {stream.name for stream in declared})
    if unknown:
        raise ValueError(f"{name} has no stream {', '.join(unknown)}; it has {', '.join(s.name for s in declared)}")
    prepare(name, settings)
    source = settings.source(name)
    if not source.is_configured:
        return LoadReport(name, is_configured=False, streams=tuple(stream.name for stream in declared))
    context = Context(settings, source, {stream.name: stream for stream in declared})
    writer = VersionWriter(context, progress)
    with raw.storage(settings).held(settings):
        return _load(name, settings, context, writer, streams)


def _load(
    name: str, settings: Settings, context: Context, writer: VersionWriter, streams: Sequence[str] | None
) -> LoadReport:
    with context.resources:
        readers = [
            reader
            for reader in builder_of(name)(settings, context)
            if streams is None or not set(streams).isdisjoint(reader.streams)
        ]
        load_ids = _run(settings, pipeline_for(name, settings), lambda: dlt_source(name, readers, writer))

    filled = tuple(dict.fromkeys(stream for reader in readers for stream in reader.streams))
    raw.check_unique(settings, name, filled, load_ids)
    for reader in readers:
        if reader.committed is not None:
            reader.committed()
    new_fields: dict[str, tuple[str, ...]] = {}
    for row in writer.drift().to_pylist():
        new_fields[row["stream"]] = (*new_fields.get(row["stream"], ()), row["field"])
    return LoadReport(
        name,
        is_configured=True,
        streams=filled,
        load_ids=tuple(load_ids),
        rows_loaded=raw.count_rows(settings, name, filled, load_ids),
        rows_quarantined=dict(writer.quarantined),
        rows_read=dict(writer.read_rows),
        new_fields=new_fields,
    )


def current_hashes(name: str, stream: str, settings: Settings) -> dict[str, str]:
    """Content hash of the newest version of every live object of a stream."""
    return raw.current_hashes(settings, name, stream)


def prepare(name: str, settings: Settings) -> None:
    """Make the raw tables of a source, and undo what an earlier run left unfinished."""
    raw.ensure_tables(settings, name, streams_of(name))
    folder = settings.pipelines_dir / pipeline_name(name)
    if folder.exists():
        shutil.rmtree(folder)
    deleted = raw.recover(settings, name)
    if deleted:
        log.warning("%s: an earlier run did not finish; removed its %d rows and read again", name, deleted)


def pipeline_name(name: str) -> str:
    """The dlt pipeline of a source; its data set has the same name."""
    return raw.schema_of(name)


def pipeline_for(name: str, settings: Settings) -> Pipeline:
    """The dlt pipeline that loads a source into the ledger."""
    import dlt

    # dlt reads these from its own configuration; set here, so that no file or variable has to be in place.
    dlt.config["runtime.dlthub_telemetry"] = False
    dlt.config["normalize.parquet_normalizer.add_dlt_load_id"] = True
    dlt.config["load.truncate_staging_dataset"] = True
    settings.pipelines_dir.mkdir(parents=True, exist_ok=True)
    return dlt.pipeline(
        pipeline_name=pipeline_name(name),
        dataset_name=pipeline_name(name),
        destination=raw.storage(settings).destination(settings, name),
        pipelines_dir=str(settings.pipelines_dir),
        progress=None,
    )


def dlt_source(name: str, readers: Sequence[Reader], writer: VersionWriter) -> DltSource:
    """The readers as a dlt source: one resource a reader."""
    import dlt
    from dlt.extract import DltSource

    schema = dlt.Schema(pipeline_name(name))
    # one for all readers: two of them may reject the same object
    only_new = raw.storage(writer.context.settings).only_new(writer.context.settings, name)
    resources = [_reader_resource(reader, writer, only_new) for reader in readers]
    return DltSource(schema, name, resources)


def _reader_resource(reader: Reader, writer: VersionWriter, only_new: raw.OnlyNew) -> DltResource:
    import dlt

    context = writer.context
    storage = raw.storage(context.settings)

    def marked(table: str, key: tuple[str, ...], rows: pa.Table) -> Iterator[Any]:
        rows = only_new(table, key, rows)
        if rows.num_rows:
            hints = dlt.mark.make_hints(**_hints(table, rows.schema, key, storage.DISPOSITION))
            yield dlt.mark.with_hints(rows, hints, create_table_variant=True)

    def read() -> Iterator[Any]:
        state = dlt.current.resource_state()
        for stream, table in writer.tables(reader, state):
            _expect(context.streams[stream], table)
            yield from marked(stream, VERSION_KEY, table)
        # the loader takes turns among readers, so each one hands over its own: no reader is known to be the last
        for name, key, rows in writer.reports():
            yield from marked(name, key, rows)

    return dlt.resource(read, name=reader.name, schema_contract=_CONTRACT)()


# Only declared columns get here (`_expect`); a column that a later version of ours declares is let in.
_CONTRACT: Any = {"tables": "evolve", "columns": "evolve", "data_type": "freeze"}


def _hints(table: str, schema: pa.Schema, key: tuple[str, ...], disposition: Mapping[str, str]) -> dict[str, Any]:
    columns = {field.name: _dlt_column(field) | {"nullable": field.nullable} for field in schema}
    return {
        "table_name": table,
        "write_disposition": dict(disposition),
        "primary_key": list(key),
        "columns": columns,
    }


def _dlt_column(field: pa.Field) -> dict[str, Any]:
    if pa.types.is_timestamp(field.type):
        return {"data_type": "timestamp", "timezone": True, "precision": 6}
    if pa.types.is_decimal(field.type):
        return {"data_type": "decimal", "precision": field.type.precision, "scale": field.type.scale}
    names = {pa.string(): "text", pa.int64(): "bigint", pa.bool_(): "bool", pa.date32(): "date"}
    return {"data_type": names[field.type]}


def _expect(stream: Stream, table: pa.Table) -> None:
    if not table.schema.equals(stream.arrow_schema):
        raise TypeError(f"stream {stream.name}: rows do not have the declared columns")


def _run(settings: Settings, pipeline: Pipeline, make_source: Callable[[], DltSource]) -> list[str]:
    """Extract and load once; returns the ids of the loads. Raises the source's own error, or LoadFailed."""
    from dlt.pipeline.exceptions import PipelineStepFailed

    load_ids: list[str] = []
    try:
        # A run that finds a package left over loads that one and extracts nothing.
        while pipeline.has_pending_data:
            load_ids += pipeline.run().loads_ids
        load_ids += pipeline.run(make_source(), loader_file_format="parquet").loads_ids
    except PipelineStepFailed as error:
        own = _own_error(error)
        if own is not None:
            raise own from None
        # The loader puts whole tracebacks into its messages; what went wrong stands in the last line.
        lines = [line.strip() for line in str(error.exception or error).splitlines() if line.strip()]
        reason = lines[-1] if lines else str(error)
        if error.step == "load":
            reason = raw.storage(settings).explained(settings, reason)
        raise LoadFailed(f"{pipeline.pipeline_name}: {error.step} failed: {reason}") from error
    return load_ids


def _own_error(error: BaseException) -> BaseException | None:
    """The error of ours that a loader's error was raised for, if there is one."""
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        if type(current).__module__.startswith(("ingestion.", "warehouse.")):
            return current
        current = getattr(current, "exception", None) or current.__cause__ or current.__context__
    return None
