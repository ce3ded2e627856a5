"""Stripe's readers: full lists first, then what the events say has changed.

A first run lists everything. Later runs read the events since the last one (with an overlap, because events may
appear late and many share a second), read each changed object once as it is now, and compare it with what is stored.
Events are kept for 30 days: when the last run lies further back, the lists are read again, and what they no longer
hold is recorded as deleted. Balance transactions never change after a while and have no events: they are read by
their instant of creation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from ingestion.extract import Context, Item, Page, Reader, Removed, State
from ingestion.http import HttpClient, SourceError
from ingestion.stripe.api import API_VERSION, StripeApi, is_busy
from ingestion.stripe.schema import id_of, items_of
from ingestion.versions import canonical_json

if TYPE_CHECKING:
    from warehouse.settings import Settings

OVERLAP = timedelta(hours=1)
EVENT_MEMORY = timedelta(days=29)  # a day less than Stripe keeps them
SETTLEMENT = timedelta(days=10)  # balance transactions turn from pending to available within days
CHUNK = 100
# Listing a hundred objects costs one request, as does reading a single one.
LIST_INSTEAD_FROM = 1_000
LIST_INSTEAD_SHARE = 20

JsonObject = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Change:
    """What the events say about one object: when it changed last, and whether it was deleted."""

    at: int
    is_deleted: bool


@dataclass(frozen=True, slots=True)
class Child:
    """An embedded list that is a stream of its own, and where its pages are."""

    stream: str
    field: str
    parent_column: str
    path: Callable[[str], str]
    params: Callable[[str], Mapping[str, Any]]


@dataclass(frozen=True)
class Group:
    """A listable type: where it is, which events concern it, and what comes embedded in it.

    `ids` tells which objects an event concerns. `deletions` are the event types that end an object's existence (a
    cancelled subscription goes on existing). `lookups` finds objects that an event names by something else than their
    id, as list parameters. `expand` are paths within one object. `by_created` marks types of which a start date
    limits how far back the lists go.
    """

    name: str
    events: tuple[str, ...]
    ids: Callable[[JsonObject], Iterable[str | None]]
    deletions: frozenset[str] = frozenset()
    lookups: Callable[[JsonObject], Mapping[str, str] | None] | None = None
    expand: tuple[str, ...] = ()
    params: Mapping[str, Any] = field(default_factory=dict)
    by_created: bool = False
    child: Child | None = None
    has_discounts: bool = False

    @property
    def path(self) -> str:
        """The endpoint of the list."""
        return f"/v1/{self.name}"

    @property
    def streams(self) -> tuple[str, ...]:
        """The streams that are filled together with this one."""
        return (
            self.name,
            *((self.child.stream,) if self.child else ()),
            *(("discounts",) if self.has_discounts else ()),
        )


def _by_type(*own: str, **others: str) -> Callable[[JsonObject], Iterable[str | None]]:
    """Ids of an event: the object's own id for the given object types, a reference of it for others."""

    def ids(event: JsonObject) -> Iterable[str | None]:
        item = event["data"]["object"]
        kind = item.get("object")
        if kind in own:
            return [item.get("id")]
        return [id_of(item.get(others[kind]))] if kind in others else []

    return ids


def _types(prefix: str, *names: str) -> tuple[str, ...]:
    return tuple(f"{prefix}.{name}" for name in names)


_DISCOUNT_EVENTS = _types("customer.discount", "created", "updated", "deleted")
_DISPUTE_EVENTS = _types("charge.dispute", "created", "updated", "closed", "funds_withdrawn", "funds_reinstated")
_REFUND_EVENTS = _types("refund", "created", "updated", "failed")

GROUPS: tuple[Group, ...] = (
    Group(
        "customers",
        (*_types("customer", "created", "updated", "deleted"), *_DISCOUNT_EVENTS),
        _by_type("customer", discount="customer"),
        frozenset({"customer.deleted"}),
        has_discounts=True,
    ),
    Group(
        "products",
        _types("product", "created", "updated", "deleted"),
        _by_type("product"),
        frozenset({"product.deleted"}),
    ),
    Group(
        "prices",
        _types("price", "created", "updated", "deleted"),
        _by_type("price"),
        frozenset({"price.deleted"}),
        expand=("tiers",),
    ),
    Group(
        "coupons",
        _types("coupon", "created", "updated", "deleted"),
        _by_type("coupon"),
        frozenset({"coupon.deleted"}),
    ),
    Group(
        "subscriptions",
        (
            *_types("customer.subscription", "created", "updated", "deleted", "paused", "resumed", "trial_will_end"),
            *_types("customer.subscription", "pending_update_applied", "pending_update_expired"),
            *_DISCOUNT_EVENTS,
        ),
        _by_type("subscription", discount="subscription"),
        expand=("discounts", "items.data.discounts"),
        params={"status": "all"},
        child=Child(
            "subscription_items",
            "items",
            "subscription_id",
            lambda parent: "/v1/subscription_items",
            lambda parent: {"subscription": parent, "expand[]": ["data.discounts"]},
        ),
        has_discounts=True,
    ),
    Group(
        "invoices",
        (
            *_types("invoice", "created", "updated", "deleted", "finalized", "finalization_failed", "sent", "paid"),
            *_types("invoice", "payment_succeeded", "payment_failed", "payment_action_required", "overdue", "overpaid"),
            *_types("invoice", "marked_uncollectible", "voided", "will_be_due"),
            *_types("invoiceitem", "created", "deleted"),
            *_types("credit_note", "created", "updated", "voided"),
        ),
        _by_type("invoice", invoiceitem="invoice", credit_note="invoice"),
        frozenset({"invoice.deleted"}),
        expand=("discounts", "lines.data.discounts"),
        by_created=True,
        child=Child(
            "invoice_lines",
            "lines",
            "invoice_id",
            lambda parent: f"/v1/invoices/{parent}/lines",
            lambda parent: {"expand[]": ["data.discounts"]},
        ),
        has_discounts=True,
    ),
    Group(
        "invoice_payments",
        (
            *_types("invoice", "finalized", "updated", "paid", "payment_succeeded", "payment_failed", "overpaid"),
            *_types("invoice", "payment_action_required", "voided"),
            "invoice_payment.paid",
        ),
        _by_type("invoice_payment"),
        lookups=lambda event: _lookup(event, "invoice", "invoice"),
        by_created=True,
    ),
    Group(
        "charges",
        (
            *_types("charge", "succeeded", "failed", "pending", "captured", "updated", "refunded", "expired"),
            *_DISPUTE_EVENTS,
            *_REFUND_EVENTS,
        ),
        _by_type("charge", dispute="charge", refund="charge"),
        by_created=True,
    ),
    Group(
        "refunds",
        (*_REFUND_EVENTS, "charge.refunded", "charge.refund.updated"),
        _by_type("refund"),
        lookups=lambda event: _lookup(event, "charge", "charge"),
        by_created=True,
    ),
    Group(
        "credit_notes",
        _types("credit_note", "created", "updated", "voided"),
        _by_type("credit_note"),
        by_created=True,
    ),
    Group("disputes", _DISPUTE_EVENTS, _by_type("dispute"), by_created=True),
)


def _lookup(event: JsonObject, kind: str, parameter: str) -> Mapping[str, str] | None:
    item = event["data"]["object"]
    return {parameter: item["id"]} if item.get("object") == kind and item.get("id") else None


def build(settings: Settings, context: Context, client: HttpClient | None = None) -> list[Reader]:
    """Stripe's readers. `client` replaces the one made from the settings (tests)."""
    if client is None:
        secret = context.source.api_key
        key = secret.get_secret_value() if secret is not None else ""
        client = context.resources.enter_context(
            HttpClient(
                "stripe",
                context.source.base_url,
                {"Authorization": f"Bearer {key}", "Stripe-Version": API_VERSION},
                [key],
                retry_on=is_busy,
            )
        )
    api = StripeApi(client)
    discounts = _Discounts()
    readers = [Reader(group.name, group.streams, _GroupReader(group, api, context, discounts).read) for group in GROUPS]
    movements = _BalanceReader(api, context)
    return [*readers, Reader("balance_transactions", ("balance_transactions",), movements.read)]


@dataclass
class _Discounts:
    """Discounts come embedded in many objects; each content is handed on once a run."""

    _sent: dict[str, str] = field(default_factory=dict)

    def fresh(self, found: Iterable[JsonObject]) -> list[JsonObject]:
        fresh: list[JsonObject] = []
        for discount in found:
            text = canonical_json(discount)
            if self._sent.get(discount["id"]) != text:
                self._sent[discount["id"]] = text
                fresh.append(discount)
        return fresh


@dataclass
class _GroupReader:
    group: Group
    api: StripeApi
    context: Context
    discounts: _Discounts

    def read(self, state: State) -> Iterator[Item]:
        """Read a group and move its cursor: `since` is the newest event known, `read_at` the last run's instant."""
        as_of = self.context.as_of
        read_at = state.get("read_at")
        if read_at is None or as_of - datetime.fromisoformat(read_at) > EVENT_MEMORY:
            newest = self.api.newest_event(self.group.events, self.group.name)
            yield from self._full({})
        else:
            newest = yield from self._changes(state.get("since"))
        state["since"] = max((at for at in (newest, state.get("since")) if at is not None), default=None)
        state["read_at"] = as_of.isoformat()

    # --- everything -------------------------------------------------------------------------------------------------

    def _full(self, changes: Mapping[str, Change]) -> Iterator[Item]:
        """List everything. `changes` date what is known to have changed; the run's instant dates the rest."""
        group, as_of = self.group, self.context.as_of
        params: dict[str, Any] = {**group.params, "expand[]": [f"data.{path}" for path in group.expand]}
        params["created[gte]"] = self._start()
        seen: set[str] = set()
        children: set[str] = set()
        for page in self.api.list(group.path, params, group.name):
            page = [item for item in page if not (isinstance(item, dict) and item.get("deleted") is True)]
            moments = [self._moment(changes.get(str(item.get("id")))) or as_of for item in page]
            seen.update(str(item.get("id")) for item in page)
            for found in self._objects(page, moments):
                if group.child and found.stream == group.child.stream:
                    children.update(str(item.get("id")) for item in found.objects)
                yield found
        yield from self._gone(seen, children, changes)

    def _gone(self, seen: set[str], children: set[str], changes: Mapping[str, Change]) -> Iterator[Item]:
        """What is stored as existing, and the lists no longer hold."""
        group, context = self.group, self.context
        known = context.live_ids(group.name)
        missing = known - seen
        if missing and not known & seen and len(known) >= CHUNK:
            raise SourceError(
                f"stripe {group.name}: none of the {len(known)} known objects is listed now. If the key belongs to "
                f"another account, use another data folder for it"
            )
        start = self._start()
        if missing and start is not None:
            stored = context.newest(group.name, sorted(missing)).select(["id", "created_at"]).to_pylist()
            missing = {row["id"] for row in stored if row["created_at"] and row["created_at"].timestamp() >= start}
        gone = sorted(missing)
        if gone:
            yield Removed(group.name, gone, [self._moment(changes.get(key)) or context.as_of for key in gone])
        if group.child:
            lost = context.live_ids(group.child.stream) - children
            if lost:
                stored = context.newest(group.child.stream, sorted(lost)).to_pylist()
                parents = seen | missing
                keys = sorted(row["id"] for row in stored if row[group.child.parent_column] in parents)
                yield Removed(group.child.stream, keys)

    def _start(self) -> int | None:
        """How far back the lists go (seconds since 1970)."""
        start = self.context.source.start_date
        if start is None or not self.group.by_created:
            return None
        return int(datetime.combine(start, time(), UTC).timestamp())

    # --- what has changed -------------------------------------------------------------------------------------------

    def _changes(self, since: int | None) -> Iterator[Item]:
        """Read what the events since a cursor concern; returns the newest event's instant."""
        group = self.group
        low = None if since is None else since - int(OVERLAP.total_seconds())
        changes: dict[str, Change] = {}
        lookups: dict[tuple[tuple[str, str], ...], int] = {}
        newest: int | None = None
        for event in self.api.events(group.events, low, group.name):
            at = event["created"]
            newest = at if newest is None else max(newest, at)
            for key in group.ids(event):
                if key:
                    before = changes.get(key)
                    is_deleted = event["type"] in group.deletions or (before is not None and before.is_deleted)
                    changes[key] = Change(at if before is None else max(at, before.at), is_deleted)
            query = group.lookups(event) if group.lookups else None
            if query:
                where = tuple(query.items())
                lookups[where] = max(at, lookups.get(where, at))
        reads = len(changes) + len(lookups)
        if reads >= LIST_INSTEAD_FROM and reads * LIST_INSTEAD_SHARE >= len(self.context.live_ids(group.name)):
            yield from self._full(changes)
            return newest
        yield from self._read_again(changes)
        for where, at in sorted(lookups.items(), key=lambda entry: entry[1]):
            for page in self.api.list(group.path, dict(where), group.name):
                yield Page(group.name, page, _instant(at))
        return newest

    def _read_again(self, changes: Mapping[str, Change]) -> Iterator[Item]:
        ordered = sorted(changes.items(), key=lambda entry: (entry[1].at, entry[0]))
        for n in range(0, len(ordered), CHUNK):
            chunk = ordered[n : n + CHUNK]
            present: list[JsonObject] = []
            moments: list[datetime] = []
            gone: dict[str, datetime] = {}
            for key, change in chunk:
                item = None
                if not change.is_deleted:
                    item = self.api.retrieve(self.group.path, key, self.group.expand, self.group.name)
                if item is None:
                    gone[key] = _instant(change.at)
                else:
                    present.append(item)
                    moments.append(_instant(change.at))
            held: set[str] = set()
            for found in self._objects(present, moments):
                if self.group.child and found.stream == self.group.child.stream:
                    held.update(str(item.get("id")) for item in found.objects)
                yield found
            if gone:
                yield Removed(self.group.name, list(gone), list(gone.values()))
            yield from self._lost_children(dict(zip(map(_key, present), moments, strict=True)) | gone, held)

    def _lost_children(self, parents: Mapping[str, datetime], held: set[str]) -> Iterator[Item]:
        """Children that are stored under these parents, and that the parents no longer hold."""
        child = self.group.child
        if child is None or not parents:
            return
        stored = self.context.live_children(child.stream, child.parent_column, list(parents))
        lost = {key: parents[parent] for parent, keys in stored.items() for key in sorted(keys - held)}
        if lost:
            yield Removed(child.stream, list(lost), list(lost.values()))

    # --- objects and what they hold ---------------------------------------------------------------------------------

    def _objects(self, items: Sequence[JsonObject], moments: Sequence[datetime]) -> Iterator[Page]:
        """Pages of the objects themselves, of their children, and of the discounts on either."""
        group, child = self.group, self.group.child
        if not items:
            return
        if group.name == "credit_notes":
            items = [self._whole_credit_note(item) for item in items]
        yield Page(group.name, items, moments)
        children: list[JsonObject] = []
        child_moments: list[datetime] = []
        discounts: list[JsonObject] = []
        discount_moments: list[datetime] = []
        for item, moment in zip(items, moments, strict=True):
            held = self._children(item, child) if child else []
            children += held
            child_moments += [moment] * len(held)
            if group.has_discounts:
                fresh = self.discounts.fresh(_discounts_on([item, *held]))
                discounts += fresh
                discount_moments += [moment] * len(fresh)
        if child and children:
            yield Page(child.stream, children, child_moments)
        if discounts:
            yield Page("discounts", discounts, discount_moments)

    def _children(self, item: JsonObject, child: Child) -> list[JsonObject]:
        key = _key(item)
        found = self.api.rest_of(item, child.field, child.path(key), child.params(key), child.stream)
        if child.stream == "invoice_lines":
            # A line names neither its customer nor, in older shapes, its invoice.
            owner = {"invoice": key, "customer": id_of(item.get("customer"))}
        else:
            owner = {"subscription": key}
        return [{**owner, **entry} for entry in found]

    def _whole_credit_note(self, item: JsonObject) -> JsonObject:
        """A credit note with all its lines: they are a column, not a stream."""
        if not isinstance(item.get("lines"), dict) or not item["lines"].get("has_more"):
            return item
        lines = self.api.rest_of(item, "lines", f"/v1/credit_notes/{_key(item)}/lines", {}, self.group.name)
        return {**item, "lines": {**item["lines"], "data": lines, "has_more": False}}

    def _moment(self, change: Change | None) -> datetime | None:
        return None if change is None else _instant(change.at)


@dataclass
class _BalanceReader:
    """Balance transactions have no events: they are read by creation, far enough back to see them settle."""

    api: StripeApi
    context: Context

    def read(self, state: State) -> Iterator[Item]:
        """Read from the newest known transaction less the settlement time; `since` is its instant of creation."""
        since, start = state.get("since"), self.context.source.start_date
        low = since - int(SETTLEMENT.total_seconds()) if since is not None else None
        if low is None and start is not None:
            low = int(datetime.combine(start, time(), UTC).timestamp())
        for page in self.api.list("/v1/balance_transactions", {"created[gte]": low}, "balance_transactions"):
            created = [item["created"] for item in page if isinstance(item.get("created"), int)]
            since = max([*created, *([since] if since is not None else [])], default=None)
            yield Page("balance_transactions", page)
        state["since"] = since


def _discounts_on(items: Iterable[JsonObject]) -> Iterator[JsonObject]:
    """Discounts that come expanded in objects."""
    for item in items:
        single = item.get("discount")
        for discount in [*items_of(item, "discounts"), *([single] if isinstance(single, dict) else [])]:
            if discount.get("id"):
                yield discount


def _key(item: JsonObject) -> str:
    return str(item.get("id"))


def _instant(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
