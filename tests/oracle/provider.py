"""A billing provider that plays scripts: the objects it would show, and beside them what was agreed from when on.

The objects become rows of the raw ledger: the first read shows the present, later changes are versions of their own.
What was agreed (`Terms`) is for the oracle, which computes from it what the marts have to find out from the objects.
"""

from __future__ import annotations

import calendar
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

from tests.dbt.billing_world import Billing, Row
from tests.oracle.script import Change, Coupon, Ending, History, Reversal, Script


@dataclass(frozen=True)
class Item:
    key: str
    unit: int
    quantity: int


@dataclass(frozen=True)
class Terms:
    """What holds of a subscription from an instant on. `standing`: active, past_due, trial, paused or ended."""

    since: datetime
    currency: str
    interval: str
    count: int
    items: tuple[Item, ...]
    coupons: tuple[tuple[Coupon, str | None], ...]
    standing: str
    is_cancelling: bool
    tax_inside: Fraction = Fraction(0)


def stamp(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d %H:%M:%S}+00"


def later(instant: datetime, interval: str, count: int) -> datetime:
    """So many intervals later; the 31st of a short month is its last day."""
    if interval in ("day", "week"):
        return instant + timedelta(days=count * (7 if interval == "week" else 1))
    months = instant.year * 12 + instant.month - 1 + count * (12 if interval == "year" else 1)
    year, month = divmod(months, 12)
    return instant.replace(year=year, month=month + 1, day=min(instant.day, calendar.monthrange(year, month + 1)[1]))


def rounded(amount: Fraction) -> int:
    return int(amount + Fraction(1, 2)) if amount >= 0 else -int(-amount + Fraction(1, 2))


class Provider:
    """Plays histories, one account each, up to an instant."""

    def __init__(self, as_of: datetime) -> None:
        self.as_of = as_of
        self.books = Billing(stamp(as_of))
        self.terms: dict[str, list[list[Terms]]] = {}
        self.charges: dict[str, str] = {}
        self._reversed: set[str] = set()
        self.books.add("products", {"id": "prod_1", "name": "Plan", "created_at": "2023-01-01 00:00:00+00"})

    def play(self, name: str, history: History) -> None:
        """Add an account."""
        self.books.customer(name)
        self.terms[name] = []
        before = len(self.books.rows["invoices"])
        for script in history.subscriptions:
            if script.start <= self.as_of:
                play = Subscription(self, name, script, history.watched_from)
                play.run()
                self.terms[name].append(play.terms)
        for instant, amount in history.one_offs:
            if instant <= self.as_of:
                currency = history.subscriptions[0].currency
                price = self.books.price(amount, None, currency=currency)
                line = self.books.line(price, None, stamp(instant), stamp(instant))
                self.bill(name, None, instant, [line], "paid")
        paid = [row for row in self.books.rows["invoices"][before:] if row["status"] == "paid" and row["total"] > 0]
        for number, reversal in enumerate(history.reversals):
            if paid:
                self.reverse(name, paid[reversal.invoice % len(paid)], reversal, number)

    def bill(
        self, name: str, subscription: str | None, instant: datetime, lines: list[Row], status: str, **more: Any
    ) -> Row:
        """An invoice and, where it is paid and more than nothing, its payment."""
        currency = lines[0]["currency"]
        key = self.books.invoice(name, subscription, stamp(instant), lines, status, currency=currency, **more)
        row = self.books.rows["invoices"][-1]
        if status == "paid" and row["total"] > 0:
            fee = row["total"] * 29 // 1000 + 30
            self.charges[key] = self.books.charge(key, row["paid_at"], min(fee, row["total"]))
        return row

    def reverse(self, name: str, invoice: Row, reversal: Reversal, number: int) -> None:
        on = datetime.fromisoformat(invoice["created_at"]).replace(tzinfo=None) + timedelta(days=reversal.days, hours=1)
        if on > self.as_of or invoice["id"] in self._reversed:
            return
        self._reversed.add(invoice["id"])
        charge = self.charges[invoice["id"]]
        (line, *_) = [row for row in self.books.rows["invoice_lines"] if row["invoice_id"] == invoice["id"]]
        amount = max(line["amount"] * reversal.share // 100, 1)
        if reversal.kind in ("credit", "credit_refund") and line["amount"] > 0 and not line["inclusive_tax_amount"]:
            refunds = []
            if reversal.kind == "credit_refund":
                refunds = [self.books.refund(charge, min(amount, invoice["total"]), stamp(on))]
            credit = {"amount": amount, "invoice_line_item": line["id"]}
            self.books.credit_note(
                name, invoice["id"], stamp(on), [credit], refund_ids=refunds, currency=invoice["currency"]
            )
        elif reversal.kind == "gift":
            gift = {"amount": amount, "description": "Sorry"}
            self.books.credit_note(name, invoice["id"], stamp(on), [gift], currency=invoice["currency"])
        elif reversal.kind == "refund":
            half = max(invoice["total"] * reversal.share // 200, 1)
            self.books.refund(charge, half, stamp(on))
            self.books.refund(charge, half, stamp(min(on + timedelta(days=9), self.as_of)))
            self.books.refund(charge, half, stamp(on), status="failed")
        elif reversal.kind == "dispute":
            key = self.books.new_id("dp")
            common = {"currency": invoice["currency"], "created_at": stamp(on)}
            self.books.add(
                "disputes",
                {"id": key, "charge_id": charge, "amount": invoice["total"], "status": "lost"} | common,
            )
            self.books.balance(f"txn_{key}", "adjustment", -invoice["total"], 1500, invoice["currency"], key, stamp(on))
            self.books.rows["balance_transactions"][-1]["reporting_category"] = "dispute"


class Subscription:
    """One script at work."""

    def __init__(self, provider: Provider, name: str, script: Script, watched_from: datetime) -> None:
        self.provider, self.books, self.as_of = provider, provider.books, provider.as_of
        self.name, self.script, self.watched_from = name, script, watched_from
        self.key = self.books.new_id("sub")
        self.interval, self.count = script.interval, script.count
        self.items = [Item(self.books.new_id("si"), unit, quantity) for unit, quantity in script.items]
        self.coupons: list[tuple[str, Coupon, datetime | None, str | None]] = []
        self.standing, self.asked_at, self.cancel_at, self.ended_at = "active", None, None, None
        self.reason: str | None = None
        self.pending: list[Row] = []
        self.terms: list[Terms] = []
        self.seen: list[tuple[datetime, Row, dict[str, Row]]] = []

    # --- the life ---------------------------------------------------------------------------------------------------

    def run(self) -> None:
        script = self.script
        begin = script.start
        if script.trial_days:
            begin += timedelta(days=script.trial_days)
            self.standing = "trial"
        if script.coupon:
            self.give(script.coupon, script.start)
        self.record(script.start)
        if script.trial_days:
            lines = [self.line(item, script.start, begin, amount=0) for item in self.items]
            self.bill(script.start, lines, "paid", billing_reason="subscription_create")
            if begin <= self.as_of:
                if script.ending and script.ending.kind == "in_trial":
                    self.asked_at = script.start
                    self.end(begin, "cancellation_requested")
                else:
                    self.standing = "active"
        self.anchor, self.cycles = begin, 0
        cycle, paused = 0, 0
        while begin <= self.as_of and not self.ended_at:
            end = self.boundary(self.cycles + 1)
            paused = max(paused - 1, 0)
            events = sorted((c for c in script.changes if c.cycle == cycle), key=lambda c: (c.share, c.kind))
            self.coupons = [c for c in self.coupons if c[2] is None or c[2] > begin]
            for change in events:
                if change.share == 0 and cycle > 0:
                    if change.kind == "pause" and not self.pending:
                        paused = change.value
                    self.at_boundary(change, begin)
            late = next((c for c in events if c.kind == "late"), None)
            if script.ending and self.ends_in(cycle) and script.ending.kind in ("period_end", "withdrawn"):
                late = None
            failed = (
                bool(script.ending and script.ending.cycle == cycle and script.ending.kind == "failed") and not paused
            )
            by_card = script.collection == "charge_automatically"
            self.standing = "paused" if paused else "past_due" if (late and by_card) or failed else "active"
            self.record(begin)
            if self.cycle_invoice(begin, end, paused, late, failed):
                return
            if not paused:
                end = self.middle(cycle, begin, end, [c for c in events if c.share > 0 and c.kind != "late"], late)
            if not self.ended_at and script.ending and script.ending.cycle == cycle:
                self.finish(begin, end)
            cycle += 1
            self.cycles += 1
            begin = end
        self.publish()

    def boundary(self, number: int) -> datetime:
        return later(self.anchor, self.interval, self.count * number)

    def cycle_invoice(self, begin: datetime, end: datetime, paused: int, late: Change | None, failed: bool) -> bool:
        """The invoice at a cycle's start; True when it was the last thing to happen."""
        lines = [self.line(item, begin, end) for item in self.items]
        if paused:
            self.bill(begin, lines, "void", voided_at=stamp(begin))
            return False
        self.discount(lines)
        lines, self.pending = self.pending + lines, []
        self.tax(lines)
        grace = (end - begin) / 2
        by_transfer = self.script.collection == "send_invoice"
        due = {"due_at": stamp(begin + grace / 2)} if by_transfer else {}
        if failed:
            given_up = begin + min(grace, timedelta(days=20))
            over = given_up <= self.as_of
            more = {"uncollectible_at": stamp(given_up)} if over else {}
            status = "uncollectible" if over else "open"
            self.bill(begin, lines, status, attempt_count=4, paid_at=None, **more)
            if over:
                self.end(given_up, "payment_failed")
            self.publish()
            return True
        if late:
            paid = self.overdue(begin, end, late)[-1][0]
            status = "paid" if paid <= self.as_of else "open"
            paid_at = stamp(paid) if paid <= self.as_of else None
            attempts = 0 if by_transfer else 3
            self.bill(begin, lines, status, attempt_count=attempts, paid_at=paid_at, **due)
            return False
        self.bill(begin, lines, "paid", **due)
        return False

    def bill(self, at: datetime, lines: list[Row], status: str, **more: Any) -> None:
        if self.script.is_invoiced:
            self.provider.bill(self.name, self.key, at, lines, status, **more)

    def overdue(self, begin: datetime, end: datetime, late: Change) -> list[tuple[datetime, str]]:
        """When the subscription becomes past due (by card: it is from the start) and when it is paid."""
        grace = (end - begin) / 2
        if self.script.collection == "send_invoice":
            due = (begin + grace / 2).replace(microsecond=0)
            return [(due, "past_due"), (due + min(grace / 2, timedelta(days=late.value)), "active")]
        return [(begin + min(grace, timedelta(days=late.value)), "active")]

    def at_boundary(self, change: Change, at: datetime) -> None:
        """A change that waited for the new cycle: no proration."""
        place = change.item % len(self.items)
        item = self.items[place]
        if change.kind == "quantity":
            self.items[place] = Item(item.key, item.unit, change.value)
        elif change.kind == "price":
            self.items[place] = Item(item.key, change.value, item.quantity)
        elif change.kind == "free":
            self.items = [Item(one.key, 0, one.quantity) for one in self.items]
        elif change.kind == "add_item":
            self.items.append(Item(self.books.new_id("si"), change.value, 1))
        elif change.kind == "remove_item" and len(self.items) > 1:
            self.items.pop(place)
        elif change.kind == "coupon" and change.coupon:
            self.coupons.clear()
            self.give(change.coupon, at)
        elif change.kind == "second_coupon" and change.coupon and change.coupon.percent:
            if all(held.percent for _, held, _, _ in self.coupons):
                self.give(change.coupon, at)
        elif change.kind == "no_coupon":
            self.coupons.clear()

    def middle(self, cycle: int, begin: datetime, end: datetime, events: list[Change], late: Change | None) -> datetime:
        """Changes within a cycle, prorated. Returns where the cycle ends, which a new interval moves."""
        marks = self.overdue(begin, end, late) if late else []
        ending = self.script.ending
        if ending and self.ends_in(cycle) and ending.kind in ("now", "credit"):
            # what comes after service has ended changes nothing any more
            marks = [mark for mark in marks if mark[0] < begin + (end - begin) * ending.share / 100]
        for change in events:
            at = (begin + (end - begin) * change.share / 100).replace(microsecond=0)
            if at > self.as_of:
                break
            if ending and ending.kind in ("now", "credit", "period_end", "withdrawn") and self.is_last(change, ending):
                break
            while marks and marks[0][0] <= at:
                self.stand(*marks.pop(0))
            if self.change(change, at, begin, end):
                end = self.boundary(1)
                self.cycles = 0
                break
        for mark in marks:
            if mark[0] <= self.as_of:
                self.stand(*mark)
        return end

    def is_last(self, change: Change, ending: Ending) -> bool:
        return change.cycle == ending.cycle and change.share >= ending.share

    def stand(self, at: datetime, standing: str) -> None:
        self.standing = standing
        self.record(at)

    def change(self, change: Change, at: datetime, begin: datetime, end: datetime) -> bool:
        """Apply one change in the middle of a cycle; True when the cycle began anew."""
        if any(item.unit == 0 for item in self.items):
            return False
        place = change.item % len(self.items)
        old = self.items[place]
        if change.kind.startswith("silent"):
            # nobody is billed for it before the next cycle: only who watches sees it
            if at > self.watched_from:
                if change.kind == "silent_coupon" and change.coupon:
                    self.coupons.clear()
                    self.give(replace(change.coupon, level="subscription"), at)
                elif change.kind == "silent_no_coupon":
                    self.coupons.clear()
                else:
                    silent = change.kind == "silent_quantity"
                    self.items[place] = Item(
                        old.key, old.unit if silent else change.value, change.value if silent else old.quantity
                    )
                self.record(at)
            return False
        left = Fraction(int((end - at).total_seconds()), int((end - begin).total_seconds()))
        lines: list[Row] = []
        if change.kind in ("quantity", "price"):
            quantity = change.value if change.kind == "quantity" else old.quantity
            new = Item(old.key, change.value if change.kind == "price" else old.unit, quantity)
            if new == old or not new.unit:
                return False
            self.items[place] = new
            lines = [self.proration(old, at, end, -left), self.proration(new, at, end, left)]
        elif change.kind == "add_item":
            self.items.append(Item(self.books.new_id("si"), change.value, 1))
            lines = [self.proration(self.items[-1], at, end, left)]
        elif change.kind == "remove_item" and len(self.items) > 1:
            self.items.pop(place)
            lines = [self.proration(old, at, end, -left)]
        elif change.kind == "yearly" and self.interval == "month" and len(self.items) == 1:
            lines = [self.proration(old, at, end, -left)]
            self.items = [Item(old.key, change.value, old.quantity)]
            self.interval, self.count, self.anchor = "year", 1, at
            lines.append(self.line(self.items[0], at, self.boundary(1)))
        if not lines:
            return False
        self.record(at)
        waits = change.pending and change.kind != "yearly" and end <= self.as_of and not self.ends_in(change.cycle)
        # a line of nothing would tell nobody what has changed
        waits = waits and all(coupon.percent < 100 for _, coupon, _, _ in self.coupons)
        if waits:
            # what waits has its discount in its amount, and lists none
            for line in lines:
                for _, coupon, _, on in self.coupons:
                    if coupon.duration != "once" and on in (None, line["subscription_item_id"]):
                        line["amount"] = rounded(Fraction(line["amount"] * (100 - coupon.percent), 100))
            self.pending += [line for line in lines if line["amount"]]
        else:
            self.discount(lines)
            self.tax(lines)
            self.bill(at, lines, "paid", billing_reason="subscription_update")
        return change.kind == "yearly"

    def ends_in(self, cycle: int) -> bool:
        return bool(self.script.ending and self.script.ending.cycle == cycle)

    def finish(self, begin: datetime, end: datetime) -> None:
        ending = self.script.ending
        assert ending
        at = (begin + (end - begin) * ending.share / 100).replace(microsecond=0)
        if at > self.as_of or ending.kind in ("in_trial", "failed"):
            return
        if ending.kind in ("now", "credit"):
            if ending.kind == "credit" and self.standing != "paused" and all(item.unit for item in self.items):
                left = Fraction(int((end - at).total_seconds()), int((end - begin).total_seconds()))
                lines = [self.proration(item, at, end, -left) for item in self.items]
                self.tax(lines)
                self.bill(at, lines, "paid", billing_reason="subscription_update")
            self.asked_at = at
            self.end(at, "cancellation_requested")
        elif ending.kind == "period_end" or (ending.kind == "withdrawn" and at >= self.watched_from):
            self.asked_at, self.cancel_at, self.reason = at, end, "cancellation_requested"
            self.record(at)
            if ending.kind == "withdrawn":
                back = at + (end - at) / 2
                if back <= self.as_of:
                    self.asked_at = self.cancel_at = self.reason = None
                    self.record(back.replace(microsecond=0))
            elif end <= self.as_of:
                self.end(end, "cancellation_requested")

    def end(self, at: datetime, reason: str) -> None:
        self.standing, self.ended_at, self.reason = "ended", at, reason
        self.asked_at = self.asked_at or at
        self.record(at)

    # --- documents --------------------------------------------------------------------------------------------------

    def price(self, item: Item) -> Row:
        return self.books.price(item.unit, self.interval, self.count, self.script.currency)

    def line(self, item: Item, start: datetime, end: datetime, amount: int | None = None) -> Row:
        return self.books.line(self.price(item), item.key, stamp(start), stamp(end), item.quantity, amount)

    def proration(self, item: Item, at: datetime, end: datetime, left: Fraction) -> Row:
        amount = rounded(item.unit * item.quantity * left)
        return self.line(item, at, end, amount) | {"is_proration": True}

    def discount(self, lines: list[Row]) -> None:
        """List what coupons take off each line; a coupon for once is used up."""
        for key, coupon, _, item in self.coupons:
            hit = [line for line in lines if item is None or line["subscription_item_id"] == item]
            whole = sum(line["amount"] for line in hit if not line["is_proration"]) or 1
            for line in hit:
                if line["discount_amounts"] and any(one["discount"] == key for one in line["discount_amounts"]):
                    continue
                room = line["amount"] - line["discount_amount"]
                off = rounded(Fraction(room * coupon.percent, 100))
                if coupon.off and line["amount"] > 0 and not line["is_proration"]:
                    off = min(rounded(Fraction(coupon.off * line["amount"], whole)), room)
                line["discount_amounts"] = [*line["discount_amounts"], {"discount": key, "amount": off}]
                line["discount_amount"] += off
        self.coupons = [held for held in self.coupons if held[1].duration != "once"]

    def tax(self, lines: list[Row]) -> None:
        for line in lines:
            net = line["amount"] - line["discount_amount"]
            if self.script.tax == "exclusive":
                line["tax_amount"] = rounded(Fraction(net * 19, 100))
            elif self.script.tax == "inclusive":
                line["inclusive_tax_amount"] = rounded(Fraction(net * 19, 119))

    def give(self, coupon: Coupon, at: datetime) -> None:
        terms = {"percent_off": coupon.percent} if coupon.percent else {"amount_off": coupon.off}
        if coupon.off:
            terms["currency"] = self.script.currency
        key = f"coupon_{coupon.duration}_{coupon.months}_{coupon.percent}_{coupon.off}_{self.script.currency}"
        self.books.coupon(key, duration=coupon.duration, duration_in_months=coupon.months, **terms)
        end = later(at, "month", coupon.months) if coupon.months else None
        item = self.items[0].key if coupon.level == "item" else None
        held = self.books.discount(
            key,
            self.books.customer(self.name),
            None if coupon.level == "customer" else self.key,
            stamp(at),
            stamp(end) if end else None,
            item,
        )
        self.coupons.append((held, coupon, end, item))

    # --- what is seen -----------------------------------------------------------------------------------------------

    def record(self, at: datetime) -> None:
        """Note what holds from an instant on, and how the objects look then."""
        held = tuple((coupon, item) for _, coupon, _, item in self.coupons if coupon.duration != "once")
        self.terms.append(
            Terms(
                at,
                self.script.currency,
                self.interval,
                self.count,
                tuple(self.items),
                held,
                self.standing,
                self.asked_at is not None,
                # only an invoice tells the tax
                Fraction(19, 100) if self.script.tax == "inclusive" and self.script.is_invoiced else Fraction(0),
            )
        )
        statuses = {"trial": "trialing", "paused": "active", "ended": "canceled"}
        script = self.script
        trial_end = script.start + timedelta(days=script.trial_days)
        lasting = [(key, item, coupon) for key, coupon, _, item in self.coupons if coupon.duration != "once"]
        subscription = {
            "id": self.key,
            "customer_id": self.books.customer(self.name),
            "status": statuses.get(self.standing, self.standing),
            "currency": script.currency,
            "collection_method": script.collection,
            "created_at": stamp(script.start),
            "start_at": stamp(script.start),
            "trial_start_at": stamp(script.start) if script.trial_days else None,
            "trial_end_at": stamp(trial_end) if script.trial_days else None,
            "canceled_at": stamp(self.asked_at) if self.asked_at else None,
            "cancel_at": stamp(self.cancel_at) if self.cancel_at else None,
            "cancel_at_period_end": self.cancel_at is not None,
            "ended_at": stamp(self.ended_at) if self.ended_at else None,
            "cancellation_reason": self.reason,
            "discount_ids": [key for key, item, coupon in lasting if item is None and coupon.level == "subscription"],
        }
        items = {
            item.key: {
                "id": item.key,
                "subscription_id": self.key,
                "price_id": self.price(item)["id"],
                "product_id": "prod_1",
                "currency": script.currency,
                "unit_amount": item.unit,
                "unit_amount_decimal": item.unit,
                "interval": self.interval,
                "interval_count": self.count,
                "usage_type": "licensed",
                "quantity": item.quantity,
                "discount_ids": [key for key, on, _ in lasting if on == item.key],
                "created_at": stamp(at),
            }
            for item in self.items
        }
        self.seen.append((at, subscription, items))

    def publish(self) -> None:
        """The versions of the objects: the first read shows the present, each later change is one of its own."""
        self.seen.sort(key=lambda entry: entry[0])
        before = [entry for entry in self.seen if entry[0] <= self.watched_from]
        shown = [(self.watched_from, *before[-1][1:])] if before else []
        created: dict[str, str] = {}
        for _, _, items in self.seen:
            for key, row in items.items():
                created.setdefault(key, row["created_at"])
        by_instant: dict[datetime, tuple[Row, dict[str, Row]]] = {at: (row, items) for at, row, items in shown}
        by_instant |= {at: (row, items) for at, row, items in self.seen if at > self.watched_from}
        last: dict[str, Row] = {}
        for at, (subscription, items) in sorted(by_instant.items(), key=lambda entry: entry[0]):
            mark = {"modified_at": stamp(at), "extracted_at": stamp(at)}
            self.books.add("subscriptions", subscription | mark)
            for key, row in items.items():
                version = row | {"created_at": created[key]}
                if last.get(key) != version:
                    self.books.add("subscription_items", version | mark)
                    last[key] = version
            for key in set(last) - set(items):
                self.books.add("subscription_items", last.pop(key) | mark | {"is_deleted": True})
