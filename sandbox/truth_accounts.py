"""What each paying account did month by month: its MRR and its movements, its plans, what it earned and what it cost.

Everything is worked out account by account and day by day from the facts, in US dollars.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

from sandbox.catalog import EXPONENT
from sandbox.clock import day_of, month_start, shift_months
from sandbox.facts import UNKNOWN, Billed, Charged, Fact
from sandbox.rates import Rates
from sandbox.records import Records, account_truth
from sandbox.story import Story
from sandbox.truth import TEN_THOUSANDTHS, account_days, by_currency, convert, earned, months_from

ZERO = Decimal(0)
PART = Decimal("0.0001")
# The least that counts as knowing where an account came from.
VAGUE = ("direct",)
SIZES = ((10, "1-10"), (50, "11-50"), (200, "51-200"), (500, "201-500"), (1000, "501-1000"), (5000, "1001-5000"))
State = Mapping[tuple[str, str], Decimal]


@dataclass(slots=True)
class PlanMonth:
    """What a month did to an account's MRR in one plan."""

    moves: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    transfer_in: Decimal = ZERO
    transfer_out: Decimal = ZERO
    closing: Decimal = ZERO


@dataclass(slots=True)
class Month:
    """One account's month. `constant` is the closing MRR at the opening rate; `plan` the main plan (see `segments`)."""

    month: date
    opening: Decimal
    closing: Decimal
    constant: Decimal
    moves: dict[str, Decimal]
    plan_open: str
    plan: str
    plans: dict[str, PlanMonth]
    earned: dict[str, int]  # by plan, ten-thousandths
    fees: dict[str, int]

    @property
    def revenue(self) -> Decimal:
        """Recognised revenue of all plans."""
        return sum(self.earned.values()) * PART


@dataclass(slots=True)
class Account:
    """An account that was ever billed: where it belongs, and its months from the company's first one on."""

    truth_id: str
    segments: dict[str, str]
    months: list[Month]
    became_customer: date | None
    left_first: date | None
    first_mrr: Decimal
    # MRR at the end of each month at the exchange rates of the day before the first month as a customer
    at_first_rates: dict[date, Decimal]
    # by month, in order: new, churn, reactivation
    turns: dict[date, list[str]] = field(default_factory=lambda: defaultdict(list))


def accounts(
    payers: Iterable[tuple[Story, Records, Sequence[Fact]]], rates: Rates, first: date, now: int
) -> list[Account]:
    """All accounts with something to bill, as of `now`."""
    return [_account(story, records, facts, rates, first, now) for story, records, facts in payers]


def first_channel(story: Story, records: Records) -> str:
    """The first channel that can be known to have brought whoever filled in the form."""
    # visits before the form are anybody's unless the email tool knows who filled it in; the CRM keeps the last one
    tied = any(recipient.number == 0 for recipient in records.recipients)
    touches = story.touches if tied else story.touches[-1:]
    return next((touch.channel.name for touch in touches if touch.channel.name not in VAGUE), VAGUE[0])


def segments_of(story: Story, records: Records, now: int) -> dict[str, str]:
    """The channel that brought the account; size, country and owner as the CRM was told."""
    size = next((band for most, band in SIZES if (records.employees or 0) <= most), "5001+")
    owner = None
    if story.owner and story.assigned_at and story.assigned_at < now:
        owner = story.owner
    if story.executive and story.deals and story.deals[0].created < now:
        owner = story.executive
    assert story.company is not None
    return {
        "channel": first_channel(story, records),
        "company_size": size if records.employees else UNKNOWN,
        "country": story.company.country,
        "owner": owner.id if owner else UNKNOWN,
    }


def _account(story: Story, records: Records, all_facts: Sequence[Fact], rates: Rates, first: date, now: int) -> Account:
    today = day_of(now)
    facts = [fact for fact in all_facts if fact.known < now]
    course = account_days(facts, today)
    revenue, fees = _earned(facts, rates, now), _fees(facts, rates)
    plans = _main_plans(course, rates, first, today)
    began = next((day for day, state in course if state), None)
    account = Account(account_truth(story), segments_of(story, records, now), [], began, None, ZERO, {})
    state: State = {}
    paid_before, position = False, 0
    for month in months_from(first, today):
        opening_state, closes = state, min(today, shift_months(month, 1) - timedelta(days=1))
        before_month = month - timedelta(days=1)
        moves: dict[str, Decimal] = defaultdict(Decimal)
        split: dict[str, PlanMonth] = defaultdict(PlanMonth)
        while position < len(course) and course[position][0] <= closes:
            day, after = course[position]
            position += 1
            change = _worth(after, rates, before_month) - _worth(state, rates, before_month)
            name = _movement(state, after, change, paid_before)
            if name == "churn" and change and account.left_first is None:
                account.left_first = month
            if name in ("new", "churn", "reactivation") and change:
                account.turns[month].append(name)
            if day == began:
                account.first_mrr = change
            paid_before = paid_before or bool(after)
            if change:
                moves[name] += change
            _split(split, state, after, name, change, rates, before_month)
            state = after
        opening = _worth(opening_state, rates, before_month)
        closing, constant = _worth(state, rates, closes), _worth(state, rates, before_month)
        moves["fx"] = closing - constant
        for plan in {plan for plan, _ in [*opening_state, *state]}:
            part = split[plan]
            part.closing = _worth(_of(state, plan), rates, closes)
            part.moves["fx"] += part.closing - _worth(_of(state, plan), rates, before_month)
        plan_open = plans[shift_months(month, -1)] if opening else plans[month]
        plan = plan_open if opening and not closing else plans[month]
        account.months.append(
            Month(month, opening, closing, constant, moves, plan_open, plan, split, revenue[month], fees[month])
        )
        if began and month_start(began) <= month:
            account.at_first_rates[month] = _worth(state, rates, month_start(began) - timedelta(days=1))
    return account


def _worth(state: State, rates: Rates, day: date) -> Decimal:
    """A day's MRR at the exchange rates of `day`."""
    return sum((convert(amount, rates.on(currency, day)) for currency, amount in by_currency(state).items()), ZERO)


def _of(state: State, plan: str) -> State:
    return {key: amount for key, amount in state.items() if key[0] == plan}


def _movement(before: State, after: State, change: Decimal, paid_before: bool) -> str:
    if before and after:
        return "expansion" if change > 0 else "contraction"
    if after:
        return "reactivation" if paid_before else "new"
    return "churn"


def _split(
    months: dict[str, PlanMonth], before: State, after: State, name: str, change: Decimal, rates: Rates, day: date
) -> None:
    """What one plan loses and another gains at once was moved between them; only the rest is the movement."""
    changes = {
        plan: _worth(_of(after, plan), rates, day) - _worth(_of(before, plan), rates, day)
        for plan in {plan for plan, _ in [*before, *after]}
    }
    gained = sum((value for value in changes.values() if value > 0), ZERO)
    lost = -sum((value for value in changes.values() if value < 0), ZERO)
    moved = min(gained, lost)
    for plan, value in changes.items():
        if not value:
            continue
        share = (moved * abs(value) / (gained if value > 0 else lost)).quantize(PART)
        if value > 0:
            months[plan].transfer_in += share
            months[plan].moves[name] += value - share
        else:
            months[plan].transfer_out -= share
            months[plan].moves[name] += value + share


def _main_plans(course: Sequence[tuple[date, State]], rates: Rates, first: date, today: date) -> dict[date, str]:
    """The plan with the most MRR on each month's last day with any; it stays until there is MRR again."""
    known = [_largest(state, rates, month_start(day) - timedelta(days=1)) for day, state in course if state]
    last = known[0] if known else UNKNOWN
    out = {shift_months(month_start(first), -1): last}
    position, state, held = 0, dict[tuple[str, str], Decimal](), dict[tuple[str, str], Decimal]()
    for month in months_from(first, today):
        held = state
        while position < len(course) and month_start(course[position][0]) == month:
            state = dict(course[position][1])
            held = state or held
            position += 1
        if held:
            last = _largest(held, rates, month - timedelta(days=1))
        out[month] = last
    return out


def _largest(state: State, rates: Rates, day: date) -> str:
    worth = {plan: _worth(_of(state, plan), rates, day) for plan, _ in state}
    return min(worth, key=lambda plan: (-worth[plan], plan))


def _earned(facts: Iterable[Fact], rates: Rates, now: int) -> dict[date, dict[str, int]]:
    """Recognised revenue by month and plan in ten-thousandths."""
    out: dict[date, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for plan, month, part in earned(facts, rates, now):
        out[month][plan] += part
    return out


def _fees(facts: Sequence[Fact], rates: Rates) -> dict[date, dict[str, int]]:
    """Payment fees by month and plan in ten-thousandths: each over its invoice's plans by what they were billed."""
    billed: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for fact in facts:
        if isinstance(fact, Billed) and fact.net > 0:
            billed[fact.invoice][fact.plan] += fact.net
    out: dict[date, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for fact in facts:
        if isinstance(fact, Charged):
            day = day_of(fact.at)
            fee = convert(Decimal(fact.fee) / 10 ** EXPONENT[fact.currency], rates.on(fact.currency, day))
            for plan, part in shared(int(fee * TEN_THOUSANDTHS), billed[fact.invoice]).items():
                out[month_start(day)][plan] += part
    return out


def shared(amount: int, weights: Mapping[str, int]) -> dict[str, int]:
    """A whole amount by weights, in the order of names: each gets the running share less what the earlier ones got."""
    whole = sum(weights.values())
    if not whole:
        return {UNKNOWN: amount}
    out, upto, given = {}, 0, 0
    for name in sorted(weights):
        upto += weights[name]
        part = int(Fraction(amount * upto, whole))
        out[name], given = part - given, part
    return out
