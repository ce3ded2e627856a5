"""One company of all scenarios: its objects served over HTTP, refreshed night by night, its published marts read."""

from __future__ import annotations

import contextlib
import csv
import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from tests.end_to_end.company import Company
from tests.scenarios import invoices, prices, states, totals
from tests.scenarios.scenario import ALL, Figures
from tests.scenarios.stripe import Account, Stripe
from warehouse.demo import sandbox

# Importing them registers their scenarios.
CASES = (states, prices, invoices)

# The first night, the next one within the memory of Stripe's events, and one beyond it.
FIRST = date(2026, 6, 15)
NIGHTS = (FIRST, FIRST + timedelta(days=20), FIRST + timedelta(days=60))

# Dollars for one unit, on the first of each month.
RATES = {"EUR": "1.10", "JPY": "0.0067", "KWD": "3.25", "GBP": "1.25", "CHF": "1.00"}
# and what they are from a day on
CHANGED = {"GBP": (date(2026, 3, 31), "1.30"), "CHF": (date(2022, 10, 15), "0.95")}


@dataclass
class Night:
    """What the marts said after a night, by Stripe customer."""

    mrr: dict[str, dict[str, str]]
    usage: dict[str, dict[str, str]]
    periods: dict[str, list[tuple[date, date | None, Any]]]
    movements: dict[str, list[tuple[str, str, str]]]
    reasons: dict[str, list[str]]
    revenue: dict[str, dict[str, str]]
    cash: dict[str, dict[str, str]]
    published: Path

    def figures(self, customer: str, wanted: Figures) -> Figures:
        """What the marts said, as far as it is asked for."""
        return Figures(
            mrr=_picked(self.mrr[customer], wanted.mrr),
            usage=_picked(self.usage[customer], wanted.usage),
            on=None if wanted.on is None else {day: self.mrr_on(customer, day) for day in wanted.on},
            movements=None if wanted.movements is None else self.movements[customer],
            why=None if wanted.why is None else self.reasons[customer],
            revenue=None if wanted.revenue is None else self.revenue[customer],
            cash=None if wanted.cash is None else self.cash[customer],
        )

    def mrr_on(self, customer: str, day: str) -> str:
        """MRR in the account's own currency at the end of a day."""
        at = date.fromisoformat(day)
        held = (mrr for start, end, mrr in self.periods[customer] if start <= at and (end is None or at < end))
        return f"{sum(held):.2f}"


@dataclass
class Scenarios:
    """All scenarios of a company: what is expected of each by night, and what came out."""

    company: Company
    stripe: Stripe
    steps: dict[str, Iterator[Figures]]
    expected: dict[str, list[Figures]]
    nights: list[Night] = field(default_factory=list)

    def wanted(self, name: str, night: int) -> Figures:
        """What a scenario expects of a night: what it said for it, or last before it."""
        figures = self.expected[name]
        return figures[min(night, len(figures) - 1)]

    def live_on(self) -> None:
        """Time moves to the next night: objects change as the scenarios say, and the marts are refreshed."""
        days = (NIGHTS[len(self.nights)] - NIGHTS[len(self.nights) - 1]).days
        self.stripe.changed.clear()
        self.stripe.deleted.clear()
        for name, steps in self.steps.items():
            self.stripe.instant = 0
            with contextlib.suppress(StopIteration):
                self.expected[name].append(next(steps))
        self.company.advance(days)
        _send(self.stripe, self.company)
        self.refresh()

    def refresh(self) -> None:
        """A night: refresh, and read what was published."""
        self.company.refresh()
        self.nights.append(read(self.company))


@contextlib.contextmanager
def living(folder: Path) -> Iterator[Scenarios]:
    """A company with the objects of all scenarios, after its first night."""
    stripe, steps = Stripe(), {}
    totals.make(stripe)
    for one in ALL:
        stripe.instant = 0
        steps[one.name] = one.case(Account(stripe, one.name, one.currency))
    expected = {name: [next(made)] for name, made in steps.items()}
    _write(stripe, folder / "scenario")
    with sandbox(folder / "data", date=FIRST.isoformat(), scenario=folder / "scenario") as running:
        lives = Scenarios(Company(folder / "data", running.environment), stripe, steps, expected)
        lives.refresh()
        yield lives


def _write(stripe: Stripe, folder: Path) -> None:
    for provider in ("stripe", "hubspot", "ledger"):
        (folder / provider).mkdir(parents=True)
    for stream, rows in stripe.objects.items():
        (folder / "stripe" / f"{stream}.json").write_text(json.dumps(list(rows.values())))
    (folder / "hubspot" / "pipelines.json").write_text(json.dumps(totals.PIPELINES))
    (folder / "hubspot" / "deals.json").write_text(json.dumps(totals.DEALS))
    with (folder / "ledger" / "exchange_rates.csv").open("w", newline="") as out:
        table = csv.writer(out)
        table.writerow(["date", "currency", "to_currency", "rate"])
        for currency, rate in RATES.items():
            changed_on, changed = CHANGED.get(currency, (None, rate))
            days = {changed_on} if changed_on else set()
            day = date(2021, 12, 1)
            while day <= NIGHTS[-1]:
                days.add(day)
                day = (day + timedelta(days=32)).replace(day=1)
            for quoted in sorted(days):
                table.writerow([quoted, currency, "USD", changed if changed_on and quoted >= changed_on else rate])


def _send(stripe: Stripe, company: Company) -> None:
    """Tell the running sandbox what has changed, each at its instant."""
    groups: dict[tuple[int, str], dict[str, list[Any]]] = defaultdict(lambda: {"objects": [], "deleted": []})
    for (stream, key), instant in stripe.changed.items():
        groups[instant, stream]["objects"].append(stripe.objects[stream][key])
    for (stream, key), instant in stripe.deleted.items():
        groups[instant, stream]["deleted"].append(key)
    for (instant, stream), body in sorted(groups.items(), key=lambda entry: entry[0]):
        assert instant, f"{stream}: a change needs its day (`a.today(...)`): {body}"
        when = datetime.fromtimestamp(instant, UTC).isoformat()
        answer = httpx.post(
            f"{company.url}/_control/objects",
            json={"provider": "stripe", "stream": stream, "at": when} | body,
            timeout=60,
        )
        assert answer.is_success, answer.text


def read(company: Company) -> Night:
    """All figures of all accounts, from the published file."""
    accounts = "inner join journey.account_sources as s on s.account_key = t.account_key and s.source_type = 'customer'"
    mrr, usage = defaultdict(lambda: defaultdict(lambda: "0.00")), defaultdict(lambda: defaultdict(lambda: "0.00"))
    for customer, month, amount, used in company.query(
        "select s.source_id, strftime(month, '%Y-%m'), round(mrr, 2), round(usage_mrr, 2) "
        f"from journey.fct_account_months as t {accounts}"
    ):
        mrr[customer][month], usage[customer][month] = f"{amount:.2f}", f"{used:.2f}"
    periods, movements, reasons = defaultdict(list), defaultdict(list), defaultdict(list)
    for customer, starts, ends, amount in company.query(
        "select customer_id, starts_on, ends_on, mrr_native from journey.fct_subscription_periods"
    ):
        periods[customer].append((starts, ends, amount))
    for customer, day, movement, amount, reason in company.query(
        "select s.source_id, moved_on, movement, round(amount, 2), reason from journey.fct_mrr_movements as t "
        f"{accounts} order by moved_on, movement = 'fx'"
    ):
        movements[customer].append((day.isoformat(), movement, f"{amount:.2f}"))
        if movement in ("churn", "reactivation"):
            reasons[customer].append(reason)
    revenue, cash = defaultdict(dict), defaultdict(dict)
    for customer, month, amount in company.query(
        "select customer_id, case when is_future then 'later' else strftime(month, '%Y-%m') end as earned, "
        "round(sum(amount), 2) as total from journey.fct_revenue group by all having total <> 0 order by earned"
    ):
        revenue[customer][month] = f"{amount:.2f}"
    for customer, kind, amount in company.query(
        "select customer_id, kind, round(sum(amount), 2) from journey.fct_cash group by all order by kind"
    ):
        cash[customer][kind] = f"{amount:.2f}"
    return Night(mrr, usage, periods, movements, reasons, revenue, cash, company.published.resolve())


def _picked(found: dict[str, str], wanted: dict[str, str] | None) -> dict[str, str] | None:
    return None if wanted is None else {key: found[key] for key in wanted}
