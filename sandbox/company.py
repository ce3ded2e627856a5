"""What belongs to the company itself: owners, pipelines, property catalogues, plans, segments, payouts."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from sandbox.catalog import DEAL_STAGES, TICKET_STAGES, Catalog
from sandbox.clock import DAY, HOUR, day_of, instant, iso, seconds
from sandbox.property_catalog import catalogue
from sandbox.recipients import SEGMENTS
from sandbox.stripe_shapes import balance_transaction
from sandbox.timeline import Step, Timeline, token

_FIELDS = (
    "email",
    "firstName",
    "lastName",
    "company",
    "country",
    "userId",
    "leadScore",
    "hubspotId",
    "stripeCustomerId",
    "utmSource",
    "utmMedium",
    "utmCampaign",
    "referrer",
)


def write_company(timeline: Timeline, catalog: Catalog) -> None:
    """Everything that exists from the first day on, and the later changes to it."""
    start = catalog.start
    _hubspot(timeline, catalog, start)
    for key, name in SEGMENTS:
        timeline.put(start, "encharge/segments", {"id": key, "name": name, "createdAt": iso(start)})
    for name in _FIELDS:
        kind = "number" if name == "leadScore" else "text"
        timeline.put(
            start, "encharge/fields", {"id": name, "name": name, "title": name[0].upper() + name[1:], "type": kind}
        )
    for tag in ("lead", "newsletter", "trial", "customer"):
        timeline.put(start, "encharge/tags", {"id": tag, "tag": tag, "createdAt": iso(start)})
    for product in catalog.products:
        timeline.put(start, "stripe/products", product, "product.created")
    for (plan, _, _, list_name), price in catalog.prices.items():
        timeline.put(price.object["created"] * 1000, "stripe/prices", price.object, "price.created")
        if plan == "growth" and list_name == "first":
            timeline.patch(catalog.raised_at + HOUR, "stripe/prices", price.id, {"active": False}, "price.updated")
    for coupon in catalog.coupons.values():
        timeline.put(start + HOUR, "stripe/coupons", coupon.object, "coupon.created")


def _hubspot(timeline: Timeline, catalog: Catalog, start: int) -> None:
    teams = {
        name: str(301 + number) for number, name in enumerate(dict.fromkeys(p.team for p in catalog.representatives))
    }
    for person in catalog.representatives:
        timeline.put(
            start,
            "hubspot/owners",
            {
                "id": person.id,
                "email": person.email,
                "type": "PERSON",
                "firstName": person.first_name,
                "lastName": person.last_name,
                "userId": int(person.user_id),
                "userIdIncludingInactive": int(person.user_id),
                "createdAt": iso(start),
                "updatedAt": iso(start),
                "archived": False,
                "teams": [{"id": teams[person.team], "name": person.team, "primary": True}],
            },
        )
    deal_stages = [
        (stage, label, {"isClosed": str(closed).lower(), "probability": probability})
        for stage, label, probability, closed in DEAL_STAGES
    ]
    ticket_stages = [
        (stage, label, {"isClosed": str(state == "CLOSED").lower(), "ticketState": state})
        for stage, label, state in TICKET_STAGES
    ]
    for kind, key, label, stages in (
        ("deals", "default", "Sales pipeline", deal_stages),
        ("tickets", "0", "Support", ticket_stages),
    ):
        timeline.put(
            start,
            "hubspot/pipelines",
            {
                "id": key,
                "label": label,
                "displayOrder": 0,
                "archived": False,
                "createdAt": iso(start),
                "updatedAt": iso(start),
                "stages": [
                    {
                        "id": stage,
                        "label": name,
                        "displayOrder": order,
                        "metadata": metadata,
                        "archived": False,
                        "createdAt": iso(start),
                        "updatedAt": iso(start),
                        "writePermissions": "CRM_PERMISSIONS_ENFORCEMENT",
                    }
                    for order, (stage, name, metadata) in enumerate(stages)
                ],
            },
            key=f"{kind}:{key}",
        )
    for kind, prop in catalogue(start):
        timeline.put(start, "hubspot/properties", prop, key=f"{kind}:{prop['name']}")


def write_payouts(timeline: Timeline, catalog: Catalog, steps: Iterable[Step], horizon: int) -> None:
    """Every Monday what has settled in a currency is paid out, as far as refunds since have not used it up."""
    moves = sorted(
        (step.at, step.data["currency"], step.data["net"])
        for step in steps
        if step.table == "stripe/balance_transactions"
    )
    settled: dict[str, int] = {}
    total: dict[str, int] = {}
    first = day_of(catalog.start)
    monday, position, counted = first + timedelta(days=7 - first.weekday()), 0, 0
    while instant(monday) < horizon:
        at = instant(monday, 6)
        position = _add_up(moves, position, at - 2 * DAY, settled)
        counted = _add_up(moves, counted, at, total)
        for currency in sorted(settled):
            amount = min(settled[currency], total[currency])
            if amount > 0:
                _pay_out(timeline, catalog, at, currency, amount)
                settled[currency] -= amount
                total[currency] -= amount
        monday += timedelta(days=7)


def _add_up(moves: list[tuple[int, str, int]], position: int, until: int, sums: dict[str, int]) -> int:
    """Add the moves from `position` on that lie before `until`; returns where it stopped."""
    while position < len(moves) and moves[position][0] < until:
        _, currency, net = moves[position]
        sums[currency] = sums.get(currency, 0) + net
        position += 1
    return position


def _pay_out(timeline: Timeline, catalog: Catalog, at: int, currency: str, amount: int) -> None:
    payout = "po_1" + token(catalog.seed, "payout", currency, seconds(at), size=23)
    key = "txn_1" + token(catalog.seed, "payout entry", payout, size=23)
    entry = balance_transaction(key, "payout", "payout", -amount, 0, currency, payout, at, "STRIPE PAYOUT")
    timeline.put(at, "stripe/balance_transactions", entry)
