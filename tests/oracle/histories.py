"""Random lives of accounts, by Hypothesis."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeVar
from unittest.mock import patch

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.internal.conjecture import providers

from tests.oracle.script import Change, Coupon, Ending, History, Reversal, Script

T = TypeVar("T")

# interval, count, and how many cycles there may be before the run's instant
CYCLES = (
    ("month", 1, 18),
    ("month", 1, 9),
    ("month", 3, 6),
    ("year", 1, 2),
    ("week", 1, 9),
    ("week", 2, 8),
    ("day", 30, 8),
)
CYCLES += (("year", 2, 1), ("month", 6, 3))
DAYS = {"day": 1, "week": 7, "month": 30, "year": 365}
COLLECTIONS = ("charge_automatically", "charge_automatically", "send_invoice")
CURRENCIES = ("usd", "usd", "eur", "jpy", "kwd")
# even, so that a half is exact; yen have no decimals
AMOUNTS = st.integers(6, 400).map(lambda n: n * 100 + 2 * (n % 50))
QUANTITIES = st.integers(1, 9)


def coupons(alone: bool) -> st.SearchStrategy[Coupon]:
    """A coupon; a customer's own only where there is one subscription, as it would go to all of them."""
    levels = ("subscription", "item", "customer") if alone else ("subscription", "item")
    per_cent = st.sampled_from((5, 10, 20, 25, 50, 100))
    terms = st.one_of(
        st.fixed_dictionaries({"percent": per_cent}),
        st.fixed_dictionaries({"off": st.integers(1, 30).map(lambda n: n * 20)}),
    )
    duration = st.one_of(
        st.just({"duration": "forever"}),
        st.just({"duration": "once"}),
        st.integers(1, 14).map(lambda months: {"duration": "repeating", "months": months}),
    )
    return st.builds(lambda t, d, level: Coupon(level=level, **t, **d), terms, duration, st.sampled_from(levels))


@st.composite
def changes(draw: st.DrawFn, cycles: int, alone: bool) -> Change:
    """One thing that happens in one of the cycles."""
    cycle = draw(st.integers(0, max(cycles, 1)))
    kinds = ("quantity", "quantity", "price", "price", "add_item", "remove_item", "yearly", "late", "late")
    kinds += ("silent_quantity", "silent_price", "silent_coupon", "silent_no_coupon")
    bound = ("quantity", "price", "add_item", "remove_item", "free", "pause", "coupon", "second_coupon", "no_coupon")
    if draw(st.booleans()):
        kind = draw(st.sampled_from(kinds))
        share = draw(st.integers(12, 88))
    else:
        kind, share = draw(st.sampled_from(bound)), 0
    value = {
        "quantity": QUANTITIES,
        "price": AMOUNTS,
        "add_item": AMOUNTS,
        "yearly": AMOUNTS.map(lambda amount: amount * 10),
        "pause": st.integers(1, 2),
        "late": st.integers(3, 12),
        "silent_quantity": QUANTITIES,
        "silent_price": AMOUNTS,
    }.get(kind, st.just(0))
    return Change(
        cycle,
        share,
        kind,
        draw(value),
        draw(st.integers(0, 1)),
        draw(st.booleans()),
        draw(coupons(alone)) if kind.endswith("coupon") else None,
    )


@st.composite
def scripts(draw: st.DrawFn, as_of: datetime, alone: bool, currency: str, after: datetime | None = None) -> Script:
    """A subscription; `after`: one that begins when another has gone."""
    interval, count, most = draw(st.sampled_from(CYCLES))
    span = DAYS[interval] * count * most
    # spread evenly: Hypothesis prefers the ends of a range
    start = as_of - timedelta(days=draw(st.integers(0, 2**32 - 1)) * 2654435761 % 2**32 % (span + 1))
    start = (after or start).replace(
        hour=draw(st.sampled_from((0, 3, 10, 15, 23))), minute=draw(st.sampled_from((0, 30)))
    )
    lived = max((as_of - start).days, 0) // (DAYS[interval] * count)
    items = draw(st.lists(st.tuples(AMOUNTS, QUANTITIES), min_size=1, max_size=2))
    endings = st.builds(
        Ending,
        st.integers(0, lived),
        st.integers(12, 88),
        st.sampled_from(("now", "now", "credit", "period_end", "period_end", "withdrawn", "failed", "in_trial")),
    )
    ending = draw(st.one_of(st.none(), endings, endings))
    trial = draw(st.sampled_from((0, 0, 0, 7, 14, 30)))
    if ending and ending.kind == "in_trial" and not trial:
        ending = None
    # at most one thing a cycle, so that the order of two at one instant is no question
    drawn = draw(st.lists(changes(lived, alone), max_size=7, unique_by=lambda change: change.cycle))
    return Script(
        start,
        currency,
        interval,
        count,
        tuple(items),
        trial,
        draw(st.one_of(st.none(), coupons(alone))),
        tuple(sorted(drawn, key=lambda change: change.cycle)),
        ending,
        draw(st.sampled_from(("none", "none", "exclusive", "inclusive"))),
        "charge_automatically" if ending and ending.kind == "failed" else draw(st.sampled_from(COLLECTIONS)),
    )


@st.composite
def bare(draw: st.DrawFn, script: Script) -> Script:
    """The same without invoices: the subscription alone has to tell."""
    ending = script.ending if script.ending and script.ending.kind in ("now", "period_end", "in_trial") else None
    coupon = draw(st.one_of(st.none(), st.builds(Coupon, st.just("forever"), percent=st.sampled_from((10, 30, 100)))))
    return replace(script, changes=(), coupon=coupon, ending=ending, is_invoiced=False)


@st.composite
def histories(draw: st.DrawFn, as_of: datetime) -> History:
    """An account: one to three subscriptions, side by side or one after another, sometimes in two currencies."""
    count = draw(st.sampled_from((1, 1, 2, 3)))
    currency = draw(st.sampled_from(CURRENCIES))
    subscriptions: list[Script] = []
    for number in range(count):
        after = None
        if number and draw(st.booleans()):
            # soon after the first began: side by side, or back after a gap
            after = subscriptions[0].start + timedelta(days=draw(st.integers(1, 400)))
            after = min(after, as_of - timedelta(days=1))
        own = draw(st.sampled_from(CURRENCIES)) if number and draw(st.integers(0, 4)) == 0 else currency
        script = draw(scripts(as_of, count == 1, own, after))
        subscriptions.append(draw(bare(script)) if draw(st.integers(0, 9)) == 0 else script)
    reversals = st.builds(
        Reversal,
        st.integers(0, 20),
        st.sampled_from(("credit", "gift", "refund", "credit_refund", "dispute")),
        st.integers(10, 100),
        st.integers(0, 70),
    )
    one_offs = st.tuples(st.integers(0, 300).map(lambda days: as_of - timedelta(days=days)), AMOUNTS)
    return History(
        tuple(subscriptions),
        as_of - timedelta(days=draw(st.sampled_from((0, 0, 20, 75, 200, 400)))),
        tuple(draw(st.lists(one_offs, max_size=1))),
        tuple(draw(st.lists(reversals, max_size=2))),
    )


def beginning(history: History) -> Hashable:
    """Two histories that begin alike have too much in common."""
    first = history.subscriptions[0]
    return first.start, first.items


def sample(
    strategy: st.SearchStrategy[T], count: int, number: int, alike: Callable[[T], Hashable] = beginning
) -> list[T]:
    """So many lives that have little in common (one of those that are `alike`), the same ones for the same number."""
    found: dict[Hashable, T] = {}
    while len(found) < count:
        # a few at a time: the first is the plainest there is, and after some it varies what it had before
        @seed(number)
        @settings(
            max_examples=6,
            phases=[Phase.generate],
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(strategy)
        def collect(example: T) -> None:
            found.setdefault(alike(example), example)

        # Hypothesis tries constants of all modules that happen to be imported: the sample must not hang on them
        with patch.object(providers, "_get_local_constants", return_value=providers._local_constants.__class__()):
            collect()
        number += 1000
    return list(found.values())[:count]
