"""One subscription from its first invoice to its end, advancing period by period."""

from __future__ import annotations

from sandbox import payments
from sandbox.basket import Basket, Item
from sandbox.books import Books
from sandbox.catalog import Price
from sandbox.clock import DAY, HOUR, MINUTE, SECOND, day_of, daytime, instant, seconds, shift_months
from sandbox.facts import Ended, Removed, Skipped, Sold, Trial
from sandbox.story import Life, Story
from sandbox.stripe_shapes import Line
from sandbox.timeline import Object

SUBSCRIPTIONS = "stripe/subscriptions"
_WHY = ("too_expensive", "missing_features", "switched_service", "unused", "customer_service", "too_complex", None)
_ABOVE = {"starter": "growth", "growth": "scale"}
_BELOW = {"scale": "growth", "growth": "starter"}
_STAYS = {
    "cancel_at": None,
    "cancel_at_period_end": False,
    "canceled_at": None,
    "cancellation_details": {"comment": None, "feedback": None, "reason": None},
}


def _without_discount(subscription: Object) -> Object:
    return subscription if subscription["status"] == "canceled" else {**subscription, "discounts": []}


class Subscription:
    """A life as a customer, number `number` of the story; `alone` when no other runs beside it."""

    def __init__(
        self, story: Story, books: Books, customer: str, life: Life, number: int, alone: bool, horizon: int
    ) -> None:
        self.story, self.books, self.customer, self.life = story, books, customer, life
        self.horizon, self.alone = horizon, alone
        self.rng = story.rng(f"subscription:{number}")
        self.id = books.key("sub_1", story.index, number)
        self.basket = Basket(books, self.id, life.interval, life.start)
        self.anchor = life.start
        self.cycle = 0
        self.ended = False
        self.paused = 0
        self.downgrade = False
        self.collection = "send_invoice" if life.invoiced else "charge_automatically"
        self.wins = sorted(at for at, won in story.expansions if won) if number == 0 else []

    # --- the course of things -------------------------------------------------------------------------------------

    def live(self) -> None:
        """From the start to the end, or to the horizon."""
        self._open()
        while not self.ended and self.basket.period[0] < self.horizon:
            # The planned end is a boundary; a day's tolerance for months of different length.
            if self.basket.period[1] >= self.life.risk - DAY:
                self._end()
            else:
                self._middle()
                self._renew()

    def _open(self) -> None:
        life, start = self.life, self.life.start
        self.basket.add(self._price(life.plan), life.seats, start)
        if self.rng.random() < 0.14:
            self.basket.add(self._price("insights"), max(1, life.seats // 2), start)
        if life.coupon:
            self._give_coupon(life.coupon)
        if life.trial_days:
            self._try_out(start + life.trial_days * DAY)
            return
        self.basket.period = (start, self._boundary(1))
        self._put("active")
        lines = self.basket.full_lines()
        invoice = self._draft("subscription_create", start, (start, start), lines)
        self._sold(start, start)
        self._settle(invoice, lines, start + 2 * SECOND)

    def _give_coupon(self, key: str) -> None:
        start = self.life.start
        self.basket.give(self.books.catalog.coupons[key], self.customer, start)
        if self.basket.discount_end:
            shown_until = max(self.basket.discount_end, start + 3 * SECOND)
            self.books.timeline.call(
                shown_until, SUBSCRIPTIONS, self.id, _without_discount, "customer.subscription.updated"
            )

    def _try_out(self, trial_end: int) -> None:
        """Two free weeks; those who do not want to stay say so before they end."""
        start = self.life.start
        self.anchor, self.basket.period = trial_end, (start, trial_end)
        self._put("trialing", trial_start=seconds(start), trial_end=seconds(trial_end))
        lines = self.basket.free_lines()
        invoice = self._draft("subscription_create", start, (start, start), lines)
        payments.settle_at_once(self.books, invoice, lines, start + 2 * SECOND)
        self.books.facts.append(Trial(start, self.id, trial_end))
        self._sold(start, start)
        if self.life.converts:
            self.cycle = -1
            self._renew()
            return
        asked = start + int(self.rng.uniform(0.2, 0.95) * (trial_end - start)) // SECOND * SECOND
        self._ask_to_cancel(asked, trial_end)
        self._cancel(trial_end)

    def _end(self) -> None:
        start, end = self.basket.period
        if self.life.ending == "unpaid":
            self._middle(quiet=True)
            self._renew(unpaid=True)
        elif self.life.ending == "immediate":
            # Not in the first half: a payment that failed at the boundary has settled by then.
            at = daytime(start + int(self.rng.uniform(0.6, 0.9) * (end - start)))
            credit = self.alone and self.basket.prorates and not self.paused and self.rng.random() < 0.3
            self._cancel(at, credit=credit, now=True)
        else:
            wait = min(end - start - DAY, 25 * DAY)
            asked = min(daytime(end - int(self.rng.uniform(0.15, 1) * wait)), end - HOUR)
            self._ask_to_cancel(asked, end)
            self._cancel(end)

    def _boundary(self, number: int) -> int:
        """The start of cycle `number`, counted from the anchor."""
        months = number * (12 if self.basket.interval == "year" else 1)
        return instant(shift_months(day_of(self.anchor), months)) + self.anchor % DAY

    def _renew(self, unpaid: bool = False) -> None:
        """The next cycle begins: a draft at the boundary, an hour later an invoice, and its payment."""
        previous, at = self.basket.period, self.basket.period[1]
        self.cycle += 1
        self.basket.period = (at, self._boundary(self.cycle + 1))
        if self.downgrade:
            self._settle_downgrade(at)
        self.basket.drop_discount(at)
        lines = self.basket.full_lines()
        invoice = self._draft("subscription_cycle", at, previous, lines)
        if self.paused:
            self._skip(invoice, at)
            return
        finalized = at + HOUR
        self._patch(at, {"status": "active", "latest_invoice": invoice["id"]})
        self._sold(finalized, at)
        trouble = self.rng.random()
        if unpaid:
            attempts = payments.settle_with_trouble(self.books, invoice, lines, finalized, 4, self.rng)
            self._patch(attempts[0], {"status": "past_due"})
            self._cancel(attempts[-1] + MINUTE, "payment_failed", now=True)
            payments.give_up(self.books, invoice, finalized, attempts[-1] + 2 * MINUTE)
        elif trouble < 0.035 and self.collection == "charge_automatically" and invoice["amount_due"] > 0:
            failures = self.rng.choice((1, 1, 2, 3))
            attempts = payments.settle_with_trouble(self.books, invoice, lines, finalized, failures, self.rng)
            self._patch(attempts[0], {"status": "past_due"})
            self._patch(attempts[-1], {"status": "active"})
        else:
            self._settle(invoice, lines, finalized)

    def _settle(self, invoice: Object, lines: list[Line], finalized: int) -> None:
        if self.collection == "send_invoice":
            payments.settle_later(self.books, invoice, lines, finalized, self.rng)
        else:
            payments.settle_at_once(self.books, invoice, lines, finalized)

    # --- what happens between two invoices ------------------------------------------------------------------------

    def _middle(self, quiet: bool = False) -> None:
        """At most one change a month; a yearly cycle has three occasions. Declared downgrades wait for the boundary."""
        start, end = self.basket.period
        occasions = 3 if self.basket.interval == "year" else 1
        width = (end - start) // occasions
        for number in range(occasions):
            # Late in the span, so that no change meets a retried payment, and before the end of the period.
            low, high = start + number * width + width * 6 // 10, start + number * width + width * 9 // 10
            at = daytime(low + int(self.rng.random() * (high - low)))
            pick = self.rng.random()
            if quiet or self.paused or self.downgrade:
                continue
            yearly_from = self.life.yearly_from
            if yearly_from and self.basket.interval == "month" and yearly_from < end:
                self._turn_yearly(daytime(max(low, yearly_from)) if yearly_from > start else at)
                return
            if self.wins and self.wins[0] < high:
                at = daytime(max(low, self.wins.pop(0)))
                if self.basket.prorates:
                    self._change(at, self._bigger())
            elif self.basket.prorates and pick < 0.1:
                self._something(pick, at)
            elif pick > 0.965:
                self._something_slow(1 - pick, at)

    def _something(self, pick: float, at: int) -> None:
        """A change at once."""
        main, addon = self.basket.items[0], self.basket.find("insights")
        if pick < 0.045:
            self._change(at, (main.price, main.quantity + self.rng.randrange(1, 4)))
        elif pick < 0.058:
            self._change(at, self._bigger())
        elif pick < 0.070:
            if self.alone and main.quantity > 2:
                self._change(at, (main.price, main.quantity - self.rng.randrange(1, 3)))
        elif addon is None:
            if pick < 0.082:
                self._take_addon(at)
        elif self.alone:
            self._drop_addon(at, addon)

    def _something_slow(self, pick: float, at: int) -> None:
        """A change that waits for the boundary, a pause, or a cancellation that is taken back."""
        if pick < 0.015:
            if self.basket.items[0].quantity > 1 and at < self.life.risk - 70 * DAY:
                self.downgrade = True
                self._patch(at, {"schedule": self.books.key("sub_sched_1", self.id, at)})
        elif pick < 0.026:
            if self.basket.interval == "month" and at < self.life.risk - 200 * DAY and not self.life.yearly_from:
                self._pause(at)
        else:
            end = self.basket.period[1]
            self._ask_to_cancel(at, end)
            self._patch(daytime(at + (end - at) // 2), _STAYS)

    def _bigger(self) -> tuple[Price, int]:
        """The next plan up, or when there is none a third more seats."""
        item = self.basket.items[0]
        above = _ABOVE.get(item.price.plan)
        if above is None or self.rng.random() < 0.4:
            return item.price, item.quantity + max(1, item.quantity // 3)
        return self._price(above), item.quantity

    def _change(self, at: int, target: tuple[Price, int]) -> None:
        """The main item changes now: unused time back, remaining time charged, on an invoice of its own."""
        item = self.basket.items[0]
        lines = [self.basket.rest(item, at, -1)]
        item.price, item.quantity = target
        lines.append(self.basket.rest(item, at, 1))
        self._prorate(at, lines)
        self._sold(at, at, [item])

    def _take_addon(self, at: int) -> None:
        item = self.basket.add(self._price("insights"), max(1, self.basket.items[0].quantity // 2), at)
        self._prorate(at, [self.basket.rest(item, at, 1)])
        self._sold(at, at, [item])

    def _drop_addon(self, at: int, item: Item) -> None:
        lines = [self.basket.rest(item, at, -1)]
        self.basket.items.remove(item)
        self._prorate(at, lines)
        self.books.facts.append(Removed(at, self.id, item.id, at))

    def _turn_yearly(self, at: int) -> None:
        """From monthly to yearly: a new period starts now, the unused part of the month comes back."""
        basket = self.basket
        lines = [basket.rest(item, at, -1) for item in basket.items]
        basket.interval, self.anchor, self.cycle = "year", at, 0
        basket.period = (at, self._boundary(1))
        for item in basket.items:
            item.price = self._price(item.price.plan)
        self._prorate(at, lines + basket.full_lines(), billing_cycle_anchor=seconds(at))
        self._sold(at, at)

    def _prorate(self, at: int, lines: list[Line], **changes: object) -> None:
        invoice = self._draft("subscription_update", at, (at, at), lines)
        self._patch(at, {"latest_invoice": invoice["id"], **changes})
        self._settle(invoice, lines, at + 2 * SECOND)

    def _settle_downgrade(self, at: int) -> None:
        """A downgrade that was declared for the boundary: fewer seats, or the plan below."""
        item = self.basket.items[0]
        below = _BELOW.get(item.price.plan)
        if below and self.rng.random() < 0.5:
            item.price = self._price(below)
        else:
            item.quantity = max(1, item.quantity - max(1, item.quantity // 4))
        self.downgrade = False
        self._patch(at, {"schedule": None})

    def _pause(self, at: int) -> None:
        """Collection pauses for one to three whole cycles and resumes before the next one."""
        self.paused = self.rng.randrange(1, 4)
        resumes = self._boundary(self.cycle + self.paused + 1) - 2 * DAY
        self._patch(at, {"pause_collection": {"behavior": "void", "resumes_at": seconds(resumes)}})

    def _skip(self, invoice: Object, at: int) -> None:
        self._patch(at, {"latest_invoice": invoice["id"]})
        payments.void_cycle(self.books, invoice, at + HOUR)
        self.books.facts.append(Skipped(at + HOUR, self.id, *self.basket.period))
        self.paused -= 1
        if not self.paused:
            self._patch(self.basket.period[1] - 2 * DAY, {"pause_collection": None})

    def _ask_to_cancel(self, at: int, end: int) -> None:
        why = {"comment": None, "feedback": self.rng.choice(_WHY), "reason": "cancellation_requested"}
        changes = {
            "cancel_at": seconds(end),
            "cancel_at_period_end": True,
            "canceled_at": seconds(at),
            "cancellation_details": why,
        }
        self._patch(at, changes)

    def _cancel(self, at: int, reason: str = "cancellation_requested", credit: bool = False, now: bool = False) -> None:
        """Service ends; `now`: nobody had asked before; `credit`: the unused time goes to the customer's balance."""
        if credit:
            lines = [self.basket.rest(item, at, -1) for item in self.basket.items]
            invoice = self._draft("subscription_update", at, (at, at), lines)
            payments.settle_at_once(self.books, invoice, lines, at + 2 * SECOND)
        changes: Object = {"status": "canceled", "ended_at": seconds(at), "pause_collection": None, "schedule": None}
        if now:
            why = None if reason == "payment_failed" else self.rng.choice(_WHY)
            changes |= {
                "canceled_at": seconds(at),
                "cancellation_details": {"comment": None, "feedback": why, "reason": reason},
            }
        self.books.timeline.patch(at, SUBSCRIPTIONS, self.id, changes, "customer.subscription.deleted")
        self.books.facts.append(Ended(at, self.id, at))
        self.ended = True

    # --- records --------------------------------------------------------------------------------------------------

    def _price(self, plan: str) -> Price:
        """A plan's price as of the subscription's start: later price rises are for new customers."""
        return self.books.catalog.price(plan, self.basket.interval, self.story.currency, self.life.start)

    def _sold(self, known: int, since: int, items: list[Item] | None = None) -> None:
        coupon = self.basket.lasting()
        for item in items if items is not None else self.basket.items:
            price = item.price
            self.books.facts.append(
                Sold(
                    known,
                    self.id,
                    item.id,
                    since,
                    price.currency,
                    price.unit_amount,
                    item.quantity,
                    price.interval,
                    coupon,
                    price.name,
                )
            )

    def _draft(self, reason: str, at: int, period: tuple[int, int], lines: list[Line]) -> Object:
        used = [self.basket.discount] if self.basket.discount and any(line.discounts for line in lines) else []
        return self.books.draft(self.customer, self.id, reason, at, period, lines, used, self.collection)

    def _now(self, at: int) -> Object:
        return {"items": self.basket.item_list(), "discounts": self.basket.shown_discounts(at)}

    def _patch(self, at: int, changes: Object) -> None:
        changes = {**self._now(at), **changes}
        self.books.timeline.patch(at, SUBSCRIPTIONS, self.id, changes, "customer.subscription.updated")

    def _put(self, status: str, **more: object) -> None:
        at = self.life.start
        obj = {
            "id": self.id,
            "object": "subscription",
            "application": None,
            "automatic_tax": {"enabled": False},
            "billing_cycle_anchor": seconds(self.anchor),
            "billing_mode": {"flexible": {"proration_discounts": "itemized"}, "type": "flexible"},
            **_STAYS,
            "collection_method": self.collection,
            "created": seconds(at),
            "currency": self.story.currency.lower(),
            "customer": self.customer,
            "days_until_due": 30 if self.collection == "send_invoice" else None,
            "default_payment_method": None,
            "description": None,
            "ended_at": None,
            "latest_invoice": None,
            "livemode": False,
            "metadata": {},
            "next_pending_invoice_item_invoice": None,
            "pause_collection": None,
            "schedule": None,
            "start_date": seconds(at),
            "status": status,
            "trial_end": None,
            "trial_start": None,
            **self._now(at),
            **more,
        }
        self.books.timeline.put(at, SUBSCRIPTIONS, obj, "customer.subscription.created")
