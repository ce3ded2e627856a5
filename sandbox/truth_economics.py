"""The truth about unit economics: what accounts, costs and deals come to, by month, segment, plan and cohort.

Money is text in US dollars: whole cents for the company, four decimals where parts have to sum. Ratios are numbers,
None where there is nothing to divide by.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from statistics import median_low
from typing import Any

from sandbox.clock import day_of, month_start, shift_months
from sandbox.rates import Rates
from sandbox.story import Story
from sandbox.truth import TEN_THOUSANDTHS, convert, months_from
from sandbox.truth_accounts import PART, ZERO, Account, Month, shared

Row = dict[str, Any]

CENT = Decimal("0.01")
MOVEMENTS = ("new", "expansion", "contraction", "churn", "reactivation", "fx")
DELIVERY = ("hosting", "support", "third_party", "customer_success")
PEOPLE_AND_TOOLS = ("sales_people", "marketing_people", "sales_tools", "marketing_tools")
HORIZON_MONTHS = 60
DISCOUNT_A_YEAR = 0.10
FEW_CUSTOMERS = 5


@dataclass(slots=True)
class Spent:
    """What a month cost; `known` when the books have any cost of it."""

    known: bool = False
    delivery: Decimal = ZERO
    programmes: Decimal = ZERO
    people_and_tools: Decimal = ZERO
    other: Decimal = ZERO
    ads: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))

    @property
    def ad_spend(self) -> Decimal:
        """Advertising on all channels."""
        return sum(self.ads.values(), ZERO)

    @property
    def unallocated(self) -> Decimal:
        """Sales and marketing that serves all channels."""
        return self.programmes + self.people_and_tools


def spent(
    costs: Iterable[tuple[Any, ...]], ad_spend: Iterable[tuple[Any, ...]], rates: Rates, now: int
) -> dict[date, Spent]:
    """The ledger's rows by month, each at the exchange rate of its day, a cost of a month at that of its last."""
    today = day_of(now)
    out: dict[date, Spent] = defaultdict(Spent)
    for month, category, _, amount, currency in costs:
        ends = min(today, shift_months(month, 1) - timedelta(days=1))
        worth, bill = convert(Decimal(amount), rates.on(currency, ends)), out[month]
        bill.known = True
        if category in DELIVERY:
            bill.delivery += worth
        elif category == "programmes":
            bill.programmes += worth
        elif category in PEOPLE_AND_TOOLS:
            bill.people_and_tools += worth
        else:
            bill.other += worth
    for day, channel, _, amount, currency, _, _ in ad_spend:
        out[month_start(day)].ads[channel] += convert(Decimal(amount), rates.on(currency, day))
    return out


def sales_cycle(stories: Iterable[Story], now: int) -> int | None:
    """The median days from creating a deal to winning it, in whole months."""
    days = [
        (day_of(deal.closed) - day_of(deal.created)).days
        for story in stories
        for deal in story.deals
        if deal.won and deal.closed < now
    ]
    return round(median_low(days) * 12 / 365) if days else None


# --- the company ----------------------------------------------------------------------------------------------------


def economics(
    accounts: Sequence[Account], bills: Mapping[date, Spent], lag: int | None, first: date, now: int
) -> list[Row]:
    """The company's month in one row each."""
    months = months_from(first, day_of(now))
    survival = Survival([stay for account in accounts for stay in stays_of(account, months)])
    rows: list[Row] = []
    for number, month in enumerate(months):
        own = [(account, account.months[number]) for account in accounts]
        rows.append(_company(month, own, bills.get(month, Spent())))
        _ratios(rows, number, bills, lag, survival)
    return [{name: _shown(value) for name, value in row.items()} for row in rows]


def _company(month: date, own: Sequence[tuple[Account, Month]], bill: Spent) -> Row:
    row: Row = {"month": month.isoformat()}
    row |= _customers(entry for _, entry in own)
    exact = [sum((entry.opening for _, entry in own), ZERO)]
    for name in MOVEMENTS:
        exact.append(exact[-1] + sum((entry.moves.get(name, ZERO) for _, entry in own), ZERO))
    steps = [_cents(total) for total in exact]
    row |= {f"mrr_{name}": after - before for name, before, after in zip(MOVEMENTS, steps, steps[1:], strict=False)}
    row |= {"mrr_start": steps[0], "mrr_end": steps[-1], "arr": 12 * steps[-1]}
    there = [entry for _, entry in own if entry.opening]
    kept = sum((min(entry.opening, entry.constant) for entry in there), ZERO)
    grown = sum((entry.constant for entry in there), ZERO)
    row |= {"mrr_kept": _cents(kept), "mrr_kept_and_grown": _cents(grown)}
    row |= {"gross_revenue_retention": _ratio(kept, exact[0]), "net_revenue_retention": _ratio(grown, exact[0])}
    row["recognised_revenue"] = _cents(sum((entry.revenue for _, entry in own), ZERO))
    fees = sum(sum(entry.fees.values()) for _, entry in own) * PART
    known = bill.known
    row["payment_fees"] = _cents(fees)
    row["cost_of_revenue"] = _cents(fees + bill.delivery) if known else None
    row["ad_spend"] = _cents(bill.ad_spend) if known or bill.ads else None
    row["blended_cost"] = _cents(bill.ad_spend + bill.programmes) if known else None
    row["sales_marketing_cost"] = _cents(bill.ad_spend + bill.unallocated) if known else None
    row["operating_cost"] = _cents(bill.other) if known else None
    return row


def _ratios(rows: list[Row], number: int, bills: Mapping[date, Spent], lag: int | None, survival: Survival) -> None:
    row = rows[number]
    start, new, end = row["customers_start"], row["customers_new"], row["customers_end"]
    lost = -(row["mrr_contraction"] + row["mrr_churn"])
    row["customer_churn_rate"] = _ratio(row["customers_churned"], start)
    row["customer_churn_rate_with_new"] = _ratio(row["customers_churned"], start + new)
    row["gross_revenue_churn_rate"] = _ratio(lost, row["mrr_start"])
    row["net_revenue_churn_rate"] = _ratio(lost - row["mrr_expansion"] - row["mrr_reactivation"], row["mrr_start"])
    row["quick_ratio"] = _ratio(row["mrr_new"] + row["mrr_expansion"] + row["mrr_reactivation"], lost)
    row["arpa"] = _each(row["mrr_end"], end)
    row["revenue_per_customer"] = _each(row["recognised_revenue"], end)
    margin = None if row["cost_of_revenue"] is None else row["recognised_revenue"] - row["cost_of_revenue"]
    row["gross_margin_amount"] = margin
    row["gross_margin"] = _ratio(margin, row["recognised_revenue"]) if row["recognised_revenue"] > 0 else None
    row["profit"] = None if margin is None else margin - row["sales_marketing_cost"] - row["operating_cost"]
    row["cac_paid"] = _each(row["ad_spend"], new)
    row["cac_blended"] = _each(row["blended_cost"], new)
    row["cac_fully_loaded"] = _each(row["sales_marketing_cost"], new)
    earlier = rows[number - lag] if lag is not None and number >= lag else None
    row["cac_lagged"] = _each(earlier["sales_marketing_cost"], new) if earlier else None
    row["mrr_per_new_customer"] = _each(row["mrr_new"], new)
    if row["gross_margin"] and row["gross_margin"] > 0 and row["cac_fully_loaded"] is not None:
        gained = float(row["mrr_per_new_customer"]) * row["gross_margin"]
        row["cac_payback_months"] = float(row["cac_fully_loaded"]) / gained if gained else None
    else:
        row["cac_payback_months"] = None
    quarter = [rows[place]["sales_marketing_cost"] for place in range(max(number - 5, 0), max(number - 2, 0))]
    spend = sum(quarter, ZERO) if len(quarter) == 3 and None not in quarter else None
    growth = (row["mrr_end"] - rows[number - 3]["mrr_end"]) * 12 if number >= 3 else None
    row["magic_number"] = _ratio(growth, spend)
    _lifetime(rows, number, survival)


def _lifetime(rows: list[Row], number: int, survival: Survival) -> None:
    row = rows[number]
    recent = [past for past in rows[max(number - 2, 0) : number + 1] if past["gross_margin_amount"] is not None]
    margin = _ratio(
        sum((past["gross_margin_amount"] for past in recent), ZERO),
        sum((past["recognised_revenue"] for past in recent), ZERO),
    )
    seen, beyond, left = survival.lifetime(number) or (None, None, 0)
    row["clv_lifetime_months"] = None if seen is None or beyond is None else seen + beyond
    row["clv_extrapolated_share"] = _ratio(beyond, row["clv_lifetime_months"])
    row["clv"] = row["clv_simple"] = row["ltv_to_cac"] = None
    if margin is None or not row["customers_end"]:
        return
    worth = float(row["arpa"]) * margin
    if row["customer_churn_rate"]:
        row["clv_simple"] = _cents(Decimal(str(round(worth / row["customer_churn_rate"], 9))))
    if row["clv_lifetime_months"] is not None and left:
        row["clv"] = _cents(Decimal(str(round(worth * row["clv_lifetime_months"], 9))))
        if row["customers_new"] >= FEW_CUSTOMERS:
            row["ltv_to_cac"] = _ratio(row["clv"], row["cac_fully_loaded"])


def stays_of(account: Account, months: Sequence[date]) -> list[tuple[int, int | None]]:
    """The stays of an account as a customer: month begun and months it lasted or None, counted from the first month."""
    stays: list[tuple[int, int | None]] = []
    for number, month in enumerate(months):
        for kind in account.turns.get(month, ()):
            if kind == "churn":
                begun, _ = stays.pop()
                stays.append((begun, number - begun))
            else:
                stays.append((number, None))
    return stays


class Survival:
    """How long customers stay, by what each month knew (Kaplan and Meier): a stay that goes on is censored."""

    def __init__(self, stays: Sequence[tuple[int, int | None]]) -> None:
        self.stays = stays

    def _known(self, number: int) -> list[tuple[int, int]]:
        """By tenure: the stays that reached it by the month and had not ended before, and those that ended in it."""
        known = [[0, 0] for _ in range(HORIZON_MONTHS)]
        for begun, lasted in self.stays:
            reached = min(number - begun, HORIZON_MONTHS - 1)
            for tenure in range(reached + 1 if lasted is None else min(reached, lasted) + 1):
                known[tenure][0] += 1
                known[tenure][1] += tenure == lasted
        return [(at_risk, lost) for at_risk, lost in known]

    def lifetime(self, number: int) -> tuple[float, float, int] | None:
        """Discounted months that a customer stays, within the tenures that were seen and beyond at the average pace.

        The third figure is how many had left.
        """
        a_month = (1 + DISCOUNT_A_YEAR) ** (-1 / 12)
        alive, seen, last, exposed, left = 1.0, 0.0, None, 0, 0
        for tenure, (at_risk, lost) in enumerate(self._known(number)):
            if not at_risk:
                continue
            alive *= 1 - lost / at_risk
            seen += alive * a_month**tenure
            last, exposed, left = tenure, exposed + at_risk, left + lost
        if last is None:
            return None
        pace = (1 - left / exposed) * a_month
        beyond = sum(alive * a_month**last * pace**step for step in range(1, HORIZON_MONTHS - last))
        return seen, beyond, left


# --- segments -------------------------------------------------------------------------------------------------------


def segments(accounts: Sequence[Account], bills: Mapping[date, Spent], first: date, now: int) -> list[Row]:
    """Customers, MRR, revenue and advertising by month and segment, exact; rows with nothing in them are left out."""
    rows: dict[tuple[date, str, str], dict[str, Any]] = defaultdict(lambda: defaultdict(lambda: ZERO))
    for account in accounts:
        for entry in account.months:
            for kind, segment in account.segments.items():
                _enter(rows[entry.month, kind, segment], entry, "stayed")
            moved = bool(entry.opening) and entry.plan_open != entry.plan
            _enter(rows[entry.month, "plan", entry.plan], entry, "came" if moved else "stayed")
            if moved:
                _enter(rows[entry.month, "plan", entry.plan_open], entry, "went")
    for month in months_from(first, day_of(now)):
        bill = bills.get(month, Spent())
        for channel, amount in bill.ads.items():
            rows[month, "channel", channel]["ad_spend"] += amount
            rows[month, "channel", channel]["sales_marketing_cost"] += amount if bill.known else ZERO
        rows[month, "channel", "unallocated"]["sales_marketing_cost"] += bill.unallocated
    return [
        {"month": month.isoformat(), "segment_type": kind, "segment": segment}
        | {name: _exact(value) for name, value in row.items() if value}
        for (month, kind, segment), row in sorted(rows.items())
        if any(row.values())
    ]


def _enter(row: dict[str, Any], entry: Month, side: str) -> None:
    """Add an account's month to a segment that it stayed in, came to or went away from."""
    if side != "came":
        row["customers_start"] += int(bool(entry.opening))
        row["mrr_start"] += entry.opening
        row["mrr_kept"] += min(entry.opening, entry.constant)
        row["mrr_kept_and_grown"] += entry.constant if entry.opening else ZERO
    if side == "went":
        row["customers_moved_out"] += 1
        row["mrr_moved_out"] -= entry.opening
        return
    if side == "came":
        row["customers_moved_in"] += 1
        row["mrr_moved_in"] += entry.opening
    for name, count in _customers([entry]).items():
        if name != "customers_start":
            row[name] += count
    for name in MOVEMENTS:
        row[f"mrr_{name}"] += entry.moves.get(name, ZERO)
    row["mrr_end"] += entry.closing
    row["recognised_revenue"] += entry.revenue
    row["payment_fees"] += sum(entry.fees.values()) * PART


def _customers(entries: Iterable[Month]) -> dict[str, int]:
    counts = dict.fromkeys(
        ("customers_start", "customers_new", "customers_reactivated", "customers_churned", "customers_end"), 0
    )
    for entry in entries:
        counts["customers_start"] += bool(entry.opening)
        counts["customers_new"] += bool(entry.moves.get("new"))
        counts["customers_reactivated"] += bool(entry.moves.get("reactivation"))
        counts["customers_churned"] += bool(entry.moves.get("churn"))
        counts["customers_end"] += bool(entry.closing)
    return counts


# --- plans ----------------------------------------------------------------------------------------------------------


def plans(accounts: Sequence[Account], bills: Mapping[date, Spent], first: date, now: int) -> list[Row]:
    """MRR with its movements, revenue, fees and shared costs by month and product."""
    rows: dict[tuple[date, str], dict[str, Any]] = defaultdict(lambda: defaultdict(lambda: ZERO))
    for number, month in enumerate(months_from(first, day_of(now))):
        weights: dict[str, int] = defaultdict(int)
        for entry in (account.months[number] for account in accounts):
            for plan, part in entry.plans.items():
                row = rows[month, plan]
                for name, value in part.moves.items():
                    row[f"mrr_{name}"] += value
                row["mrr_transfer_in"] += part.transfer_in
                row["mrr_transfer_out"] += part.transfer_out
                row["mrr_closing"] += part.closing
            for plan, value in entry.earned.items():
                rows[month, plan]["recognised_revenue"] += value * PART
                weights[plan] += max(value, 0)
            for plan, value in entry.fees.items():
                rows[month, plan]["payment_fees"] += value * PART
        bill = bills.get(month, Spent())
        if bill.known:
            for plan, value in shared(int(bill.delivery * TEN_THOUSANDTHS), weights).items():
                rows[month, plan]["shared_cost"] += value * PART
    return [
        {"month": month.isoformat(), "plan": plan} | {name: _exact(value) for name, value in row.items() if value}
        for (month, plan), row in sorted(rows.items())
        if any(row.values())
    ]


def margins(accounts: Sequence[Account], bills: Mapping[date, Spent], first: date, now: int) -> list[Row]:
    """Revenue, payment fees and share of the costs that all share, by month and account."""
    out: list[Row] = []
    for number, month in enumerate(months_from(first, day_of(now))):
        bill = bills.get(month, Spent())
        own = [(account.truth_id, account.months[number]) for account in accounts]
        weights = {name: sum(max(part, 0) for part in entry.earned.values()) for name, entry in own}
        whole = sum(weights.values())
        for name, entry in own:
            row = {"recognised_revenue": entry.revenue, "payment_fees": sum(entry.fees.values()) * PART}
            if bill.known and whole:
                row["shared_cost"] = (bill.delivery * weights[name] / whole).quantize(PART)
            if any(row.values()):
                out.append(
                    {"month": month.isoformat(), "truth_id": name} | {key: _exact(value) for key, value in row.items()}
                )
    return out


# --- cohorts --------------------------------------------------------------------------------------------------------


def cohorts(accounts: Sequence[Account]) -> list[Row]:
    """What became of the accounts that became customers in the same month, by age in months and segment."""
    rows: dict[tuple[date, int, str, str], dict[str, Any]] = defaultdict(lambda: defaultdict(lambda: ZERO))
    for account in accounts:
        if account.became_customer is None:
            continue
        cohort = month_start(account.became_customer)
        plan = next(entry.plan for entry in account.months if entry.month == cohort)
        for age, (month, worth) in enumerate(account.at_first_rates.items()):
            for kind, segment in (("all", "all"), ("plan", plan), *account.segments.items()):
                row = rows[cohort, age, kind, segment]
                row["n"] += 1
                row["accounts_active"] += int(worth > 0)
                row["accounts_never_left"] += int(account.left_first is None or account.left_first > month)
                row["mrr_start"] += account.first_mrr
                row["mrr_end"] += worth
                row["mrr_kept"] += min(worth, account.first_mrr)
    return [
        {"cohort_month": cohort.isoformat(), "age_months": age, "segment_type": kind, "segment": segment}
        | {name: _exact(value) for name, value in row.items()}
        for (cohort, age, kind, segment), row in sorted(rows.items())
    ]


# --- arithmetic -----------------------------------------------------------------------------------------------------


def _cents(amount: Decimal) -> Decimal:
    return amount.quantize(CENT, ROUND_HALF_UP)


def _each(amount: Decimal | None, count: int) -> Decimal | None:
    return None if amount is None or not count else _cents(amount / count)


def _ratio(numerator: Any, denominator: Any) -> float | None:
    return None if numerator is None or not denominator else float(numerator) / float(denominator)


def _shown(value: Any) -> Any:
    return str(_cents(value)) if isinstance(value, Decimal) else value


def _exact(value: Any) -> Any:
    return f"{value:.4f}" if isinstance(value, Decimal) and value != value.to_integral_value() else str(value)
