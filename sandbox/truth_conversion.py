"""The truth about leads, deals and hand-offs, from what sales did in plain arithmetic, deal by deal, lead by lead.

Rows carry the name of their `table`. Months are their first day, YYYY-MM-DD; money is US dollars as text; a share or a
percentile that does not exist is None.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from math import ceil
from typing import Any

from sandbox.catalog import DEAL_STAGES
from sandbox.clock import DAY, HOUR, MINUTE, day_of, instant, month_start, shift_months
from sandbox.facts import UNKNOWN
from sandbox.money import half_up
from sandbox.names import FREE_MAIL
from sandbox.rates import Rates
from sandbox.records import Records
from sandbox.sales_facts import Dealt
from sandbox.story import Story
from sandbox.truth import first_paid_day
from sandbox.truth_accounts import first_channel, segments_of

Row = dict[str, Any]
WINDOWS = (30, 60, 90, 180, 365)
CURVE_END = 730
LEAD_SEGMENTS = ("channel", "company_size", "country")
SLA_MINUTES, SLA_BUSINESS_MINUTES = 1440, 600
OPEN_STAGES = [stage for stage, _, _, closed in DEAL_STAGES if not closed]
LABELS = {stage: label for stage, label, _, _ in DEAL_STAGES}
CENT = Decimal("0.01")


def percentile(share: Fraction, values: Iterable[int]) -> int | None:
    """The smallest value that at least this share of all does not exceed."""
    ordered = sorted(values)
    return ordered[max(ceil(share * len(ordered)), 1) - 1] if ordered else None


def survival(ends: Sequence[tuple[int, bool]]) -> list[tuple[int, int, int, int, float]]:
    """Kaplan-Meier by hand: (time, at risk, happened, seen no longer, share left) for each time in `ends`."""
    out, left, share = [], len(ends), 1.0
    for time in sorted({time for time, _ in ends}):
        happened = sum(1 for end, event in ends if end == time and event)
        censored = sum(1 for end, event in ends if end == time and not event)
        share *= (left - happened) / left
        out.append((time, left, happened, censored, share))
        left -= happened + censored
    return out


def _reached(curve: list[tuple[int, int, int, int, float]], share: float) -> int | None:
    return next((time for time, _, _, _, left in curve if left <= share + 1e-12), None)


def _share(part: int | Decimal, whole: int | Decimal) -> float | None:
    return float(Fraction(part) / Fraction(whole)) if whole else None


def _month(at: int) -> date:
    return month_start(day_of(at))


def _months(first: date, last: date) -> list[date]:
    out = []
    while first <= last:
        out.append(first)
        first = shift_months(first, 1)
    return out


# --- leads ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Lead:
    """A person: the day we knew them first, and the day on which their company first paid, if it did."""

    created: date
    customer: date | None
    segments: Mapping[str, str]

    @property
    def days(self) -> int | None:
        """Days it took to convert; None for who has not, or came after their company paid."""
        return (self.customer - self.created).days if self.customer and self.customer >= self.created else None


def leads(story: Story, records: Records, known: set[str], now: int) -> list[Lead]:
    """The people of an account that the CRM or email marketing knows, by the records in `known`."""
    first: dict[str, int] = {}
    has_domain = not records.missing_domain or (records.domain_found or now) < now
    tied: set[str] = set()  # to the company, by the CRM or by a mailbox of the domain that it knows
    for _, kind, key, truth_id in records.people_truth:
        if kind in ("contact", "person") and key in known:
            first[truth_id] = min(records.known[key], first.get(truth_id, records.known[key]))
            if kind == "contact" or (has_domain and not _is_private(records, key)):
                tied.add(truth_id)
    paid = first_paid_day(records.sold, now) if story.company else None
    nobody = dict.fromkeys(LEAD_SEGMENTS, UNKNOWN)
    if story.company:
        own = {name: segment for name, segment in segments_of(story, records, now).items() if name in LEAD_SEGMENTS}
        return [Lead(day_of(at), paid, own if who in tied else nobody) for who, at in first.items() if at < now]
    alone = nobody | {"channel": first_channel(story, records)}
    return [Lead(day_of(at), None, alone) for at in first.values() if at < now]


def _is_private(records: Records, key: str) -> bool:
    """Whether a person of the email tool has a mailbox that says nothing of where they work."""
    email = next(each.email for each in records.recipients if each.id == key)
    return email.lower().partition("@")[2] in FREE_MAIL


def lead_rows(people: Sequence[Lead], now: int) -> list[Row]:
    """Tables `cohort` (month, window in days), `month` (period view) and `curve` (quarter or all, age in days).

    Each by `segment_type` and `segment`, of which the whole is `all`; quarters have the whole only.
    """
    today = day_of(now)
    groups: dict[tuple[str, str], list[Lead]] = defaultdict(list)
    for lead in people:
        for name, segment in (("all", "all"), *lead.segments.items()):
            groups[name, segment].append(lead)
    return [
        {"segment_type": name, "segment": segment} | row
        for (name, segment), own in sorted(groups.items())
        for row in (*_cohort_rows(own, today), *_period_rows(own), *_curve_rows(own, today, name == "all"))
    ]


def _cohort_rows(people: Sequence[Lead], today: date) -> list[Row]:
    rows = []
    for month in sorted({month_start(lead.created) for lead in people}):
        own = [lead for lead in people if month_start(lead.created) == month]
        for window in WINDOWS:
            converted = sum(1 for lead in own if lead.days is not None and lead.days <= window)
            mature = shift_months(month, 1) - timedelta(days=1) + timedelta(days=window) < today
            rows.append(
                {
                    "table": "cohort",
                    "month": month.isoformat(),
                    "within_days": window,
                    "leads": len(own),
                    "at_customers": sum(1 for lead in own if lead.customer and lead.customer < lead.created),
                    "converted": converted,
                    "rate": converted / len(own) if mature else None,
                }
            )
    return rows


def _period_rows(people: Sequence[Lead]) -> list[Row]:
    came, converted = defaultdict(int), defaultdict(int)
    for lead in people:
        came[month_start(lead.created)] += 1
        if lead.days is not None and lead.customer:
            converted[month_start(lead.customer)] += 1
    return [
        {
            "table": "month",
            "month": month.isoformat(),
            "created": came[month],
            "converted": converted[month],
            "ratio": _share(converted[month], came[month]),
        }
        for month in sorted({*came, *converted})
    ]


def _curve_rows(people: Sequence[Lead], today: date, has_quarters: bool) -> list[Row]:
    groups: dict[str, list[tuple[int, bool]]] = defaultdict(list)
    for lead in people:
        converted = lead.days is not None and lead.days <= CURVE_END
        seen = lead.days if lead.days is not None else (today - lead.created).days
        quarter = lead.created.replace(month=(lead.created.month - 1) // 3 * 3 + 1, day=1)
        for group in ("all", quarter.isoformat()) if has_quarters else ("all",):
            groups[group].append((min(seen, CURVE_END), converted))
    return [
        {
            "table": "curve",
            "cohort": group,
            "age_days": age,
            "at_risk": at_risk,
            "converted": happened,
            "censored": censored,
            "share": 1 - left,
        }
        for group, ends in sorted(groups.items())
        for age, at_risk, happened, censored, left in survival(ends)
    ]


# --- deals ------------------------------------------------------------------------------------------------------------


class Deal:
    """A deal as it is known at `now`, in US dollars."""

    def __init__(self, fact: Dealt, rates: Rates, now: int) -> None:
        self.created = fact.created
        self.stages = [pair for pair in fact.stages if pair[0] < now]
        self.close_dates = [pair for pair in fact.close_dates if pair[0] < now]
        rate = rates.on(fact.currency, day_of(fact.created))
        self.amounts = [(at, _dollars(amount, rate)) for at, amount in fact.amounts if at < now]
        last_at, last = self.stages[-1]
        self.won, self.lost = last == "closedwon", last == "closedlost"
        self.closed = last_at if self.won or self.lost else None
        self.amount = self.amounts[-1][1]
        self.days = (day_of(last_at) - day_of(fact.created)).days

    def is_open(self, before: int) -> bool:
        """Whether it was open just before an instant."""
        stage = _value(self.stages, before)
        return stage is not None and stage in OPEN_STAGES

    def worth(self, before: int) -> Decimal:
        """Its amount just before an instant."""
        return _value(self.amounts, before) or Decimal(0)

    def due(self, before: int) -> date | None:
        """Its expected close date just before an instant."""
        at = _value(self.close_dates, before)
        return day_of(at) if at is not None else None


def _dollars(amount: int, rate: Decimal) -> Decimal:
    exact = (Decimal(amount) * rate).quantize(Decimal("0.0001"), ROUND_HALF_UP)
    return exact.quantize(CENT, ROUND_HALF_UP)


def _value(course: Sequence[tuple[int, Any]], before: int) -> Any:
    """The last value that began before an instant."""
    position = bisect_left([at for at, _ in course], before)
    return course[position - 1][1] if position else None


def deal_channel(story: Story, records: Records) -> str:
    """What the CRM writes on the account's deals; of what was typed in by hand it says where the account came from."""
    return first_channel(story, records) if story.channel.hubspot_source == "OFFLINE" else story.channel.name


def deal_rows(facts: Sequence[tuple[str, Dealt]], rates: Rates, goals: Mapping[date, Decimal], now: int) -> list[Row]:
    """Tables `month` (pipeline, win rate, cycle and velocity by month of close, and by channel), `created` (win rate by
    month of creation), `coverage`, `stage` (month of entry) and `velocity` (time in stage over all months), of deals
    with their channels."""
    groups: dict[str, list[Deal]] = defaultdict(list)
    for channel, fact in facts:
        if fact.created < now:
            groups[channel].append(Deal(fact, rates, now))
    deals = [deal for own in groups.values() for deal in own]
    if not deals:
        return []
    rows: list[Row] = []
    for name, segment, own in (("all", "all", deals), *(("channel", *group) for group in sorted(groups.items()))):
        for month in _months(min(_month(deal.created) for deal in own), _month(now)):
            rows.append({"segment_type": name, "segment": segment} | _deal_month(own, month, now))
    rows += [
        _created_month(deals, month) for month in _months(min(_month(deal.created) for deal in deals), _month(now))
    ]
    for goal_month, goal in sorted(goals.items()):
        rows += _coverage(deals, goal_month, goal, now)
    return rows + _stage_rows(deals, now)


def _deal_month(deals: Sequence[Deal], month: date, now: int) -> Row:
    start, end = instant(month), min(instant(shift_months(month, 1)), now)
    created = [deal for deal in deals if start <= deal.created < end]
    closed = [deal for deal in deals if deal.closed is not None and start <= deal.closed < end]
    won, lost = [deal for deal in closed if deal.won], [deal for deal in closed if deal.lost]
    value, lost_value = sum((d.amount for d in won), Decimal(0)), sum((d.amount for d in lost), Decimal(0))
    days = sum(deal.days for deal in won)
    standing = [deal for deal in deals if deal.is_open(end)]
    changed, moved = Decimal(0), 0
    for deal in deals:
        for (_, old), (at, new) in zip(deal.amounts, deal.amounts[1:], strict=False):
            changed += new - old if start <= at < end else 0
        for (_, before), (at, after) in zip(deal.close_dates, deal.close_dates[1:], strict=False):
            moved += start <= at < end and deal.is_open(at + 1) and _month(before) != _month(after)
    velocity = None
    if days:
        # deals a month x value of a won deal x win rate / days of a won deal
        exact = len(closed) * (Fraction(value) / len(won)) * Fraction(len(won), len(closed)) / Fraction(days, len(won))
        velocity = str(Decimal(half_up(exact * 100)) / 100)
    return {
        "table": "month",
        "month": month.isoformat(),
        "created": len(created),
        "won": len(won),
        "lost": len(lost),
        "open": len(standing),
        "moved": moved,
        "created_amount": str(sum((deal.worth(deal.created + 1) for deal in created), Decimal(0))),
        "won_amount": str(value),
        "lost_amount": str(lost_value),
        "changed_amount": str(changed),
        "open_amount": str(sum((deal.worth(end) for deal in standing), Decimal(0))),
        "win_rate": _share(len(won), len(closed)),
        "win_rate_value": _share(value, value + lost_value),
        "median_days_won": percentile(Fraction(1, 2), (deal.days for deal in won)),
        "p90_days_won": percentile(Fraction(9, 10), (deal.days for deal in won)),
        "median_days_lost": percentile(Fraction(1, 2), (deal.days for deal in lost)),
        "p90_days_lost": percentile(Fraction(9, 10), (deal.days for deal in lost)),
        "velocity_per_day": velocity,
    }


def _created_month(deals: Sequence[Deal], month: date) -> Row:
    own = [deal for deal in deals if _month(deal.created) == month]
    won, lost = sum(deal.won for deal in own), sum(deal.lost for deal in own)
    return {
        "table": "created",
        "month": month.isoformat(),
        "won": won,
        "lost": lost,
        "open": len(own) - won - lost,
        "win_rate": _share(won, won + lost),
    }


def _coverage(deals: Sequence[Deal], month: date, goal: Decimal, now: int) -> list[Row]:
    end = shift_months(month, 1)
    looks = [("start", instant(month))] if month <= day_of(now) else []
    looks += [("now", now)] if end > day_of(now) else []
    rows = []
    for name, at in looks:
        won = sum(
            (deal.amount for deal in deals if deal.won and deal.closed and instant(month) <= deal.closed < at),
            Decimal(0),
        )
        due = [deal.worth(at) for deal in deals if deal.is_open(at) and month <= (deal.due(at) or date.min) < end]
        rows.append(
            {
                "table": "coverage",
                "month": month.isoformat(),
                "measured": name,
                "open": len(due),
                "open_amount": str(sum(due, Decimal(0))),
                "won_amount": str(won),
                "coverage": _share(sum(due, Decimal(0)), goal - won) if goal > won else None,
            }
        )
    return rows


def _stage_rows(deals: Sequence[Deal], now: int) -> list[Row]:
    counts: dict[tuple[str, date, bool], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    stays: dict[tuple[str, bool], list[tuple[int, bool]]] = defaultdict(list)
    for deal in deals:
        furthest, seen = -1, set[str]()
        for number, (at, stage) in enumerate(deal.stages):
            after = deal.stages[number + 1] if number + 1 < len(deal.stages) else None
            place = (
                len(OPEN_STAGES) if stage == "closedwon" else -1 if stage == "closedlost" else OPEN_STAGES.index(stage)
            )
            for passed in OPEN_STAGES[furthest + 1 : max(place, 0)]:
                counts[passed, _month(at), False]["skipped"] += 1
                seen.add(passed)
            furthest = max(furthest, place)
            if stage not in OPEN_STAGES:
                continue
            again = stage in seen
            seen.add(stage)
            count = counts[stage, _month(at), again]
            count["entered"] += 1
            count[_outcome(stage, after[1] if after else None)] += 1
            stays[stage, again].append((((after[0] if after else now) - at) // HOUR, after is not None))
    rows: list[Row] = [
        {
            "table": "stage",
            "stage": LABELS[stage],
            "month": month.isoformat(),
            "again": again,
            **{name: count[name] for name in ("entered", "skipped", "forward", "regressed", "left", "still_open")},
            "rate": _share(count["forward"] + count["skipped"], count["entered"] + count["skipped"]),
        }
        for (stage, month, again), count in sorted(counts.items())
    ]
    for (stage, again), ends in sorted(stays.items()):
        curve = survival(ends)
        rows.append(
            {
                "table": "velocity",
                "stage": LABELS[stage],
                "again": again,
                "stays": len(ends),
                "still_open": sum(not ended for _, ended in ends),
                "median_hours": _reached(curve, 0.5),
                "p90_hours": _reached(curve, 0.1),
            }
        )
    return rows


def _outcome(stage: str, after: str | None) -> str:
    if after is None:
        return "still_open"
    if after == "closedlost":
        return "left"
    further = after == "closedwon" or OPEN_STAGES.index(after) > OPEN_STAGES.index(stage)
    return "forward" if further else "regressed"


# --- hand-offs --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Handoff:
    """A lead given to an owner: minutes until somebody reached out, or until we last looked."""

    month: date
    owner: str
    minutes: int
    business_minutes: int
    is_answered: bool


def handoff_rows(members: Iterable[Records], now: int) -> list[Row]:
    """Tables `month` and `owner` (month and owner)."""
    groups: dict[tuple[str, date, str], list[Handoff]] = defaultdict(list)
    for records in members:
        for handoff in _handoffs(records, now):
            groups["month", handoff.month, ""].append(handoff)
            groups["owner", handoff.month, handoff.owner].append(handoff)
    return [
        {"table": table, "month": month.isoformat(), "owner": owner, **_waits(own)}
        for (table, month, owner), own in sorted(groups.items())
    ]


def _handoffs(records: Records, now: int) -> list[Handoff]:
    given = [each for each in records.assigned if each.at < now]
    touches = sorted(
        touch.at
        for touch in records.reached
        if touch.known < now and touch.at <= now and (touch.undone is None or touch.undone >= now)
    )
    out = []
    for number, each in enumerate(given):
        until = given[number + 1].at if number + 1 < len(given) else now
        answer = next((at for at in touches if each.at <= at < until), None)
        end = until if answer is None else answer
        out.append(
            Handoff(
                _month(each.at),
                each.owner.id,
                (end - each.at) // MINUTE,
                business_minutes(each.at, end),
                answer is not None,
            )
        )
    return out


def business_minutes(start: int, end: int) -> int:
    """Minutes of 8 to 18 o'clock, Monday to Friday, that the clock showed between two instants."""
    start, end = start // MINUTE, end // MINUTE
    total, day = 0, start // (24 * 60)
    while day * 24 * 60 < end:
        if day_of(day * DAY).weekday() < 5:
            opens, closes = day * 24 * 60 + 8 * 60, day * 24 * 60 + 18 * 60
            total += max(0, min(end, closes) - max(start, opens))
        day += 1
    return total


def _waits(own: Sequence[Handoff]) -> Row:
    answered = [each for each in own if each.is_answered]
    in_time = sum(each.minutes <= SLA_MINUTES for each in answered)
    in_working_time = sum(each.business_minutes <= SLA_BUSINESS_MINUTES for each in answered)
    return {
        "assignments": len(own),
        "answered": len(answered),
        "within_sla": in_time,
        "within_business_sla": in_working_time,
        "within_sla_share": in_time / len(own),
        "unanswered_share": (len(own) - len(answered)) / len(own),
        "median_minutes": percentile(Fraction(1, 2), (each.minutes for each in answered)),
        "p90_minutes": percentile(Fraction(9, 10), (each.minutes for each in answered)),
        "median_business_minutes": percentile(Fraction(1, 2), (each.business_minutes for each in answered)),
        "p90_business_minutes": percentile(Fraction(9, 10), (each.business_minutes for each in answered)),
    }
