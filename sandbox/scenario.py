"""Hand-written provider objects instead of a world.

`DIR/<provider>/<stream>.json` is a list of objects in the provider's own shape. A provider without a folder is off, a
stream without a file is empty. What an object leaves out is filled in as the provider would have it (instants, string
properties, list wrappers), so that a published example can be used as it stands. Besides the streams themselves:

- `hubspot/associations.json`: `{from_type, from_id, to_type, to_id}` and, where they matter, `type_id`, `category`,
  `label`; `hubspot/pipelines.json` and `hubspot/properties.json` name their type in `objectType`;
- `stripe/subscription_items.json` and `stripe/invoice_lines.json` may stand beside their `subscription` / `invoice`;
- `encharge/events.json`: landing payloads;
- `ledger/*.csv`: what `--ledger` copies.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sandbox.backend import PROVIDERS, STREAMS, Backend, Object
from sandbox.servers import hubspot_schema as schema

# Files that are no stream of their own but complete one.
_PARTS = {
    "hubspot": {"associations"},
    "encharge": {"events"},
    "stripe": {"subscription_items", "invoice_lines"},
}

_STRIPE_NAMES = {
    "invoiceitems": "invoiceitem", "invoice_payments": "invoice_payment", "balance_transactions": "balance_transaction",
    "credit_notes": "credit_note", "promotion_codes": "promotion_code", "payment_intents": "payment_intent",
}  # fmt: skip
# The types of Stripe's events about each stream: created, updated, deleted; None where Stripe sends none.
_STRIPE_EVENTS: dict[str, tuple[str, str, str | None]] = {
    stream: (f"{kind}.created", f"{kind}.updated", f"{kind}.deleted")
    for stream, kind in {
        "customers": "customer", "products": "product", "prices": "price", "coupons": "coupon",
        "subscriptions": "customer.subscription", "invoices": "invoice", "invoiceitems": "invoiceitem",
    }.items()
} | {
    "charges": ("charge.succeeded", "charge.updated", None),
    "refunds": ("refund.created", "refund.updated", None),
    "credit_notes": ("credit_note.created", "credit_note.updated", None),
    "disputes": ("charge.dispute.created", "charge.dispute.updated", None),
    "invoice_payments": ("invoice_payment.paid", "invoice_payment.paid", None),
}  # fmt: skip
_ALIASES = {("stripe", "invoice_items"): "invoiceitems", ("encharge", "persons"): "people"}


class ScenarioError(ValueError):
    """Raised for a scenario that cannot be read; the message names the file."""


class ScenarioBackend(Backend):
    """The objects of a scenario folder; its clock stands at `now` until it is advanced."""

    def __init__(self, directory: Path, now: datetime) -> None:
        super().__init__()
        if not directory.is_dir():
            raise ScenarioError(f"the scenario folder {directory} does not exist")
        self.directory = directory
        self.providers = tuple(name for name in PROVIDERS if (directory / name).is_dir())
        self._now = now.astimezone(UTC)
        self._live: dict[tuple[str, str], dict[str, Object]] = {}
        self._gone: dict[str, dict[str, Object]] = {}
        self._stripe_events: list[Object] = []
        self._landing: list[Object] = []
        for provider in self.providers:
            files = {path.stem: _read(path) for path in sorted((directory / provider).glob("*.json"))}
            # A stream that completes another comes after it.
            for stream in sorted(files, key=lambda name: (name in _PARTS[provider], name)):
                self._take(provider, _ALIASES.get((provider, stream), stream), files[stream])

    @property
    def now(self) -> datetime:
        return self._now

    def _objects(self, provider: str, stream: str) -> dict[str, Object]:
        return self._live.get((provider, stream), {})

    def _archived(self, stream: str) -> dict[str, Object]:
        return self._gone.get(stream, {})

    def _events(self) -> list[Object]:
        return sorted(self._stripe_events, key=lambda event: event["created"])

    def advance(self, days: int) -> dict[str, int]:
        self._now += timedelta(days=days)
        # Stripe's events fall out of their 30 days.
        self.changed([])
        return {}

    def landing_events(self, start: datetime, end: datetime) -> Iterator[Object]:
        for event in self._landing:
            at = datetime.fromisoformat(str(event["createdAt"]))
            if start <= (at if at.tzinfo else at.replace(tzinfo=UTC)) < end:
                yield event

    def truth(self, name: str) -> list[Object]:
        return []

    def write_ledger(self, directory: Path) -> None:
        source = self.directory / "ledger"
        directory.mkdir(parents=True, exist_ok=True)
        for path in sorted(source.glob("*.csv")) if source.is_dir() else ():
            shutil.copyfile(path, directory / path.name)

    def streams(self, provider: str) -> list[str]:
        own = {stream for name, stream in self._live if name == provider}
        return [*STREAMS[provider], *sorted(own - set(STREAMS[provider]))]

    def put(
        self, provider: str, stream: str, objects: list[Object], deleted: list[str], at: datetime | None = None
    ) -> None:
        if provider not in self.providers:
            raise ValueError(f"{provider} is off in this scenario")
        if not isinstance(objects, list) or any(not isinstance(row, dict) for row in objects):
            raise ValueError("objects must be a list of objects")
        moment = self._now if at is None else at.astimezone(UTC)
        if moment > self._now:
            raise ValueError(f"at lies in the future: the scenario's present is {self._now.isoformat()}")
        before = self._live.get((provider, stream), {})
        self._live[provider, stream] = dict(before)
        self._take(provider, stream, objects)
        if provider == "stripe":
            self._announce(stream, objects, [before[key] for key in deleted if key in before], set(before), moment)
        for object_id in deleted:
            self._live[provider, stream].pop(object_id, None)
            self._gone.get(stream, {}).pop(object_id, None)
        touched = {(provider, stream)}
        if stream in _PARTS[provider]:
            touched |= {key for key in self._live if key[0] == provider}
        self.changed(touched)

    def _announce(self, stream: str, rows: list[Object], gone: list[Object], known: set[str], moment: datetime) -> None:
        """Make the events by which Stripe tells of a change: a reader that was here before learns by them alone."""
        created, updated, deleted = _STRIPE_EVENTS.get(stream, (None, None, None))
        live = self._live["stripe", stream]
        told = [(updated if row.get("id") in known else created, live.get(str(row.get("id")))) for row in rows]
        for kind, row in [*told, *((deleted, row) for row in gone)]:
            if kind is not None and row is not None:
                number = len(self._stripe_events) + 1
                event = {"id": f"evt_put_{number}", "created": int(moment.timestamp()), "type": kind}
                self._stripe_events.append(_stripe_event(event | {"data": {"object": row}}))

    def _take(self, provider: str, stream: str, rows: list[Object]) -> None:
        """Keep objects, filled in as their provider would have them."""
        if provider == "hubspot" and stream == "associations":
            self._associate(rows)
        elif provider == "hubspot":
            self._take_hubspot(stream, rows)
        elif provider == "encharge" and stream == "events":
            self._landing.extend(rows)
        elif provider == "stripe" and stream == "events":
            known = {event["id"] for event in self._stripe_events}
            self._stripe_events.extend(row for row in map(_stripe_event, rows) if row["id"] not in known)
        elif provider == "stripe" and stream in _PARTS["stripe"]:
            parent, field, name = {
                "subscription_items": ("subscriptions", "subscription", "items"),
                "invoice_lines": ("invoices", "invoice", "lines"),
            }[stream]
            self._attach(parent, field, name, rows)
        else:
            kept = self._live.setdefault((provider, stream), {})
            for place, row in enumerate(rows):
                filled = _stripe_object(stream, row) if provider == "stripe" else dict(row)
                kept[_id_of(stream, filled, place)] = filled

    def _take_hubspot(self, stream: str, rows: list[Object]) -> None:
        live, gone = self._live.setdefault(("hubspot", stream), {}), self._gone.setdefault(stream, {})
        for place, row in enumerate(rows):
            if stream in {"owners", "pipelines", "properties"}:
                filled = dict(row)
            else:
                filled = _hubspot_object(stream, row, self._now)
            object_id = _id_of(stream, filled, place)
            if stream in {"pipelines", "properties"}:
                object_id = f"{row.get('objectType', row.get('object_type', 'deals'))}:{object_id}"
            live.pop(object_id, None)
            gone.pop(object_id, None)
            (gone if filled.get("archived") else live)[object_id] = filled

    def _associate(self, rows: list[Object]) -> None:
        for row in rows:
            left, right = schema.canonical(str(row["from_type"])), schema.canonical(str(row["to_type"]))
            if left is None or right is None:
                raise ScenarioError(f"hubspot/associations.json: unknown type in {row}")
            near = self._live.get(("hubspot", left), {})
            from_id = str(row["from_id"])
            if from_id not in near:
                raise ScenarioError(f"hubspot/associations.json: there is no {left} {from_id}")
            entry = {
                "id": str(row["to_id"]),
                "typeId": int(row.get("type_id") or schema.default_type_id(left, right)),
                "category": row.get("category") or "HUBSPOT_DEFINED",
                "label": row.get("label"),
            }
            source = dict(near[from_id])
            links = dict(source.get("associations") or {})
            links[right] = {"results": [*(links.get(right) or {}).get("results", []), entry]}
            near[from_id] = {**source, "associations": links}

    def _attach(self, parent: str, field: str, name: str, rows: list[Object]) -> None:
        grouped: dict[str, list[Object]] = {}
        for row in rows:
            grouped.setdefault(str(row.get(field)), []).append(row)
        kept = self._live.get(("stripe", parent), {})
        for parent_id, parts in grouped.items():
            if parent_id not in kept:
                raise ScenarioError(f"stripe/{parent}.json has no {parent_id}, but its {name} are given")
            own = {part.get("id"): part for part in _members(kept[parent_id].get(name))}
            own |= {part.get("id"): part for part in parts}
            kept[parent_id] = _stripe_object(parent, {**kept[parent_id], name: list(own.values())})


def _read(path: Path) -> list[Object]:
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as problem:
        raise ScenarioError(f"{path}: {problem}") from None
    if isinstance(rows, dict):
        # A page as it was copied from the provider's documentation.
        rows = next(
            (rows[name] for name in ("data", "results", "people", "items") if isinstance(rows.get(name), list)), [rows]
        )
    if not isinstance(rows, list) or any(not isinstance(row, dict) for row in rows):
        raise ScenarioError(f"{path}: must hold a list of objects")
    return rows


def _id_of(stream: str, row: Object, place: int) -> str:
    for name in ("id", "name" if stream in {"fields", "properties"} else "tag"):
        if row.get(name) is not None:
            return str(row[name])
    if stream == "segment_people":
        segment = row.get("segment_id", row.get("segmentId"))
        return f"{segment}:{row.get('person_id', row.get('personId'))}"
    raise ScenarioError(f"{stream}: object {place + 1} has no id")


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value) if isinstance(value, list | dict) else str(value)


def _hubspot_object(stream: str, row: Object, now: datetime) -> Object:
    """Return a CRM object with its instants, and with every value a string."""
    properties = {name: _text(value) for name, value in (row.get("properties") or {}).items()}
    object_id = str(row.get("id") or properties.get("hs_object_id") or "")
    if not object_id:
        raise ScenarioError(f"hubspot/{stream}.json: an object has no id")
    created_name, modified_name, _ = schema.always(stream)
    stamp = now.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    created = row.get("createdAt") or properties.get(created_name) or stamp
    updated = row.get("updatedAt") or properties.get(modified_name) or created
    properties.setdefault(created_name, created)
    properties.setdefault(modified_name, updated)
    properties["hs_object_id"] = object_id
    filled = {**row, "id": object_id, "properties": properties, "createdAt": created, "updatedAt": updated}
    filled["archived"] = bool(row.get("archived"))
    if filled["archived"]:
        filled.setdefault("archivedAt", updated)
    return filled


def _members(value: Any) -> list[Object]:
    found = value.get("data") if isinstance(value, dict) else value
    return found if isinstance(found, list) else []


def _stripe_object(stream: str, row: Object) -> Object:
    """Return a billing object with its name, and with its embedded lists in their wrapper."""
    name = _STRIPE_NAMES.get(stream, stream.removesuffix("s"))
    filled = {"object": name, "livemode": False, **row}
    for part, kind, parent in (("items", "subscription_item", "subscription"), ("lines", "line_item", "invoice")):
        if part in filled and stream in {"subscriptions", "invoices", "credit_notes"}:
            kind = "credit_note_line_item" if stream == "credit_notes" else kind
            extra = {} if stream == "credit_notes" else {parent: row.get("id")}
            members = [{"object": kind, **extra, **member} for member in _members(filled[part])]
            filled[part] = {"object": "list", "data": members, "has_more": False, "url": ""}
    return filled


def _stripe_event(row: Object) -> Object:
    if "id" not in row or "created" not in row:
        raise ScenarioError("stripe/events.json: an event needs id and created")
    return {"object": "event", "livemode": False, "api_version": None, "pending_webhooks": 0, "request": None, **row}
