"""What a source hands over, and how it becomes versions.

A source's `build(settings, context)` returns `Reader`s. A reader fills one or more streams: its `read(state)` yields
`Page`s of provider objects, `Removed` ids and `Rejected` pieces, and keeps its cursors in `state`, a dictionary that
is stored together with the rows it belongs to. A reader knows nothing of files, tables or loaders, so it is tested by
calling it.

    def build(settings, context):
        def read(state):
            for page in pages(client, since=state.get("cursor")):
                yield Page("customers", page)
            state["cursor"] = newest
        return [Reader("customers", ("customers",), read)]

`VersionWriter` turns what readers yield into Arrow tables of versions: it collects small pages, leaves out what is
stored already, dates observations so that the newest one wins, and notes what could not be typed and what is new.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ingestion import raw
from ingestion.versions import (
    DRIFT_KEY,
    DRIFT_SCHEMA,
    QUARANTINE_KEY,
    QUARANTINE_SCHEMA,
    JsonObject,
    Stream,
    deletion,
    fields_of,
    mapped_fields,
    read_path,
    to_versions,
)

if TYPE_CHECKING:
    from warehouse.settings import Settings, SourceSettings

BATCH_ROWS = 5_000
TICK = timedelta(microseconds=1)
State = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Page:
    """Objects of a stream as the provider gave them.

    `observed_at` (aware; one for all, or one per object) dates objects of streams without an instant of their own;
    the run's instant when None.
    """

    stream: str
    objects: Sequence[JsonObject]
    observed_at: datetime | Sequence[datetime] | None = None


@dataclass(frozen=True, slots=True)
class Removed:
    """Ids of objects that the provider no longer has. Ids whose newest version is a deletion already are left out."""

    stream: str
    ids: Sequence[str]
    observed_at: datetime | Sequence[datetime] | None = None


@dataclass(frozen=True, slots=True)
class Rejected:
    """A piece of input that is no object at all, with the reason; it goes to quarantine as it is."""

    stream: str
    reason: str
    payload: str
    id: str = ""


Item = Page | Removed | Rejected


@dataclass(frozen=True, slots=True)
class Reader:
    """One unit of reading: `streams` are filled together, `name` (usually the first of them) is its name and state key.

    `committed` is called once the rows of a run are stored for good (to archive input files, for example).
    """

    name: str
    streams: tuple[str, ...]
    read: Callable[[State], Iterator[Item]]
    committed: Callable[[], None] | None = None


@dataclass
class Context:
    """What a source may know about the run and about what is stored already.

    `resources` is closed when the run ends: enter the HTTP client into it.
    """

    settings: Settings
    source: SourceSettings
    streams: Mapping[str, Stream]
    resources: ExitStack = field(default_factory=ExitStack)

    @property
    def name(self) -> str:
        """The source's name."""
        return self.source.name

    @property
    def as_of(self) -> datetime:
        """The run's instant (aware, UTC): `extracted_at` of every row."""
        return self.settings.as_of.astimezone(UTC)

    def live_ids(self, stream: str) -> set[str]:
        """Ids whose newest stored version is not a deletion."""
        return raw.live_ids(self.settings, self.name, stream)

    def live_children(self, stream: str, column: str, parents: Sequence[str]) -> dict[str, set[str]]:
        """Live ids of a stream grouped by a column's value, for the given values: {"in_1": {"il_1", "il_2"}}."""
        return raw.live_children(self.settings, self.name, stream, column, parents)

    def newest(self, stream: str, ids: Sequence[str]) -> pa.Table:
        """Newest stored versions of the given ids, with all columns of the stream."""
        return raw.newest_versions(self.settings, self.name, self.streams[stream], ids)


@dataclass
class VersionWriter:
    """Turns what the readers of one run yield into tables ready to load. One writer serves one run of one source."""

    context: Context
    progress: Callable[[str, int], None] | None = None
    batch_rows: int = BATCH_ROWS
    read_rows: dict[str, int] = field(default_factory=dict)
    quarantined: dict[str, int] = field(default_factory=dict)
    _pending: dict[str, list[tuple[JsonObject, datetime | None]]] = field(default_factory=dict)
    _seen: dict[str, set[bytes]] = field(default_factory=dict)
    _written: dict[str, dict[str, tuple[str, datetime]]] = field(default_factory=dict)
    _empty: set[str] | None = None
    _fields: dict[str, set[str]] | None = None
    _quarantine: list[pa.Table] = field(default_factory=list)
    _drift: list[tuple[str, str, str]] = field(default_factory=list)
    _drift_reported: int = 0

    def tables(self, reader: Reader, state: State) -> Iterator[tuple[str, pa.Table]]:
        """Run a reader and yield (stream, versions) as batches fill up. Raises what the reader raises."""
        for item in reader.read(state):
            if item.stream not in reader.streams:
                raise ValueError(f"{self.context.name}: reader {reader.name} yields undeclared stream {item.stream}")
            if isinstance(item, Page):
                yield from self._page(item)
            elif isinstance(item, Removed):
                # Objects seen before their removal must not overtake it.
                yield from self._flush(item.stream)
                yield from self._removed(item)
            else:
                self._reject(item)
        for stream in reader.streams:
            yield from self._flush(stream)

    def reports(self) -> list[tuple[str, tuple[str, ...], pa.Table]]:
        """(table, key, rows) of what was rejected, and of new fields, since this was asked the last time."""
        rejected, self._quarantine = self._quarantine, []
        fresh, self._drift_reported = self._drift[self._drift_reported :], len(self._drift)
        return [
            ("quarantine", QUARANTINE_KEY, pa.concat_tables([QUARANTINE_SCHEMA.empty_table(), *rejected])),
            ("drift", DRIFT_KEY, self._drift_table(fresh)),
        ]

    def drift(self) -> pa.Table:
        """Fields that no column reads and that were never seen before this run."""
        return self._drift_table(self._drift)

    def _drift_table(self, found: Sequence[tuple[str, str, str]]) -> pa.Table:
        names = [list(column) for column in zip(*found, strict=True)] or [[], [], []]
        when = [self.context.as_of] * len(found)
        return pa.Table.from_arrays(
            [pa.array(v, t.type) for v, t in zip((names[0], names[1], when, names[2]), DRIFT_SCHEMA, strict=True)],
            schema=DRIFT_SCHEMA,
        )

    # --- pages ------------------------------------------------------------------------------------------------------

    def _page(self, page: Page) -> Iterator[tuple[str, pa.Table]]:
        pending = self._pending.setdefault(page.stream, [])
        when = page.observed_at
        if when is None or isinstance(when, datetime):
            pending.extend((item, when) for item in page.objects)
        else:
            pending.extend(zip(page.objects, when, strict=True))
        if len(pending) >= self.batch_rows:
            yield from self._flush(page.stream)

    def _flush(self, name: str) -> Iterator[tuple[str, pa.Table]]:
        pending = self._pending.pop(name, [])
        if not pending:
            return
        stream = self.context.streams[name]
        objects = [item for item, _ in pending]
        self._note_fields(stream, objects)
        if stream.has_own_instant:
            tables = [to_versions(stream, objects, self.context.as_of, seen=self._seen.setdefault(name, set()))]
        else:
            tables = [self._observed(stream, part) for part in _rounds(stream, pending)]
        rows = self.read_rows[name] = self.read_rows.get(name, 0) + len(objects)
        for versions, rejected in tables:
            if rejected.num_rows:
                self._quarantine.append(rejected)
                self.quarantined[name] = self.quarantined.get(name, 0) + rejected.num_rows
            if versions.num_rows:
                yield name, versions
        if self.progress is not None:
            self.progress(name, rows)

    def _observed(self, stream: Stream, pending: list[tuple[JsonObject, datetime | None]]) -> tuple[pa.Table, pa.Table]:
        """Versions of objects that carry no instant of their own, compared with what is stored. Ids occur once."""
        as_of = self.context.as_of
        ids = [_id_of(stream, item) for item, _ in pending]
        known = self._known(stream, [key for key in ids if key is not None])
        current = {key: content for key, (content, _) in known.items() if content}
        moments: list[datetime] = []
        for key, (_, when) in zip(ids, pending, strict=True):
            moment = as_of if when is None else when
            before = known.get(key) if key is not None else None
            # Seconds are coarse and clocks differ: what was observed later must also be dated later.
            moments.append(moment if before is None or moment > before[1] else before[1] + TICK)
        versions, rejected = to_versions(
            stream, [item for item, _ in pending], moments, current, extracted_at=as_of, seen=self._seen_of(stream)
        )
        self._remember(stream, versions)
        return versions, rejected

    # --- removals and rejections ------------------------------------------------------------------------------------

    def _removed(self, item: Removed) -> Iterator[tuple[str, pa.Table]]:
        stream, as_of = self.context.streams[item.stream], self.context.as_of
        when = item.observed_at
        whens = [when or as_of] * len(item.ids) if when is None or isinstance(when, datetime) else list(when)
        moments = dict(zip(item.ids, whens, strict=True))
        if not moments:
            return
        last = self.context.newest(stream.name, list(moments))
        stored = dict(
            zip(last.column("id").to_pylist(), last.select(["is_deleted", "modified_at"]).to_pylist(), strict=True)
        )
        written = self._written.get(stream.name, {})
        gone: dict[str, datetime] = {}
        for key, moment in moments.items():
            content, before = written.get(key, (None, None))
            if content is None and key in stored:
                content, before = "" if stored[key]["is_deleted"] else "-", stored[key]["modified_at"]
            if content == "":
                continue
            gone[key] = moment if before is None or moment > before else before + TICK
        versions = deletion(
            stream, list(gone), list(gone.values()), last, extracted_at=as_of, seen=self._seen_of(stream)
        )
        self._remember(stream, versions)
        if versions.num_rows:
            yield stream.name, versions

    def _reject(self, item: Rejected) -> None:
        row = [[item.stream], [item.id], [item.reason], [item.payload], [self.context.as_of]]
        arrays = [pa.array(value, kind.type) for value, kind in zip(row, QUARANTINE_SCHEMA, strict=True)]
        self._quarantine.append(pa.Table.from_arrays(arrays, schema=QUARANTINE_SCHEMA))
        self.quarantined[item.stream] = self.quarantined.get(item.stream, 0) + 1

    # --- what is known ----------------------------------------------------------------------------------------------

    def _seen_of(self, stream: Stream) -> set[bytes]:
        return self._seen.setdefault(stream.name, set())

    def _known(self, stream: Stream, ids: Sequence[str]) -> dict[str, tuple[str, datetime]]:
        """Content hash ("" for a deletion) and instant of each id's newest version: this run's, else the stored one."""
        settings, source = self.context.settings, self.context.name
        written = self._written.get(stream.name, {})
        known = {key: written[key] for key in ids if key in written}
        if self._empty is None:
            self._empty = raw.empty_streams(settings, source, self.context.streams)
        if stream.name in self._empty:
            return known
        missing = [key for key in ids if key not in known]
        return known | raw.current_versions(settings, source, stream.name, missing)

    def _remember(self, stream: Stream, versions: pa.Table) -> None:
        written = self._written.setdefault(stream.name, {})
        columns = (versions.column(c).to_pylist() for c in ("id", "content_hash", "modified_at", "is_deleted"))
        for key, content, modified, is_deleted in zip(*columns, strict=True):
            written[key] = ("" if is_deleted else content, modified)

    def _note_fields(self, stream: Stream, objects: Sequence[JsonObject]) -> None:
        if self._fields is None:
            seen = raw.seen_fields(self.context.settings, self.context.name)
            self._fields = {one.name: mapped_fields(one) | seen[one.name] for one in self.context.streams.values()}
        known = self._fields[stream.name]
        fresh = fields_of(stream, objects) - known
        known |= fresh
        for name in sorted(fresh):
            self._drift.append((stream.name, name, _example_type(objects, name)))


def _rounds(
    stream: Stream, pending: list[tuple[JsonObject, datetime | None]]
) -> Iterator[list[tuple[JsonObject, datetime | None]]]:
    """Split a batch so that no id occurs twice in one part: each part is compared with the one before.

    An object that is just repeated is left out.
    """
    part: list[tuple[JsonObject, datetime | None]] = []
    objects: dict[str, JsonObject] = {}
    for item, when in pending:
        key = _id_of(stream, item)
        if key is not None and key in objects:
            if objects[key] == item:
                continue
            yield part
            part, objects = [], {}
        if key is not None:
            objects[key] = item
        part.append((item, when))
    if part:
        yield part


def _id_of(stream: Stream, item: Any) -> str | None:
    """The id of an object as text, or None when it has none that can be read (it will be quarantined)."""
    try:
        value = read_path(item, stream.id_path)
    except (AttributeError, TypeError, ValueError, LookupError):
        return None
    return None if value is None or isinstance(value, dict | list) else str(value)


def _example_type(objects: Sequence[JsonObject], name: str) -> str:
    names = {str: "text", bool: "boolean", int: "number", float: "number", dict: "object", list: "list"}
    for item in objects:
        value = read_path(item, name)
        if value is not None:
            return names.get(type(value), "unknown")
    return "null"
