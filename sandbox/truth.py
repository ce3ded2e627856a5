"""The truth about revenue, computed from what was sold (`facts`) in plain arithmetic, never from provider objects."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

from sandbox.catalog import EXPONENT
from sandbox.clock import day_of, month_start, shift_months
from sandbox.facts import UNKNOWN, Billed, Credited, Ended, Fact, Removed, Returned, Skipped, Sold, Trial
from sandbox.money import half_up
from sandbox.rates import Rates

TEN_THOUSANDTHS = 10_000


def _native(amount: Fraction) -> Decimal:
    return Decimal(half_up(amount * TEN_THOUSANDTHS)) / TEN_THOUSANDTHS


def convert(amount: Decimal, rate: Decimal) -> Decimal:
    return (amount * rate).quantize(Decimal("0.0001"), ROUND_HALF_UP)


class Subscribed:
    """One subscription by day, as far as it is known."""

    def __init__(self) -> None:
        self.states: dict[str, list[tuple[date, int, Sold | Removed]]] = defaultdict(list)
        self.free_until: date | None = None
        self.ended: date | None = None
        self.skipped: list[tuple[date, date]] = []

    def add(self, fact: Fact) -> None:
        """Take note of a fact of this subscription."""
        if isinstance(fact, Sold | Removed):
            self.states[fact.item].append((day_of(fact.since), fact.since, fact))
        elif isinstance(fact, Trial):
            self.free_until = day_of(fact.until)
        elif isinstance(fact, Ended):
            self.ended = day_of(fact.at)
        elif isinstance(fact, Skipped):
            self.skipped.append((day_of(fact.start), day_of(fact.end)))

    def turning_points(self) -> set[date]:
        """The days on which the subscription's MRR may change."""
        days = {day for states in self.states.values() for day, _, _ in states}
        days |= {day for pair in self.skipped for day in pair}
        return days | {day for day in (self.free_until, self.ended) if day}

    def on(self, day: date) -> list[tuple[str, str, Decimal]]:
        """Plan, currency and MRR of each item on a day."""
        if self.ended and day >= self.ended:
            return []
        if self.free_until and day < self.free_until:
            return []
        if any(start <= day < end for start, end in self.skipped):
            return []
        sold: list[Sold] = []
        for states in self.states.values():
            last = max((state for state in states if state[0] <= day), key=lambda state: state[:2], default=None)
            if last and isinstance(last[2], Sold):
                sold.append(last[2])
        whole = sum(item.unit_amount * item.quantity for item in sold)
        return [(item.plan, item.currency, _item_mrr(item, whole)) for item in sold]


def _item_mrr(item: Sold, whole: int) -> Decimal:
    """One item's MRR in major units: its gross less a lasting discount, by the month, four decimals."""
    gross = Fraction(item.unit_amount * item.quantity)
    if item.coupon and item.coupon.percent_off:
        gross -= gross * item.coupon.percent_off / 100
    elif item.coupon and item.coupon.amount_off and whole:
        gross -= min(Fraction(item.coupon.amount_off), Fraction(whole)) * gross / whole
    months = 12 if item.interval == "year" else 1
    return _native(gross / months / 10 ** EXPONENT[item.currency])


def account_days(facts: Iterable[Fact], today: date) -> list[tuple[date, dict[tuple[str, str], Decimal]]]:
    """An account's MRR by plan and currency from each turning point on, up to `today`; empty means none."""
    subscriptions: dict[str, Subscribed] = defaultdict(Subscribed)
    for fact in facts:
        if isinstance(fact, Sold | Removed | Trial | Ended | Skipped):
            subscriptions[fact.subscription].add(fact)
    days = sorted({day for one in subscriptions.values() for day in one.turning_points() if day <= today})
    out = []
    for day in days:
        total: dict[tuple[str, str], Decimal] = {}
        for one in subscriptions.values():
            for plan, currency, amount in one.on(day):
                if amount:
                    total[plan, currency] = total.get((plan, currency), Decimal(0)) + amount
        out.append((day, total))
    return out


def by_currency(state: Mapping[tuple[str, str], Decimal]) -> dict[str, Decimal]:
    """The MRR of a day by currency."""
    out: dict[str, Decimal] = {}
    for (_, currency), amount in state.items():
        out[currency] = out.get(currency, Decimal(0)) + amount
    return out


def first_paid_day(facts: Iterable[Fact], now: int) -> date | None:
    """The day on which an account first had MRR, as known at `now`; None when it never had."""
    course = account_days((fact for fact in facts if fact.known < now), day_of(now))
    return next((day for day, state in course if state), None)


def months_from(first: date, today: date) -> list[date]:
    out, month = [], month_start(first)
    while month <= today:
        out.append(month)
        month = shift_months(month, 1)
    return out


def mrr(accounts: Iterable[Sequence[Fact]], rates: Rates, first: date, now: int) -> list[dict[str, object]]:
    """MRR in US dollars, new, churned and present customers of each month; the present month as of `now`."""
    today = day_of(now)
    months = months_from(first, today)
    closing = {month: min(today, shift_months(month, 1) - timedelta(days=1)) for month in months}
    total = {month: Decimal(0) for month in months}
    new, churned, present = (dict.fromkeys(months, 0) for _ in range(3))
    for facts in accounts:
        course = account_days((fact for fact in facts if fact.known < now), today)
        paying = known = False
        left: set[date] = set()
        for day, state in course:
            if state and not paying and not known:
                new[month_start(day)] += 1
                known = True
            if paying and not state:
                left.add(month_start(day))
            paying = bool(state)
        for month in left:
            churned[month] += 1
        position, state = 0, dict[tuple[str, str], Decimal]()
        for month in months:
            while position < len(course) and course[position][0] <= closing[month]:
                state = course[position][1]
                position += 1
            present[month] += bool(state)
            for currency, amount in by_currency(state).items():
                total[month] += convert(amount, rates.on(currency, closing[month]))
    return [
        {
            "month": month.isoformat(),
            "mrr": str(total[month].quantize(Decimal("0.01"), ROUND_HALF_UP)),
            "customers_new": new[month],
            "customers_churned": churned[month],
            "customers": present[month],
        }
        for month in months
    ]


def _spread(total: int, start: date, end: date, until: date) -> dict[date, int]:
    """`total` over the days of [start, end) by cumulative whole numbers, by month, without days after `until`."""
    days = (end - start).days
    if days <= 0:
        return {month_start(start): total} if start <= until else {}
    sign, size = (-1 if total < 0 else 1), abs(total)
    out, given, day = {}, 0, start
    while day < end and day <= until:
        stop = min(shift_months(month_start(day), 1), end, until + timedelta(days=1))
        upto = size * (stop - start).days // days
        out[month_start(day)] = sign * (upto - given)
        given, day = upto, stop
    return out


def earned(facts: Iterable[Fact], rates: Rates, now: int) -> Iterator[tuple[str, date, int]]:
    """An account's revenue by plan and month in ten-thousandths of a US dollar, up to and with the day of `now`."""
    today = day_of(now)
    for fact in facts:
        if fact.known >= now or not isinstance(fact, Billed | Credited | Returned):
            continue
        if isinstance(fact, Credited) and fact.voided_at is not None and fact.voided_at < now:
            continue
        rate = Fraction(rates.on(fact.currency, day_of(fact.rated_at)))
        worth = half_up(Fraction(fact.net, 10 ** EXPONENT[fact.currency]) * rate * TEN_THOUSANDTHS)
        sign = 1 if isinstance(fact, Billed) else -1
        start, end = (fact.at, fact.at) if isinstance(fact, Returned) else (fact.start, fact.end)
        plan = UNKNOWN if isinstance(fact, Returned) else fact.plan
        for month, part in _spread(sign * worth, day_of(start), day_of(end), today).items():
            yield plan, month, part


def revenue(accounts: Iterable[Sequence[Fact]], rates: Rates, first: date, now: int) -> list[dict[str, str]]:
    """Recognised revenue in US dollars of each month; the present month up to and including the day of `now`."""
    today = day_of(now)
    total: dict[date, int] = {month: 0 for month in months_from(first, today)}
    for facts in accounts:
        for _, month, part in earned(facts, rates, now):
            total[month] += part
    return [
        {
            "month": month.isoformat(),
            "recognised_revenue": str((Decimal(part) / TEN_THOUSANDTHS).quantize(Decimal("0.01"), ROUND_HALF_UP)),
        }
        for month, part in sorted(total.items())
    ]
