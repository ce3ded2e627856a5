"""HubSpot into raw: everything on the first run, what changed on later ones, and what is gone on every one.

A reader per object type fills the objects, their property history and their associations in one pass. It finds

- changes by a search on the modification instant that starts a little before the last one ended, because the index
  that answers searches lags behind writes;
- archived objects by listing them in full: archiving moves no modification instant, and archived ones are few, for
  HubSpot purges them after 90 days;
- merges by the winner, which names the objects merged into it; those are gone at its modification instant;
- what left no trace (purged objects, associations that changed alone) by comparing everything, now and then.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta

from ingestion.extract import Context, Item, Page, Reader, Removed, State
from ingestion.http import HttpClient
from ingestion.hubspot.crm import Crm, Json, Paths, ProtocolError, instant, modified_at
from ingestion.hubspot.flatten import history_entries, link_id, links, merged_ids, pipeline_rows, stage_rows
from ingestion.hubspot.schema import ASSOCIATED_TYPES, HISTORY_PROPERTIES, OBJECT_TYPES, PIPELINE_TYPES, RESTORED
from warehouse.settings import Settings

ASSOCIATION_BATCH = 5_000


@dataclass(frozen=True)
class Options:
    """How HubSpot is read. `version` is part of the paths: `v3`, or a dated one such as `2026-09`."""

    version: str = "v3"
    overlap: timedelta = timedelta(minutes=10)
    reconcile_every: timedelta = timedelta(days=7)


def build(settings: Settings, context: Context, options: Options = Options()) -> list[Reader]:
    """The readers of a HubSpot account. Raises nothing: the first request shows whether the key is good."""
    key = context.source.api_key.get_secret_value() if context.source.api_key else ""
    client = context.resources.enter_context(
        HttpClient("hubspot", context.source.base_url, {"Authorization": f"Bearer {key}"}, [key])
    )
    return readers(Crm(client, Paths(options.version)), context, options)


def readers(crm: Crm, context: Context, options: Options = Options()) -> list[Reader]:
    """The readers of an account that is reached through `crm`."""
    catalogues = Catalogues(crm, context)
    return [
        Reader("properties", ("properties",), catalogues.properties),
        Reader("owners", ("owners",), catalogues.owners),
        Reader("pipelines", ("pipelines", "pipeline_stages"), catalogues.pipelines),
        *(ObjectReader(crm, context, options, object_type).as_reader() for object_type in OBJECT_TYPES),
    ]


@dataclass(frozen=True)
class Catalogues:
    """What is small enough to be read in full and compared on every run."""

    crm: Crm
    context: Context

    def properties(self, _: State) -> Iterator[Item]:
        """Property definitions of all object types."""
        found = {object_type: self.crm.catalogue(object_type, "properties") for object_type in OBJECT_TYPES}
        rows = [{**row, "object_type": object_type} for object_type, page in found.items() for row in page]
        yield from self._compared("properties", rows, [f"{row['object_type']}:{row['name']}" for row in rows])

    def owners(self, _: State) -> Iterator[Item]:
        """Owners, the archived ones as deleted."""
        found = [owner for page in self.crm.owners() for owner in page]
        yield from self._compared("owners", found, [str(owner["id"]) for owner in found])

    def pipelines(self, _: State) -> Iterator[Item]:
        """Pipelines and their stages."""
        found = {object_type: self.crm.pipelines(object_type, "pipelines") for object_type in PIPELINE_TYPES}
        pipelines = [row for object_type, page in found.items() for row in pipeline_rows(object_type, page)]
        yield from self._compared("pipelines", pipelines, [f"{row['object_type']}:{row['id']}" for row in pipelines])
        stages = [row for object_type, page in found.items() for row in stage_rows(object_type, page)]
        stage_ids = [f"{row['object_type']}:{row['pipeline_id']}:{row['id']}" for row in stages]
        yield from self._compared("pipeline_stages", stages, stage_ids)

    def _compared(self, stream: str, rows: list[Json], ids: list[str]) -> Iterator[Item]:
        """The rows, and the removal of stored ones that are not among them."""
        yield Page(stream, rows)
        yield Removed(stream, sorted(self.context.live_ids(stream) - set(ids)))


@dataclass
class ObjectReader:
    """Reads one object type with its history and associations. One instance serves one run."""

    crm: Crm
    context: Context
    options: Options
    object_type: str
    _live: set[str] = field(default_factory=set)
    _archived: set[str] = field(default_factory=set)
    _unlinked: list[str] = field(default_factory=list)
    _newest: datetime | None = None

    def as_reader(self) -> Reader:
        """This as a unit of reading."""
        streams = [self.object_type]
        if self.object_type in HISTORY_PROPERTIES:
            streams.append("property_history")
        if self.object_type in ASSOCIATED_TYPES:
            streams.append("associations")
        return Reader(self.object_type, tuple(streams), self.read)

    def read(self, state: State) -> Iterator[Item]:
        """Yield what is new since the cursor in `state`, then move the cursor."""
        started = datetime.now(UTC)
        cursor = instant(state.get("modified_at"))
        is_first = cursor is None
        names = self.crm.property_names(self.object_type)
        for page in self._first(names) if cursor is None else self._changes(cursor - self.options.overlap, names):
            yield from self._page(page, is_first)
        for page in self.crm.objects(
            self.object_type, names, history=self._history if is_first else None, archived=True
        ):
            yield from self._archived_page(page)

        reconciled = instant(state.get("reconciled_at"))
        if is_first or reconciled is None or self.context.as_of - reconciled >= self.options.reconcile_every:
            yield from self._reconcile(names, is_first)
            state["reconciled_at"] = self.context.as_of.isoformat()
        yield from self._links_of_pending()
        if self._newest is not None:
            # What changed while a long listing was under way lies after the start, though not after the newest row.
            reached = min(self._newest, started) if is_first else max(self._newest, cursor or self._newest)
            state["modified_at"] = reached.isoformat()

    @property
    def _history(self) -> list[str] | None:
        return list(HISTORY_PROPERTIES.get(self.object_type, ())) or None

    def _first(self, names: list[str]) -> Iterator[list[Json]]:
        start = self.context.source.start_date
        if start is None:
            return self.crm.objects(self.object_type, names, history=self._history)
        return self._changes(datetime.combine(start, time(), tzinfo=UTC), names)

    def _changes(self, since: datetime, names: list[str]) -> Iterator[list[Json]]:
        if self._history is None:
            yield from self.crm.changed(self.object_type, since, names)
            return
        # Searches give no history: they find the ids, and the objects are read by id.
        for found in self.crm.changed(self.object_type, since, []):
            for item in found:
                self._see(item)
            yield from self.crm.read(
                self.object_type, [str(item["id"]) for item in found], names, history=self._history
            )

    def _page(self, page: list[Json], is_first: bool = False) -> Iterator[Item]:
        for item in page:
            self._see(item)
        self._live.update(str(item["id"]) for item in page)
        yield from self._objects_and_history(page)
        if not is_first:
            yield from self._merged(page)
        yield from self._link(str(item["id"]) for item in page)

    def _archived_page(self, page: list[Json]) -> Iterator[Item]:
        start = self.context.source.start_date
        if start is not None:
            page = [item for item in page if (when := instant(item.get("archivedAt"))) is None or when.date() >= start]
        ids = [str(item["id"]) for item in page]
        self._archived.update(ids)
        yield from self._objects_and_history(page)
        yield from self._unlink(ids)

    def _objects_and_history(self, page: list[Json]) -> Iterator[Item]:
        if not page:
            return
        yield Page(self.object_type, [bare(item) for item in page])
        properties = HISTORY_PROPERTIES.get(self.object_type, ())
        if entries := [entry for item in page for entry in history_entries(self.object_type, item, properties)]:
            yield Page("property_history", entries)

    def _see(self, item: Json) -> None:
        """Remember the newest modification instant; what carries none that can be read is quarantined later on."""
        try:
            moment = modified_at(self.object_type, item)
        except ProtocolError:
            return
        if self._newest is None or moment > self._newest:
            self._newest = moment

    def _merged(self, page: list[Json]) -> Iterator[Item]:
        """Stored objects that were merged into others are gone since the winner's modification."""
        losers = {loser: modified_at(self.object_type, item) for item in page for loser in merged_ids(item)}
        if not losers:
            return
        stored = self.context.newest(self.object_type, sorted(losers)).select(["id", "is_deleted"]).to_pylist()
        gone = [row["id"] for row in stored if not row["is_deleted"]]
        yield Removed(self.object_type, gone, [losers[id_] for id_ in gone])
        yield from self._unlink(gone)

    # --- associations -----------------------------------------------------------------------------------------------

    def _link(self, ids: Iterable[str]) -> Iterator[Item]:
        self._unlinked.extend(ids)
        if len(self._unlinked) >= ASSOCIATION_BATCH:
            yield from self._links_of_pending()

    def _links_of_pending(self) -> Iterator[Item]:
        """The associations of the objects seen since the last call, and the removal of stored ones that ended."""
        ids, self._unlinked = list(dict.fromkeys(self._unlinked)), []
        targets = ASSOCIATED_TYPES.get(self.object_type, ())
        if not ids or not targets:
            return
        found: set[str] = set()
        for to_type in targets:
            for batch in self.crm.links(self.object_type, to_type, ids):
                rows = [
                    row
                    for from_id, entries in batch.items()
                    for row in links(self.object_type, from_id, to_type, entries)
                ]
                found.update(map(link_id, rows))
                if rows:
                    yield Page("associations", rows)
        if ended := self._stored_links(ids) - found:
            yield Removed("associations", sorted(ended))

    def _unlink(self, ids: list[str]) -> Iterator[Item]:
        """Associations of objects that are gone are gone with them."""
        if ids and self.object_type in ASSOCIATED_TYPES and (ended := self._stored_links(ids)):
            yield Removed("associations", sorted(ended))

    def _stored_links(self, ids: list[str]) -> set[str]:
        # Ids are unique within a type only, hence the look at the type in the key.
        children = self.context.live_children("associations", "from_id", ids)
        return {id_ for group in children.values() for id_ in group if id_.startswith(f"{self.object_type}:")}

    # --- reconciliation ---------------------------------------------------------------------------------------------

    def _reconcile(self, names: list[str], is_first: bool) -> Iterator[Item]:
        """Compare all ids: store what was missed, remove what vanished, and read all associations again."""
        stored = self.context.live_ids(self.object_type)
        has_all = self.context.source.start_date is None
        if is_first and has_all:
            listed = self._live
        else:
            listed = {id_ for page in self.crm.ids(self.object_type) for id_ in page}
            yield from self._link(sorted(listed & stored - self._live))
        if has_all and (missed := sorted(listed - stored - self._live)):
            known = set(self.context.newest(self.object_type, missed).column("id").to_pylist())
            for page in self.crm.read(self.object_type, missed, names, history=self._history):
                # What is stored though not live was archived, and is back with the modification instant of before.
                restored = {RESTORED: self.context.as_of.isoformat()}
                yield from self._page([item | restored if str(item["id"]) in known else item for item in page])
        gone = stored - listed - self._archived - self._live
        if gone:
            # Deleting is believed only when asking for the objects by id finds none either.
            for page in self.crm.read(self.object_type, sorted(gone), []):
                gone -= {str(item["id"]) for item in page}
        yield Removed(self.object_type, sorted(gone))
        yield from self._unlink(sorted(gone))


def bare(item: Json) -> Json:
    """The object without its history (a stream of its own) and without properties that have no value.

    Which empty properties an answer lists depends on the endpoint and on the catalogue of the day; an object must not
    seem changed because of that.
    """
    properties = {name: value for name, value in (item.get("properties") or {}).items() if value is not None}
    kept = {key: value for key, value in item.items() if key not in ("propertiesWithHistory", "associations")}
    return {**kept, "properties": properties}
