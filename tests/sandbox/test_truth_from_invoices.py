"""The truth against a second account of it: MRR and revenue rebuilt in plain Python from Stripe's objects alone."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest

from sandbox.world import World

Object = dict[str, Any]
MINOR = {"jpy": 0}
CENT = Decimal("0.01")


def day(epoch: int) -> date:
    return datetime.fromtimestamp(epoch, UTC).date()


def major(amount: int | Decimal, currency: str) -> Decimal:
    return Decimal(amount) / 10 ** MINOR.get(currency, 2)


def next_month(month: date) -> date:
    return (month + timedelta(days=32)).replace(day=1)


class Rebuilt:
    """Subscription items by day, read off invoice lines the way a warehouse has to."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.states: dict[str, dict[str, list[tuple[int, Object | None]]]] = defaultdict(lambda: defaultdict(list))
        self.skipped: dict[str, set[tuple[date, date]]] = defaultdict(set)
        self.subscriptions = world.objects("stripe", "subscriptions")
        self.prices = world.objects("stripe", "prices")
        for invoice in world.objects("stripe", "invoices").values():
            if invoice["status"] != "draft" and invoice["parent"]:
                self.read(invoice)

    def read(self, invoice: Object) -> None:
        coupons = {discount["id"]: discount["source"]["coupon"] for discount in invoice["discounts"]}
        lines = invoice["lines"]["data"]
        positive = {
            (line["parent"]["subscription_item_details"]["subscription_item"], line["period"]["start"])
            for line in lines
            if line["amount"] > 0
        }
        for line in lines:
            details = line["parent"]["subscription_item_details"]
            subscription, item, start = (
                details["subscription"],
                details["subscription_item"],
                line["period"]["start"],
            )
            if invoice["status"] == "void":
                self.skipped[subscription].add((day(start), day(line["period"]["end"])))
            elif line["amount"] < 0:
                if (item, start) not in positive:
                    self.states[subscription][item].append((start, None))
            else:
                coupon = coupons[line["discount_amounts"][0]["discount"]] if line["discount_amounts"] else None
                self.states[subscription][item].append((start, {"line": line, "coupon": coupon}))

    def on(self, subscription: str, when: date) -> Decimal:
        """The subscription's MRR in its own currency on a day."""
        own = self.subscriptions[subscription]
        if own["ended_at"] and when >= day(own["ended_at"]):
            return Decimal(0)
        if own["trial_end"] and when < day(own["trial_end"]):
            return Decimal(0)
        if any(start <= when < end for start, end in self.skipped[subscription]):
            return Decimal(0)
        present = []
        for states in self.states[subscription].values():
            past = [state for state in states if day(state[0]) <= when]
            if past and (last := max(past, key=lambda state: state[0]))[1]:
                present.append(last[1])
        gross = [Decimal(row["line"]["pricing"]["unit_amount_decimal"]) * row["line"]["quantity"] for row in present]
        return sum((self.item(row, own, sum(gross)) for row in present), Decimal(0))

    def item(self, row: Object, subscription: Object, whole: Decimal) -> Decimal:
        line, coupon = row["line"], row["coupon"]
        price = self.prices[line["pricing"]["price_details"]["price"]]
        months = {"month": 1, "year": 12}[price["recurring"]["interval"]]
        amount = Decimal(line["pricing"]["unit_amount_decimal"]) * line["quantity"]
        lasting = coupon and (
            coupon["duration"] == "forever"
            or (coupon["duration"] == "repeating" and coupon["duration_in_months"] >= 2 * months)
        )
        if lasting and coupon["percent_off"]:
            amount -= amount * coupon["percent_off"] / 100
        elif lasting:
            amount -= min(Decimal(coupon["amount_off"]), whole) * amount / whole
        return (major(amount, subscription["currency"]) / months).quantize(Decimal("0.0001"), ROUND_HALF_UP)


def rate(world: World, currency: str, when: date) -> Decimal:
    return world._rates.on(currency.upper(), when)


@pytest.fixture(scope="module", params=[(11, date(2026, 3, 15)), (12, date(2025, 10, 1)), (13, date(2026, 1, 31))])
def world(request: pytest.FixtureRequest) -> World:
    seed, when = request.param
    return World(seed, 220, when)


def test_mrr_and_customers_can_be_rebuilt_from_invoices(world: World) -> None:
    rebuilt = Rebuilt(world)
    today = world.now.date()
    account = {row["source_id"]: row["truth_id"] for row in world.truth_accounts() if row["source_system"] == "stripe"}
    month, before, ever = world.start, set(), set()
    for row in world.truth_mrr():
        last = min(today, next_month(month) - timedelta(days=1))
        by_currency: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
        for key, subscription in rebuilt.subscriptions.items():
            amount = rebuilt.on(key, last)
            if amount:
                by_currency[account[subscription["customer"]], subscription["currency"]] += amount
        total = sum(
            (
                (amount * rate(world, currency, last)).quantize(Decimal("0.0001"), ROUND_HALF_UP)
                for (_, currency), amount in by_currency.items()
            ),
            Decimal(0),
        )
        present = {key for key, _ in by_currency}
        assert row["month"] == month.isoformat()
        assert row["mrr"] == str(total.quantize(CENT, ROUND_HALF_UP))
        assert row["customers"] == len(present)
        # Whoever is there for the first time at a month's end is new in it; others may have come and gone within it.
        assert row["customers_new"] >= len(present - ever)
        assert row["customers_churned"] >= len(before - present)
        month, before, ever = next_month(month), present, ever | present


def test_revenue_can_be_rebuilt_from_invoices(world: World) -> None:
    today = world.now.date()
    total: dict[date, int] = defaultdict(int)

    def spread(units: int, start: date, end: date) -> None:
        """Day by day, with the running share rounded down: the same cut as month by month."""
        days, sign, size = max(1, (end - start).days), -1 if units < 0 else 1, abs(units)
        for number in range(days):
            when = start + timedelta(days=number)
            if when <= today:
                total[when.replace(day=1)] += sign * (size * (number + 1) // days - size * number // days)

    def units(net: Decimal | int, invoice: Object) -> int:
        rated = invoice["status_transitions"]["finalized_at"] or invoice["created"]
        worth = major(net, invoice["currency"]) * rate(world, invoice["currency"], day(rated)) * 10_000
        return int(worth.quantize(Decimal(1), ROUND_HALF_UP))

    invoices = world.objects("stripe", "invoices")
    lines = {}
    for invoice in invoices.values():
        for line in invoice["lines"]["data"]:
            lines[line["id"]] = line
            if invoice["status"] in ("paid", "open", "uncollectible"):
                net = line["amount"] - sum(part["amount"] for part in line["discount_amounts"])
                spread(units(net, invoice), day(line["period"]["start"]), day(line["period"]["end"]))
    credited = set()
    for note in world.objects("stripe", "credit_notes").values():
        credited |= {refund["refund"] for refund in note["refunds"]}
        for row in note["lines"]["data"] if note["status"] != "void" else ():
            period = lines[row["invoice_line_item"]]["period"] if row["invoice_line_item"] else None
            start, end = (period["start"], period["end"]) if period else (note["created"], note["created"])
            spread(-units(row["amount"] - row["discount_amount"], invoices[note["invoice"]]), day(start), day(end))
    invoice_of = {
        row["payment"]["payment_intent"]: row["invoice"] for row in world.objects("stripe", "invoice_payments").values()
    }
    for refund in world.objects("stripe", "refunds").values():
        if refund["status"] == "succeeded" and refund["id"] not in credited:
            invoice = invoices[invoice_of[refund["payment_intent"]]]
            net = Decimal(refund["amount"] * invoice["total_excluding_tax"]) / invoice["total"]
            back = units(net.quantize(Decimal(1), ROUND_HALF_UP), invoice)
            spread(-back, day(refund["created"]), day(refund["created"]))
    for row in world.truth_revenue():
        found = Decimal(total[date.fromisoformat(row["month"])]) / 10_000
        assert row["recognised_revenue"] == str(found.quantize(CENT, ROUND_HALF_UP))
