"""An account as a billing customer: its subscriptions, lived through cycle by cycle."""

from __future__ import annotations

import random
from dataclasses import dataclass
from fractions import Fraction

from sandbox.catalog import Catalog, Coupon, Price
from sandbox.clock import DAY, HOUR, MINUTE, SECOND, add_months, datetime_of, day_of, daytime, instant, seconds, shift_months
from sandbox.facts import Ended, Removed, Skipped, Sold, Trial
from sandbox.money import half_up, shares
from sandbox.payments import Books
from sandbox.stripe_shapes import Line
from sandbox.story import Life, Story
from sandbox.timeline import Object, Timeline

SUBSCRIPTIONS = "stripe/subscriptions"
_TAX = {"GB": 20, "FR": 20, "DE": 19, "NL": 21, "IE": 23}
_WHY = ("too_expensive", "missing_features", "switched_service", "unused", "customer_service", "too_complex", None)


@dataclass(slots=True)
class Item:
    """A plan within a subscription."""

    id: str
    price: Price
    quantity: int
    created: int


def bill(story: Story, timeline: Timeline, catalog: Catalog, customers: list[Object], horizon: int) -> Books:
    """Write all of an account's billing up to `horizon`; `customers` holds one Stripe customer per life."""
    rng = story.rng("billing")
    percent = _TAX.get(story.country)
    taxed = percent is not None and rng.random() < 0.6
    books = Books(timeline, catalog, (catalog.tax_rate[story.country], percent) if taxed and percent else None)
    for customer in customers:
        if customer["id"] not in books.customers:
            books.customers[customer["id"]] = customer
            books.balances[customer["id"]] = 0
            timeline.put(customer["created"] * 1000, "stripe/customers", customer, "customer.created")
    # A customer's balance is used in the order of time, so only customers with one subscription at a time get credit.
    alone = not any(life.second for life in story.lives)
    for number, (life, customer) in enumerate(zip(story.lives, customers, strict=True)):
        if life.start < horizon:
            Subscription(story, books, customer["id"], life, number, alone, horizon).live()
    if story.lives and rng.random() < 0.18:
        _onboarding(story, books, customers[0]["id"], rng)
    books.assign_numbers()
    return books


def _onboarding(story: Story, books: Books, customer: str, rng: random.Random) -> None:
    """A one-off invoice for setting up, a draft for some days first; a few drafts are thrown away instead."""
    at = story.lives[0].start + int(rng.uniform(0.2, 9) * DAY)
    price = books.catalog.prices["onboarding", "once", story.currency, "first"]
    line = Line("Onboarding", price.unit_amount, at, at, price, 1)
    invoice = books.draft(customer, None, "manual", at, (at, at), [line], [])
    invoice["auto_advance"] = False
    if rng.random() < 0.1:
        books.timeline.put(at, "stripe/invoices", invoice, "invoice.created")
        books.timeline.remove(at + 2 * DAY, "stripe/invoices", invoice["id"], "invoice.deleted")
        return
    finalized = at + int(rng.uniform(0.5, 3) * DAY)
    books.timeline.put(at, "stripe/invoices", invoice, "invoice.created")
    # The balance is left to the subscriptions: a one-off is charged in full whatever credit there is.
    invoice["starting_balance"] = 0
    total = invoice["total"]
    invoice["amount_due"] = invoice["amount_remaining"] = total
    held, books.balances[customer] = books.balances[customer], 0
    books.settle_at_once(invoice, [line], finalized, rng)
    books.balances[customer] = held


def _without_discount(subscription: Object) -> Object:
    return subscription if subscription["status"] == "canceled" else {**subscription, "discounts": []}


class Subscription:
    """One subscription from its first invoice to its end, advancing period by period."""

    def __init__(
        self, story: Story, books: Books, customer: str, life: Life, number: int, alone: bool, horizon: int
    ) -> None:
        self.story, self.books, self.customer, self.life, self.horizon = story, books, customer, life, horizon
        self.timeline = books.timeline
        self.rng = story.rng(f"subscription:{number}")
        self.id = books.key("sub_1", story.index, number)
        self.alone = alone
        self.interval = life.interval
        self.anchor = life.start
        self.cycle = 0
        self.period = (life.start, life.start)
        self.items: list[Item] = []
        self.discount: Object | None = None
        self.coupon: Coupon | None = None
        self.discount_end: int | None = None
        self.ended = False
        self.paused = 0
        self.downgrade = False
        self.given_back: set[str] = set()
        self.collection = "send_invoice" if life.invoiced else "charge_automatically"
        self.wins = sorted(at for at, won in story.expansions if won) if number == 0 else []

    # --- the course of things -------------------------------------------------------------------------------------

    def live(self) -> None:
        """From the start to the end, or to the horizon."""
        self._open()
        while not self.ended and self.period[0] < self.horizon:
            if self._ends_in_this_period():
                self._end()
            else:
                self._middle()
                self._renew()

    def _open(self) -> None:
        life = self.life
        price = self.books.catalog.price(life.plan, life.interval, self.story.currency, life.start)
        self._add_item(price, life.seats, life.start)
        if self.rng.random() < 0.12:
            extra = self.books.catalog.price("insights", life.interval, self.story.currency, life.start)
            self._add_item(extra, max(1, life.seats // 2), life.start)
        if life.coupon:
            self._give_coupon(life.start)
        trial_end = life.start + life.trial_days * DAY
        self.anchor = trial_end
        if life.trial_days:
            self._try_out(trial_end)
            return
        self.period = (life.start, self._boundary(1))
        self._put(life.start, "active")
        lines = self._lines(life.start)
        invoice = self._draft("subscription_create", life.start, (life.start, life.start), lines)
        self._sold(life.start)
        self._settle(invoice, lines, life.start + 2 * SECOND)

    def _try_out(self, trial_end: int) -> None:
        """Two free weeks; without a payment method or the wish to stay, service ends with them."""
        start = self.life.start
        self.period = (start, trial_end)
        self._put(start, "trialing", trial_start=seconds(start), trial_end=seconds(trial_end))
        lines = [self._line(item, start, trial_end, f"Trial period for {item.price.name}", amount=0) for item in self.items]
        for line in lines:
            line.discounts = []
        invoice = self._draft("subscription_create", start, (start, start), lines)
        self.books.settle_at_once(invoice, lines, start + 2 * SECOND, self.rng)
        self.books.facts.append(Trial(start, self.id, trial_end))
        self._sold(start)
        if not self.life.converts:
            asked = start + int(self.rng.uniform(0.2, 0.95) * (trial_end - start)) // SECOND * SECOND
            self._ask_to_cancel(asked, trial_end)
            self._cancel(trial_end, "cancellation_requested")
            return
        self.cycle = -1
        self._renew()

    def _ends_in_this_period(self) -> bool:
        """The planned end is a boundary; a day's tolerance for months of different length."""
        return self.period[1] >= self.life.risk - DAY

    def _end(self) -> None:
        start, end = self.period
        if self.life.ending == "unpaid":
            self._middle(quiet=True)
            self._renew(unpaid=True)
        elif self.life.ending == "immediate":
            # Not in the first half: a payment that failed at the boundary has settled by then.
            at = daytime(start + int(self.rng.uniform(0.6, 0.9) * (end - start)))
            credit = self.alone and self.prorates and not self.paused and self.rng.random() < 0.3
            self._cancel(at, "cancellation_requested", credit)
        else:
            wait = min(end - start - DAY, 25 * DAY)
            asked = daytime(end - int(self.rng.uniform(0.15, 1) * wait))
            asked = min(asked, end - HOUR)
            self._ask_to_cancel(asked, end)
            if self.paused:
                self._resume(end - SECOND)
            self._cancel(end, "cancellation_requested")

    def _boundary(self, number: int) -> int:
        """The start of cycle `number` counted from the anchor."""
        months = number * (12 if self.interval == "year" else 1)
        day = day_of(self.anchor)
        return instant(shift_months(day, months)) + self.anchor % DAY

    def _renew(self, unpaid: bool = False) -> None:
        """The next cycle begins: a draft at the boundary, an hour later an invoice, and its payment."""
        previous, at = self.period, self.period[1]
        self.cycle += 1
        self.period = (at, self._boundary(self.cycle + 1))
        if self.downgrade:
            self._settle_downgrade(at)
        if self.discount and self.discount_end and at >= self.discount_end:
            self.discount = self.coupon = None
        if self.paused:
            self._skip(at, previous)
            return
        lines = self._lines(at)
        invoice = self._draft("subscription_cycle", at, previous, lines)
        finalized = at + HOUR
        changes: Object = {"status": "active", "latest_invoice": invoice["id"]}
        self._patch(at, changes)
        self._sold(finalized, since=at)
        trouble = self.rng.random()
        if unpaid:
            attempts = self.books.settle_with_trouble(invoice, lines, finalized, 4, self.rng)
            self._patch(attempts[0], {"status": "past_due"})
            self._cancel(attempts[-1] + MINUTE, "payment_failed")
            self.books.give_up(invoice, attempts[-1] + 2 * MINUTE)
        elif trouble < 0.035 and self.collection == "charge_automatically" and invoice["amount_due"] > 0:
            attempts = self.books.settle_with_trouble(invoice, lines, finalized, self.rng.choice((1, 1, 2, 3)), self.rng)
            self._patch(attempts[0], {"status": "past_due"})
            self._patch(attempts[-1], {"status": "active"})
        else:
            self._settle(invoice, lines, finalized)

    def _settle(self, invoice: Object, lines: list[Line], finalized: int) -> None:
        if self.collection == "send_invoice":
            self.books.settle_later(invoice, lines, finalized, self.rng)
        else:
            self.books.settle_at_once(invoice, lines, finalized, self.rng)

    # --- what happens between two invoices ------------------------------------------------------------------------

    def _middle(self, quiet: bool = False) -> None:
        """At most one change a month; a yearly cycle has three occasions. Declared downgrades wait for the boundary."""
        start, end = self.period
        occasions = 3 if self.interval == "year" else 1
        width = (end - start) // occasions
        for number in range(occasions):
            # The last tenth stays free, so that no change meets the end of the period or a retried payment.
            low, high = start + number * width + width * 6 // 10, start + number * width + width * 9 // 10
            at = daytime(low + int(self.rng.random() * (high - low)))
            pick = self.rng.random()
            if quiet or self.paused or self.downgrade:
                continue
            if self.life.yearly_from and self.interval == "month" and self.life.yearly_from < end:
                self._turn_yearly(daytime(max(low, self.life.yearly_from)) if self.life.yearly_from > start else at)
                return
            if self.wins and self.wins[0] < high:
                at = daytime(max(low, self.wins.pop(0)))
                if self.prorates:
                    self._change(at, self._bigger())
                continue
            self._something(pick * (1 if occasions == 1 else 0.6), at)

    def _something(self, pick: float, at: int) -> None:
        prorates = self.prorates
        addon = next((item for item in self.items if item.price.plan == "insights"), None)
        if pick < 0.045:
            if prorates:
                self._change(at, (self.items[0].price, self.items[0].quantity + self.rng.randrange(1, 4)))
        elif pick < 0.058:
            if prorates:
                self._change(at, self._bigger())
        elif pick < 0.070:
            if prorates and self.alone and self.items[0].quantity > 2:
                self._change(at, (self.items[0].price, self.items[0].quantity - self.rng.randrange(1, 3)))
        elif pick < 0.082:
            if self.items[0].quantity > 1 and at < self.life.risk - 70 * DAY:
                self.downgrade = True
                self._patch(at, {"schedule": self.books.key("sub_sched_1", self.id, at)})
        elif pick < 0.092:
            if prorates and addon is None:
                self._take_addon(at)
        elif pick < 0.102:
            if prorates and addon is not None and self.alone:
                self._drop_addon(at, addon)
        elif pick < 0.110:
            if self.interval == "month" and at < self.life.risk - 200 * DAY and not self.life.yearly_from:
                self._pause(at)
        elif pick < 0.117:
            self._ask_to_cancel(at, self.period[1])
            back = daytime(at + (self.period[1] - at) // 2)
            self._patch(back, {"cancel_at": None, "cancel_at_period_end": False, "canceled_at": None,
                               "cancellation_details": {"comment": None, "feedback": None, "reason": None}})

    @property
    def prorates(self) -> bool:
        """Whether changes within a period are made: not under a fixed-amount discount."""
        return not (self.coupon and self.coupon.amount_off)

    def _bigger(self) -> tuple[Price, int]:
        """The next plan up, or when there is none a third more seats."""
        item = self.items[0]
        above = {"starter": "growth", "growth": "scale"}.get(item.price.plan)
        if above is None or self.rng.random() < 0.4:
            return item.price, item.quantity + max(1, item.quantity // 3)
        return self.books.catalog.price(above, self.interval, self.story.currency, self.life.start), item.quantity

    def _change(self, at: int, target: tuple[Price, int]) -> None:
        """The main item changes now: unused time back, remaining time charged, on an invoice of its own."""
        item = self.items[0]
        lines = [self._rest(item, at, -1)]
        item.price, item.quantity = target
        lines.append(self._rest(item, at, 1))
        self._prorate(at, lines)
        self._sold(at, items=[item])

    def _take_addon(self, at: int) -> None:
        price = self.books.catalog.price("insights", self.interval, self.story.currency, at)
        item = self._add_item(price, max(1, self.items[0].quantity // 2), at)
        self._prorate(at, [self._rest(item, at, 1)])
        self._sold(at, items=[item])

    def _drop_addon(self, at: int, item: Item) -> None:
        lines = [self._rest(item, at, -1)]
        self.items.remove(item)
        self._prorate(at, lines)
        self.books.facts.append(Removed(at, self.id, item.id, at))

    def _turn_yearly(self, at: int) -> None:
        """From monthly to yearly: a new period starts now, the unused part of the month comes back."""
        lines = [self._rest(item, at, -1) for item in self.items]
        self.interval, self.anchor, self.cycle = "year", at, 0
        self.period = (at, self._boundary(1))
        for item in self.items:
            item.price = self.books.catalog.price(item.price.plan, "year", self.story.currency, self.life.start)
        lines += self._lines(at)
        self._prorate(at, lines)
        self._sold(at)

    def _prorate(self, at: int, lines: list[Line]) -> None:
        invoice = self._draft("subscription_update", at, (at, at), lines)
        self._patch(at, {"latest_invoice": invoice["id"]})
        self._settle(invoice, lines, at + 2 * SECOND)

    def _settle_downgrade(self, at: int) -> None:
        """A downgrade that was declared for the boundary: fewer seats, or the plan below."""
        item = self.items[0]
        below = {"scale": "growth", "growth": "starter"}.get(item.price.plan)
        if below and self.rng.random() < 0.5:
            item.price = self.books.catalog.price(below, self.interval, self.story.currency, self.life.start)
        else:
            item.quantity = max(1, item.quantity - max(1, item.quantity // 4))
        self.downgrade = False
        self._patch(at, {"schedule": None})

    def _pause(self, at: int) -> None:
        """Collection pauses for one to three whole cycles."""
        self.paused = self.rng.randrange(1, 4)
        resumes = self._boundary(self.cycle + self.paused + 1) - 2 * DAY
        self._patch(at, {"pause_collection": {"behavior": "void", "resumes_at": seconds(resumes)}})

    def _skip(self, at: int, previous: tuple[int, int]) -> None:
        lines = self._lines(at)
        invoice = self._draft("subscription_cycle", at, previous, lines)
        self._patch(at, {"latest_invoice": invoice["id"]})
        self.books.void_cycle(invoice, at + HOUR)
        self.books.facts.append(Skipped(at + HOUR, self.id, *self.period))
        self.paused -= 1
        if not self.paused:
            self._resume(self.period[1] - 2 * DAY)

    def _resume(self, at: int) -> None:
        self.paused = 0
        self._patch(at, {"pause_collection": None})

    def _ask_to_cancel(self, at: int, end: int) -> None:
        why = self.rng.choice(_WHY)
        self._patch(at, {
            "cancel_at": seconds(end), "cancel_at_period_end": True, "canceled_at": seconds(at),
            "cancellation_details": {"comment": None, "feedback": why, "reason": "cancellation_requested"},
        })

    def _cancel(self, at: int, reason: str, credit: bool = False) -> None:
        """Service ends now; with `credit` the unused time goes to the customer's balance."""
        if credit:
            lines = [self._rest(item, at, -1) for item in self.items]
            invoice = self._draft("subscription_update", at, (at, at), lines)
            self.books.settle_at_once(invoice, lines, at + 2 * SECOND, self.rng)
        changes: Object = {"status": "canceled", "ended_at": seconds(at), "pause_collection": None, "schedule": None}
        if reason == "payment_failed" or self.life.ending == "immediate":
            changes |= {"canceled_at": seconds(at), "cancellation_details": {
                "comment": None, "feedback": None if reason == "payment_failed" else self.rng.choice(_WHY), "reason": reason}}
        self.timeline.patch(at, SUBSCRIPTIONS, self.id, changes, "customer.subscription.deleted")
        self.books.facts.append(Ended(at, self.id, at))
        self.ended = True

    # --- lines, items, discounts ----------------------------------------------------------------------------------

    def _add_item(self, price: Price, quantity: int, at: int) -> Item:
        item = Item(self.books.key("si_", self.id, len(self.items), at, size=14), price, quantity, at)
        self.items.append(item)
        return item

    def _give_coupon(self, at: int) -> None:
        assert self.life.coupon is not None
        coupon = self.coupon = self.books.catalog.coupons[self.life.coupon]
        if coupon.duration == "repeating":
            self.discount_end = add_months(at, coupon.months or 0)
        elif coupon.duration == "once":
            self.discount_end = at + 1
        shown_until = max(self.discount_end, at + 3 * SECOND) if self.discount_end else None
        if shown_until:
            self.timeline.call(shown_until, SUBSCRIPTIONS, self.id, _without_discount, "customer.subscription.updated")
        self.discount = {
            "id": self.books.key("di_1", self.id), "object": "discount", "checkout_session": None, "customer": self.customer,
            "end": seconds(self.discount_end) if coupon.duration == "repeating" and self.discount_end else None,
            "invoice": None, "invoice_item": None, "promotion_code": None,
            "source": {"coupon": coupon.object, "type": "coupon"}, "start": seconds(at), "subscription": self.id,
            "subscription_item": None,
        }

    def _lasting(self) -> Coupon | None:
        """The coupon when it covers two or more cycles of the present interval."""
        coupon = self.coupon
        if coupon is None or coupon.duration == "once":
            return None
        if coupon.duration == "repeating" and (coupon.months or 0) < 2 * (12 if self.interval == "year" else 1):
            return None
        return coupon

    def _line(self, item: Item, start: int, end: int, text: str, amount: int | None = None) -> Line:
        full = item.price.unit_amount * item.quantity if amount is None else amount
        return Line(text, full, start, end, item.price, item.quantity, self.id, item.id)

    def _lines(self, at: int) -> list[Line]:
        """The lines of a whole period, discounted."""
        lines = []
        for item in self.items:
            text = f"{item.quantity} × {item.price.name} (at {item.price.unit_amount} / {self.interval})"
            lines.append(self._line(item, *self.period, text))
        if self.discount and self.coupon:
            key = self.discount["id"]
            if self.coupon.percent_off:
                for line in lines:
                    line.discounts = [(key, half_up(Fraction(line.amount * self.coupon.percent_off, 100)))]
            else:
                off = min(self.coupon.amount_off or 0, sum(line.amount for line in lines))
                for line, part in zip(lines, shares(off, [line.amount for line in lines]), strict=True):
                    line.discounts = [(key, part)]
        return lines

    def _rest(self, item: Item, at: int, sign: int) -> Line:
        """The rest of the running period, charged (+1) or given back (-1), by the second."""
        start, end = self.period
        share = Fraction(end - at, end - start)
        amount = sign * half_up(item.price.unit_amount * item.quantity * share)
        word = "Remaining time on" if sign > 0 else "Unused time on"
        day = datetime_of(at).strftime("%d %b %Y")
        line = self._line(item, at, end, f"{word} {item.quantity} × {item.price.name} after {day}", amount)
        line.proration = True
        # A one-time discount was spent on the period's own invoice: it comes back with the unused time, once.
        once = self.coupon is not None and self.coupon.duration == "once"
        spent = once and (sign > 0 or item.created != self.life.start or self.cycle > 0 or item.id in self.given_back)
        if sign < 0:
            self.given_back.add(item.id)
        over = sign > 0 and self.discount_end is not None and at >= self.discount_end
        if self.discount and self.coupon and self.coupon.percent_off and not spent and not over:
            line.discounts = [(self.discount["id"], half_up(Fraction(amount * self.coupon.percent_off, 100)))]
        return line

    def _sold(self, known: int, since: int | None = None, items: list[Item] | None = None) -> None:
        coupon = self._lasting()
        for item in items if items is not None else self.items:
            self.books.facts.append(Sold(
                known, self.id, item.id, known if since is None else since, item.price.currency, item.price.unit_amount,
                item.quantity, item.price.interval, coupon,
            ))

    # --- the object -----------------------------------------------------------------------------------------------

    def _draft(self, reason: str, at: int, period: tuple[int, int], lines: list[Line]) -> Object:
        used = any(line.discounts for line in lines)
        discounts = [self.discount] if self.discount and used else []
        return self.books.draft(self.customer, self.id, reason, at, period, lines, discounts, self.collection)

    def _item_list(self) -> Object:
        start, end = seconds(self.period[0]), seconds(self.period[1])
        return {"object": "list", "has_more": False, "total_count": len(self.items),
                "url": f"/v1/subscription_items?subscription={self.id}", "data": [{
                    "id": item.id, "object": "subscription_item", "billing_thresholds": None, "created": seconds(item.created),
                    "current_period_end": end, "current_period_start": start, "discounts": [], "metadata": {},
                    "price": item.price.object, "quantity": item.quantity, "subscription": self.id, "tax_rates": [],
                } for item in self.items]}

    def _now(self, at: int) -> Object:
        shown = self.discount is not None and (self.discount_end is None or at < self.discount_end)
        return {"items": self._item_list(), "discounts": [self.discount] if shown else []}

    def _patch(self, at: int, changes: Object) -> None:
        self.timeline.patch(at, SUBSCRIPTIONS, self.id, {**self._now(at), **changes}, "customer.subscription.updated")

    def _put(self, at: int, status: str, **more: object) -> None:
        self.timeline.put(at, SUBSCRIPTIONS, {
            "id": self.id, "object": "subscription", "application": None, "automatic_tax": {"enabled": False},
            "billing_cycle_anchor": seconds(self.anchor), "billing_mode": {"flexible": {"proration_discounts": "itemized"},
                                                                          "type": "flexible"},
            "cancel_at": None, "cancel_at_period_end": False, "canceled_at": None,
            "cancellation_details": {"comment": None, "feedback": None, "reason": None},
            "collection_method": self.collection, "created": seconds(at), "currency": self.story.currency.lower(),
            "customer": self.customer, "days_until_due": 30 if self.collection == "send_invoice" else None,
            "default_payment_method": None, "description": None, "ended_at": None, "latest_invoice": None, "livemode": False,
            "metadata": {}, "next_pending_invoice_item_invoice": None, "pause_collection": None, "schedule": None,
            "start_date": seconds(at), "status": status, "trial_end": None, "trial_start": None, **self._now(at), **more,
        }, "customer.subscription.created")
