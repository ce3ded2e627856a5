"""What an account of a billing system lives through, as data: short enough to print, and to change for a second look.

Amounts are in the minor unit of the subscription's currency, instants in UTC.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime


@dataclass(frozen=True)
class Coupon:
    """A per cent or an amount off. `level`: what it is given to."""

    duration: str
    months: int | None = None
    percent: int = 0
    off: int = 0
    level: str = "subscription"


@dataclass(frozen=True)
class Change:
    """Something that happens in cycle `cycle`: at its start (`share` 0) or after `share` hundredths of it.

    `kind`: quantity, price, add_item, remove_item, free, yearly, pause (so many cycles), late (paid after a while),
    coupon, second_coupon, no_coupon; silent_quantity, silent_price, silent_coupon, silent_no_coupon: in the middle of
    a cycle without an invoice, which is left out while nobody watches. `pending`: the proration waits for the next
    invoice. `value` is the new quantity, price or number.
    """

    cycle: int
    share: int
    kind: str
    value: int = 0
    item: int = 0
    pending: bool = False
    coupon: Coupon | None = None


@dataclass(frozen=True)
class Ending:
    """How it ends in cycle `cycle`: now, credit (now, with the unused time given back), period_end (asked for after
    `share` hundredths), withdrawn (asked for, and taken back), failed (the card fails for good)."""

    cycle: int
    share: int
    kind: str


@dataclass(frozen=True)
class Script:
    """One subscription. `items`: unit amount and quantity of each. `tax`: none, exclusive, inclusive. `collection`: by
    card (charge_automatically) or by transfer (send_invoice). `is_invoiced`: whether there ever was an invoice."""

    start: datetime
    currency: str
    interval: str
    count: int
    items: tuple[tuple[int, int], ...]
    trial_days: int = 0
    coupon: Coupon | None = None
    changes: tuple[Change, ...] = ()
    ending: Ending | None = None
    tax: str = "none"
    collection: str = "charge_automatically"
    is_invoiced: bool = True


@dataclass(frozen=True)
class Reversal:
    """Money taken back, so many days after the `invoice`-th paid invoice: credit (a part of a line, by a credit note),
    gift (a credit note without a line), refund, credit_refund (both at once), dispute. `share` is in hundredths."""

    invoice: int
    kind: str
    share: int
    days: int


@dataclass(frozen=True)
class History:
    """One account. `watched_from`: when its objects were first read. `one_offs`: instant and amount of an invoice."""

    subscriptions: tuple[Script, ...]
    watched_from: datetime
    one_offs: tuple[tuple[datetime, int], ...] = ()
    reversals: tuple[Reversal, ...] = ()

    def __str__(self) -> str:
        lines = [f"watched from {self.watched_from:%Y-%m-%d %H:%M}, one-offs {self.one_offs}, {self.reversals}"]
        return "\n".join([*lines, *(f"  {script}" for script in self.subscriptions)])


# kinds of changes whose value is an amount
PRICED = ("price", "add_item", "yearly", "silent_price")


def scaled(history: History, k: int) -> History:
    """The same life at `k` times the prices."""

    def coupon(of: Coupon | None) -> Coupon | None:
        return of and replace(of, off=of.off * k)

    return replace(
        history,
        subscriptions=tuple(
            replace(
                script,
                items=tuple((unit * k, quantity) for unit, quantity in script.items),
                coupon=coupon(script.coupon),
                changes=tuple(
                    replace(
                        change,
                        value=change.value * k if change.kind in PRICED else change.value,
                        coupon=coupon(change.coupon),
                    )
                    for change in script.changes
                ),
            )
            for script in history.subscriptions
        ),
    )


def split(history: History) -> History:
    """The same life, each subscription as two of half the price; amounts have to be even."""

    def coupon(of: Coupon | None) -> Coupon | None:
        # a customer's own discount would go to both of them twice
        return of and replace(of, off=of.off // 2, level="subscription" if of.level == "customer" else of.level)

    halves = tuple(
        replace(
            script,
            items=tuple((unit // 2, quantity) for unit, quantity in script.items),
            coupon=coupon(script.coupon),
            changes=tuple(
                replace(
                    change,
                    value=change.value // 2 if change.kind in PRICED else change.value,
                    coupon=coupon(change.coupon),
                )
                for change in script.changes
            ),
        )
        for script in history.subscriptions
    )
    return replace(history, subscriptions=halves + halves, reversals=())


def with_noise(history: History) -> History:
    """The same life with tax on every invoice, one-off invoices and a trial that nobody takes up."""
    first = history.subscriptions[0]
    unused = replace(first, trial_days=10, changes=(), coupon=None, ending=Ending(0, 0, "in_trial"))
    taxed = tuple(replace(script, tax="exclusive") for script in history.subscriptions)
    return replace(
        history, subscriptions=(*taxed, unused), one_offs=((first.start, 70000), *history.one_offs), reversals=()
    )
