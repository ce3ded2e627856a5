"""What happens to provider objects, as a list of steps in time, and the state that replaying those steps gives.

Every account writes its steps to its own `Timeline`. A step never depends on the world's present, so replaying the
steps before an instant gives the objects as they were then, and moving on means replaying a few more.
Objects are never changed in place: a step makes a new dict, so whoever holds an older one keeps a true snapshot.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from sandbox.clock import DAY, iso, seconds

Object = dict[str, Any]
API_VERSION = "2025-09-30.clover"
EVENT_WINDOW = 30 * DAY
ARCHIVE_KEPT = 90 * DAY

HISTORY = {
    "contacts": ("lifecyclestage", "hs_lead_status", "hubspot_owner_id"),
    "companies": ("lifecyclestage", "hubspot_owner_id"),
    "deals": ("dealstage", "amount", "closedate", "hubspot_owner_id"),
}
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

PUT, PATCH, UPDATE, CALL, REMOVE, ARCHIVE, PURGE = range(7)


def modified_property(stream: str) -> str:
    """The name of HubSpot's modification property on a stream."""
    return "lastmodifieddate" if stream == "contacts" else "hs_lastmodifieddate"


def token(*parts: object, size: int = 16) -> str:
    """A stable random-looking text of letters and digits, from its parts alone."""
    number = int.from_bytes(hashlib.blake2b("|".join(map(str, parts)).encode(), digest_size=20).digest(), "big")
    out = []
    for _ in range(size):
        number, digit = divmod(number, 62)
        out.append(_DIGITS[digit])
    return "".join(out)


def hubspot_number(at: int, account: int, taken: int) -> str:
    """HubSpot's id of something an account made at `at`; the digit 9 is kept for the account's own company."""
    return str((seconds(at) - 1_262_304_000) * 10_000_000 + account * 10 + taken)


def created_at(key: str) -> int:
    """The second at which a HubSpot object was made, as an instant, from its id."""
    return (int(key) // 10_000_000 + 1_262_304_000) * 1_000


class Step(NamedTuple):
    """One change of one object. Sorts by (instant, account, order within the account)."""

    at: int
    account: int
    order: int
    kind: int
    table: str
    id: str
    data: Any
    events: tuple[tuple[str, int], ...]


class Timeline:
    """The steps of one account (or of the company itself) up to `horizon`, written in any order of time."""

    def __init__(self, account: int, horizon: int) -> None:
        self.account = account
        self.horizon = horizon
        self.steps: list[Step] = []
        self._ids: dict[int, int] = {}

    def hubspot_id(self, at: int) -> str:
        """A numeric id that grows with the instant of creation and is unique among all accounts."""
        second = seconds(at)
        taken = self._ids.get(second, 0)
        self._ids[second] = taken + 1
        return self.hubspot_id(at + 1_000) if taken > 8 else hubspot_number(at, self.account, taken)

    def _add(self, at: int, kind: int, table: str, key: str, data: Any, events: Iterable[tuple[str, int]] = ()) -> None:
        if at < self.horizon:
            self.steps.append(Step(at, self.account, len(self.steps), kind, table, key, data, tuple(events)))

    def put(self, at: int, table: str, obj: Object, *events: str | tuple[str, int], key: str | None = None) -> None:
        """The object exists from `at` on; `table` is "<provider>/<stream>"; an event is a type, or (type, instant)."""
        self._add(at, PUT, table, key or obj["id"], obj, _events(at, events))

    def patch(self, at: int, table: str, key: str, changes: Object, *events: str | tuple[str, int]) -> None:
        """Top-level members of the object get new values."""
        self._add(at, PATCH, table, key, changes, _events(at, events))

    def call(self, at: int, table: str, key: str, change: Callable[[Object], Object], *events: str) -> None:
        """The object becomes `change(object)`; the function must not alter its argument."""
        self._add(at, CALL, table, key, change, _events(at, events))

    def remove(self, at: int, table: str, key: str, *events: str) -> None:
        """The provider no longer knows the object."""
        self._add(at, REMOVE, table, key, None, _events(at, events))

    def create(
        self,
        at: int,
        stream: str,
        properties: dict[str, str | None],
        associations: dict[str, list[Object]] | None = None,
        source: str = "CRM_UI",
        user: str | None = None,
        key: str | None = None,
    ) -> str:
        """A HubSpot object appears; returns its id. Properties with the value None are left out."""
        key = key or self.hubspot_id(at)
        stamp = iso(at)
        values = {name: value for name, value in properties.items() if value is not None}
        created = "createdate" if stream in ("contacts", "companies", "deals", "tickets") else "hs_createdate"
        values[created] = values[modified_property(stream)] = stamp
        values["hs_object_id"] = key
        obj: Object = {"id": key, "properties": values, "createdAt": stamp, "updatedAt": stamp, "archived": False}
        if stream in HISTORY:
            obj["propertiesWithHistory"] = {
                name: [_entry(values[name], stamp, source, user)] for name in HISTORY[stream] if name in values
            }
        obj["associations"] = {to: {"results": rows} for to, rows in (associations or {}).items()}
        self._add(at, PUT, f"hubspot/{stream}", key, obj)
        return key

    def update(
        self,
        at: int,
        stream: str,
        key: str,
        changes: dict[str, str | None],
        source: str = "CRM_UI",
        user: str | None = None,
    ) -> None:
        """HubSpot properties change (None clears one); history and the modification instant follow."""
        self._add(at, UPDATE, f"hubspot/{stream}", key, (changes, source, user))

    def archive(self, at: int, stream: str, key: str) -> None:
        """A HubSpot object is archived, and purged for good 90 days later."""
        self._add(at, ARCHIVE, f"hubspot/{stream}", key, None)
        self._add(at + ARCHIVE_KEPT, PURGE, f"hubspot/{stream}", key, None)


def _events(at: int, events: Iterable[str | tuple[str, int]]) -> list[tuple[str, int]]:
    return [(event, at) if isinstance(event, str) else event for event in events]


def _entry(value: str, stamp: str, source: str, user: str | None) -> Object:
    entry: Object = {"value": value, "timestamp": stamp, "sourceType": source}
    if user:
        entry["sourceId"] = f"userId:{user}"
        entry["updatedByUserId"] = int(user)
    return entry


class State:
    """The provider objects at an instant: replay steps in their order with `apply`."""

    def __init__(self, seed: int) -> None:
        self.tables: dict[str, dict[str, Object]] = {}
        self.archived: dict[str, dict[str, Object]] = {}
        self.events: list[Object] = []
        self._seed = seed
        self._event_ids: set[str] = set()

    def table(self, name: str) -> dict[str, Object]:
        """The live objects of "<provider>/<stream>", oldest first."""
        return self.tables.setdefault(name, {})

    def apply(self, step: Step, keep_events_from: int) -> Object | None:
        """Replay one step; returns the object after it, or None when the step met an object that is already gone."""
        table = self.table(step.table)
        key, kind = step.id, step.kind
        if kind == PUT:
            new = table[key] = step.data
        elif kind == PURGE:
            self.archived.get(step.table, {}).pop(key, None)
            return None
        elif key not in table:
            return None
        elif kind == PATCH:
            new = table[key] = {**table[key], **step.data}
        elif kind == UPDATE:
            new = table[key] = _updated(table[key], step)
        elif kind == CALL:
            new = table[key] = step.data(table[key])
        else:
            new = table.pop(key)
            if kind == ARCHIVE:
                new = {**new, "archived": True, "archivedAt": iso(step.at)}
                self.archived.setdefault(step.table, {})[key] = new
        for event, at in step.events:
            if at >= keep_events_from:
                self.events.append(self._event(step, event, at, new))
        return new

    def _event(self, step: Step, event: str, at: int, obj: Object) -> Object:
        number, key = 0, ""
        while not key or key in self._event_ids:
            key = "evt_1" + token(self._seed, event, step.id, at, number, size=23)
            number += 1
        self._event_ids.add(key)
        return {
            "id": key,
            "object": "event",
            "api_version": API_VERSION,
            "created": seconds(at),
            "data": {"object": obj},
            "livemode": False,
            "pending_webhooks": 0,
            "request": {"id": None, "idempotency_key": None},
            "type": event,
        }


def _updated(old: Object, step: Step) -> Object:
    changes, source, user = step.data
    stream = step.table.removeprefix("hubspot/")
    stamp = iso(step.at)
    values = {**old["properties"], **changes, modified_property(stream): stamp}
    if None in changes.values():
        values = {name: value for name, value in values.items() if value is not None}
    new = {**old, "properties": values, "updatedAt": stamp}
    tracked = [name for name in HISTORY.get(stream, ()) if name in changes]
    if tracked:
        history = dict(old["propertiesWithHistory"])
        for name in tracked:
            history[name] = [_entry(changes[name] or "", stamp, source, user), *history.get(name, [])]
        new["propertiesWithHistory"] = history
    return new
