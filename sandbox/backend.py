"""Where the sandbox's objects come from, and how they are kept ready to serve.

A `Backend` hands out `Collection`s: the objects of one stream, sorted once, with positions and indexes, so that
serving a page costs the page and not the stream. `WorldBackend` reads a `sandbox.world.World`;
`sandbox.scenario.ScenarioBackend` reads hand-written files.
"""

from __future__ import annotations

import abc
from bisect import bisect_left
from collections.abc import Callable, Hashable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from sandbox.world import World

Object = dict[str, Any]
T = TypeVar("T")

PROVIDERS = ("hubspot", "encharge", "stripe")

ARCHIVED = "hubspot archived"

# Stripe keeps events for this long.
EVENT_RETENTION = timedelta(days=30)

TRUTHS = (
    "people", "accounts", "mrr", "revenue", "channels", "economics", "segments", "lifetimes", "plans", "margins",
    "cohorts", "leads", "stages", "deals", "handoffs",
)  # fmt: skip


def id_key(object_id: str) -> tuple[int, int | str]:
    """Sort key of HubSpot ids: numbers by value, anything else after them by text."""
    return (0, int(object_id)) if object_id.isdigit() else (1, object_id)


class Collection:
    """The objects of one stream in serving order.

    `rows` are sorted by `keys` (ascending); `position` finds a row by id; `index` finds rows by a value. Objects are
    never changed in place: a stream that changes gets a new collection.
    """

    __slots__ = ("_indexes", "ids", "keys", "position", "rows")

    def __init__(self, objects: Iterable[tuple[str, Object]], key: Callable[[str, Object], Any] | None = None) -> None:
        pairs = list(objects)
        if key is not None:
            pairs.sort(key=lambda pair: key(*pair))
        self.ids: list[str] = [object_id for object_id, _ in pairs]
        self.rows: list[Object] = [row for _, row in pairs]
        self.keys: list[Any] = [key(*pair) for pair in pairs] if key else list(range(len(pairs)))
        self.position: dict[str, int] = {object_id: place for place, object_id in enumerate(self.ids)}
        self._indexes: dict[Hashable, dict[Any, list[int]]] = {}

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def live(self) -> int:
        """The number of objects without those that are only remembered as deleted."""
        return sum(row.get("deleted") is not True for row in self.rows)

    def get(self, object_id: str) -> Object | None:
        """Return the object with this id, or None."""
        place = self.position.get(object_id)
        return None if place is None else self.rows[place]

    def at_or_after(self, key: Any) -> int:
        """Return the first position whose key is not below `key`."""
        return bisect_left(self.keys, key)

    def index(self, name: Hashable, value_of: Callable[[Object], Any]) -> dict[Any, list[int]]:
        """Return positions by value (ascending), built at the first call and kept under `name`."""
        found = self._indexes.get(name)
        if found is None:
            found = {}
            for place, row in enumerate(self.rows):
                value = value_of(row)
                if value is not None:
                    found.setdefault(value, []).append(place)
            self._indexes[name] = found
        return found


EMPTY = Collection(())


def _created(_: str, row: Object) -> int:
    return row.get("created") or 0


def _tombstone(row: Object) -> Object:
    """Return what is remembered of a deleted Stripe object."""
    return {**{name: row.get(name) for name in ("id", "object", "created")}, "deleted": True}


class Backend(abc.ABC):
    """Objects by provider and stream, a clock that can be moved, and the truth about them."""

    providers: tuple[str, ...] = PROVIDERS

    def __init__(self) -> None:
        self._collections: dict[tuple[str, str], Collection] = {}
        self._derived: dict[Hashable, Any] = {}
        # Counts changes of the data; whatever is kept across requests is kept per generation.
        self.generation = 0

    @property
    @abc.abstractmethod
    def now(self) -> datetime:
        """The sandbox's present instant (aware, UTC)."""

    @abc.abstractmethod
    def _objects(self, provider: str, stream: str) -> dict[str, Object]:
        """Return the live objects of a stream by id, oldest first; empty when there is no such stream."""

    @abc.abstractmethod
    def _archived(self, stream: str) -> dict[str, Object]:
        """Return the archived HubSpot objects of a stream by id."""

    @abc.abstractmethod
    def _events(self) -> list[Object]:
        """Return all Stripe events, oldest first."""

    @abc.abstractmethod
    def advance(self, days: int) -> dict[str, int]:
        """Move the clock by `days`; returns the number of changes by `provider/stream`."""

    @abc.abstractmethod
    def landing_events(self, start: datetime, end: datetime) -> Iterator[Object]:
        """Return the Encharge landing payloads that arrive in `[start, end)`."""

    @abc.abstractmethod
    def truth(self, name: str) -> list[Object]:
        """Return the truth of that name (one of TRUTHS)."""

    @abc.abstractmethod
    def write_ledger(self, directory: Path) -> None:
        """Write the company's own ledger CSVs into `directory`."""

    def put(
        self, provider: str, stream: str, objects: list[Object], deleted: list[str], at: datetime | None = None
    ) -> None:
        """Write provider-shaped objects and remove ids, at an instant up to now (now unless it is given).

        Raises NotImplementedError where the backend cannot.
        """
        raise NotImplementedError("objects can be written into a scenario only")

    @abc.abstractmethod
    def streams(self, provider: str) -> list[str]:
        """Return the stream names that exist for a provider."""

    def collection(self, provider: str, stream: str) -> Collection:
        """Return the objects of a stream, ready to serve."""
        found = self._collections.get((provider, stream))
        if found is None:
            found = self._collections[provider, stream] = self._build(provider, stream, None)
        return found

    def archived(self, stream: str) -> Collection:
        """Return the archived HubSpot objects of a stream, ready to serve."""
        found = self._collections.get((ARCHIVED, stream))
        if found is None:
            found = Collection(self._archived(stream).items(), lambda object_id, _: id_key(object_id))
            self._collections[ARCHIVED, stream] = found
        return found

    def derived(self, key: Hashable, build: Callable[[], T]) -> T:
        """Return what `build` makes of the data, kept until the data changes."""
        if key not in self._derived:
            self._derived[key] = build()
        return self._derived[key]

    def changed(self, touched: Iterable[tuple[str, str]]) -> None:
        """Forget what was prepared for the streams that changed."""
        for provider, stream in set(touched):
            before = self._collections.pop((provider, stream), None)
            if provider == "stripe" and before is not None:
                self._collections[provider, stream] = self._build(provider, stream, before)
        # Time alone purges archived objects and lets events fall out.
        for key in [key for key in self._collections if key[0] == ARCHIVED]:
            del self._collections[key]
        self._collections.pop(("stripe", "events"), None)
        self._derived.clear()
        self.generation += 1

    def _build(self, provider: str, stream: str, before: Collection | None) -> Collection:
        if provider == "stripe" and stream == "events":
            horizon = (self.now - EVENT_RETENTION).timestamp()
            recent = ((event["id"], event) for event in self._events() if event["created"] >= horizon)
            return Collection(recent, _created)
        objects = self._objects(provider, stream)
        if provider == "hubspot":
            return Collection(objects.items(), lambda object_id, _: id_key(object_id))
        if provider == "stripe":
            pairs: list[tuple[str, Object]] = []
            for object_id, row in zip(before.ids, before.rows, strict=True) if before else ():
                # What vanished stays known as deleted, at its place: cursors that point at it go on working.
                pairs.append((object_id, objects.get(object_id) or _tombstone(row)))
            known = before.position if before else {}
            pairs.extend((object_id, row) for object_id, row in objects.items() if object_id not in known)
            return Collection(pairs, _created)
        return Collection(objects.items())


class WorldBackend(Backend):
    """The objects of a seeded world."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world

    @property
    def now(self) -> datetime:
        return self.world.now.astimezone(UTC)

    def _objects(self, provider: str, stream: str) -> dict[str, Object]:
        return self.world.objects(provider, stream)

    def _archived(self, stream: str) -> dict[str, Object]:
        return self.world.archived(stream)

    def _events(self) -> list[Object]:
        return self.world.stripe_events()

    def advance(self, days: int) -> dict[str, int]:
        changes = self.world.advance(days)
        counts: dict[str, int] = {}
        for change in changes:
            name = f"{change.provider}/{change.stream}"
            counts[name] = counts.get(name, 0) + 1
        self.changed((change.provider, change.stream) for change in changes)
        return dict(sorted(counts.items()))

    def landing_events(self, start: datetime, end: datetime) -> Iterator[Object]:
        return iter(self.world.encharge_events(start, end))

    def truth(self, name: str) -> list[Object]:
        return getattr(self.world, f"truth_{name}")()

    def write_ledger(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.world.write_ledger(directory)

    def streams(self, provider: str) -> list[str]:
        return list(STREAMS[provider])


STREAMS: dict[str, tuple[str, ...]] = {
    "hubspot": (
        "contacts", "companies", "deals", "tickets", "calls", "emails", "meetings", "notes", "tasks",
        "products", "line_items", "owners", "pipelines", "properties",
    ),
    "encharge": ("people", "segments", "segment_people", "fields", "tags"),
    "stripe": (
        "customers", "products", "prices", "coupons", "promotion_codes", "subscriptions", "invoices", "invoiceitems",
        "invoice_payments", "charges", "refunds", "credit_notes", "disputes", "payment_intents",
        "balance_transactions", "payouts", "events",
    ),
}  # fmt: skip
