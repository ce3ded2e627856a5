"""The marts agree with an oracle that knows the definitions only, on random billing histories.

Many histories are the accounts of one company, built once. Beside each of some stand its relatives: the same life split
in two subscriptions, at three times the price, with tax, one-off invoices and an unused trial. What a failure shows:
the script of the account, and where oracle and mart part.
"""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.dbt.billing_world import rates
from tests.dbt.conftest import DbtWarehouse
from tests.oracle.definitions import ZERO, Company, Rates
from tests.oracle.histories import histories, sample
from tests.oracle.provider import Provider, stamp
from tests.oracle.script import History, Script, scaled, split, with_noise

BUILT = ("+unit_economics_monthly", "+revenue_reconciliation", "+mrr_movements_monthly")
CHECKS = (
    "rollforward_closes_for_every_account",
    "rollforward_closes_in_total",
    "rollforward_is_a_chain",
    "movements_follow_each_other",
    "customers_foot",
    "revenue_reconciles",
    "recognised_revenue_sums_to_its_lines",
    "subscription_periods_do_not_overlap",
    "account_months_leave_no_gap",
    "movements_monthly_equal_the_rollforward",
)
K = 3


def quotes(to: str = "usd") -> Rates:
    """Rates that wander, quoted on the first of each month and now and then between."""
    wander = random.Random(7)
    dollars: dict[str, dict[date, Decimal]] = {"usd": {}}
    for currency, start in (("eur", 1.12), ("jpy", 0.0068), ("kwd", 3.25)):
        level, month = start, date(2020, 1, 1)
        dollars[currency] = {}
        while month < date(2026, 6, 1):
            for day in (month, month.replace(day=wander.randint(2, 28))):
                level *= 1 + wander.uniform(-0.02, 0.02)
                dollars[currency][day] = Decimal(f"{level:.8f}")
            month = (month.replace(day=28) + timedelta(days=4)).replace(day=1)
    if to == "usd":
        return dollars
    own = dollars.pop(to)
    dollars["usd"] = {day: Decimal(1) for day in own}

    def at(day: date) -> Decimal:
        return own[max(quoted for quoted in own if quoted <= day)]

    return {
        currency: {day: (rate / at(day)).quantize(Decimal("1e-12")) for day, rate in by_day.items() if day >= min(own)}
        for currency, by_day in dollars.items()
    }


@dataclass
class Batch:
    """A company of random accounts, what the oracle says of it, and the warehouse that was built of its objects."""

    histories: dict[str, History]
    oracle: Company
    dbt: DbtWarehouse

    def account_differences(self) -> list[str]:
        """Accounts of which oracle and mart say different things; the shortest lives first."""
        marts = read_accounts(self.dbt)
        found = []
        for name, figures in self.oracle.accounts.items():
            mart = marts.get(name, {})
            parts = {
                "mrr": nonzero(figures.mrr),
                "mrr_committed": nonzero(figures.committed),
                "mrr_at_risk": nonzero(figures.at_risk),
                "mrr_constant": nonzero(figures.constant),
                "recognised_revenue": nonzero(figures.revenue),
                "cash": nonzero(figures.cash),
                "movements": dict(enumerate(figures.movements)),
            }
            lines = []
            for part, expected in parts.items():
                said = mart.get(part, {})
                lines += [
                    f"    {part} {key}: oracle {expected.get(key)}, mart {said.get(key)}"
                    for key in sorted(set(expected) | set(said))
                    if expected.get(key) != said.get(key)
                ]
            if lines:
                found.append("\n".join([f"{name}: {self.histories[name]}", *lines[:12]]))
        return sorted(found, key=len)

    def company_differences(self) -> list[str]:
        """Months and figures of the whole company on which they differ."""
        marts = read_company(self.dbt)
        expected = self.oracle.monthly()
        return [
            f"{month} {name}: oracle {value}, mart {marts[month][name]}"
            for month, figures in expected.items()
            for name, value in figures.items()
            if not same(value, marts[month][name])
        ]


def same(one: Any, other: Any) -> bool:
    """Money and counts to the last digit, ratios to a billionth."""
    if isinstance(one, float) and other is not None:
        return abs(one - other) <= 1e-9 * max(1.0, abs(one))
    return one == other


def nonzero(amounts: dict[date, Decimal]) -> dict[date, Decimal]:
    return {key: value for key, value in amounts.items() if value}


def read_accounts(dbt: DbtWarehouse) -> dict[str, dict[str, dict[Any, Any]]]:
    """The marts' figures by account and measure, as the oracle has them."""
    found: dict[str, dict[str, dict[Any, Any]]] = {}
    named = "inner join journey.account_sources as s on s.account_key = t.account_key and s.source_type = 'customer'"
    measures = ("mrr", "mrr_committed", "mrr_at_risk", "mrr_constant", "recognised_revenue")
    for row in dbt.dicts(f"select substr(source_id, 5) as name, t.* from journey.fct_account_months as t {named}"):
        for measure in measures:
            if row[measure]:
                found.setdefault(row["name"], {}).setdefault(measure, {})[row["month"]] = row[measure]
    for name, month, net in dbt.rows(
        "select substr(customer_id, 5), date_trunc('month', occurred_on)::date, sum(net) "
        "from journey.fct_cash group by all"
    ):
        if net:
            found.setdefault(name, {}).setdefault("cash", {})[month] = net
    for name, day, movement, amount in dbt.rows(
        f"select substr(source_id, 5), moved_on, movement, amount from journey.fct_mrr_movements as t {named} "
        "order by moved_on, movement = 'fx'"
    ):
        moves = found.setdefault(name, {}).setdefault("movements", {})
        moves[len(moves)] = (day, movement, amount)
    return found


def read_company(dbt: DbtWarehouse) -> dict[date, dict[str, Any]]:
    """The company's marts by month."""
    rows = dbt.dicts(
        "select * exclude (policy_version, currency, is_complete) from metrics.mrr_rollforward "
        "inner join metrics.unit_economics_monthly using (month)"
    )
    return {row["month"]: row for row in rows}


def build(
    dbt: DbtWarehouse, lives: dict[str, History], as_of: datetime, zone: str, currency: str, order: int = 0
) -> Batch:
    """Play the lives, land their objects in no order at all, build the project with its own checks."""
    provider = Provider(as_of)
    for name, history in lives.items():
        provider.play(name, history)
    shuffle = random.Random(order)
    for stream, rows in provider.books.rows.items():
        shuffled = list(rows)
        shuffle.shuffle(shuffled)
        dbt.raw("stripe", stream, shuffled, extracted_at=stamp(as_of))
    table = quotes(currency.lower())
    for name, by_day in table.items():
        quoted = {day.isoformat(): str(rate) for day, rate in by_day.items()}
        dbt.raw("ledger", "exchange_rates", rates(name, quoted, currency), extracted_at=stamp(as_of))
    settings = {"as_of": f"{as_of:%Y-%m-%d %H:%M:%S}", "time_zone": zone, "currency": currency}
    dbt.run(*BUILT, **settings)
    dbt.build(*CHECKS, **settings)
    return Batch(lives, Company(provider.terms, provider.books.rows, table, as_of, zone, currency), dbt)


def with_relatives(lives: list[History], every: int) -> dict[str, History]:
    """The histories, and beside each so-manieth of them its relatives."""
    found = {}
    for number, history in enumerate(lives):
        found[f"life_{number}"] = history
        if number % every == 0:
            found[f"split_{number}"] = split(history)
            found[f"scaled_{number}"] = scaled(history, K)
            found[f"noisy_{number}"] = with_noise(history)
    return found


AS_OF = datetime(2026, 1, 15, 6)
LEAP_DAY = datetime(2024, 2, 29, 10)
RELATED = 5


@pytest.fixture(scope="module")
def batch(dbt_module: DbtWarehouse) -> Batch:
    """Thirty accounts and the relatives of six, and the two of a leap day."""
    lives = with_relatives(sample(histories(AS_OF), 30, 1), RELATED)
    for name, interval, amount in (("leap_month", "month", 10000), ("leap_year", "year", 120000)):
        lives[name] = History((Script(LEAP_DAY, "usd", interval, 1, ((amount, 1),)),), AS_OF)
    return build(dbt_module, lives, AS_OF, "UTC", "USD")


def test_every_account_is_what_the_definitions_say(batch: Batch):
    different = batch.account_differences()
    assert not different, f"{len(different)} accounts differ\n" + "\n\n".join(different[:4])
    kinds = {movement for figures in batch.oracle.accounts.values() for _, movement, _ in figures.movements}
    assert kinds == {"new", "expansion", "contraction", "churn", "reactivation", "fx"}, "the sample is too poor"


def test_the_company_is_what_the_definitions_say(batch: Batch):
    assert batch.company_differences() == []


def test_retention_keeps_its_bounds_and_customers_foot(batch: Batch):
    for month in read_company(batch.dbt).values():
        gross, net = month["gross_revenue_retention"], month["net_revenue_retention"]
        assert gross is None or 0 <= gross <= min(1, net + 1e-12)
        joined = month["customers_new"] + month["customers_reactivated"]
        assert month["customers_start"] + joined - month["customers_churned"] == month["customers_end"]


@pytest.mark.parametrize(
    ("relative", "times", "tolerance"),
    [("split", 1, Decimal("0.002")), ("scaled", K, Decimal("0.002")), ("noisy", 1, ZERO)],
)
def test_what_changes_no_mrr_changes_none(batch: Batch, relative: str, times: int, tolerance: Decimal):
    """Two subscriptions of the same total, another scale, tax, one-off invoices and trials that nobody takes up."""
    marts = read_accounts(batch.dbt)
    compared = 0
    for name in [name for name in batch.histories if name.startswith(relative)]:
        base, other = (marts.get(n, {}) for n in (f"life_{name.removeprefix(relative + '_')}", name))
        script = str(batch.histories[name])
        for measure in ("mrr", "mrr_committed", "mrr_at_risk", "mrr_constant"):
            one, two = base.get(measure, {}), other.get(measure, {})
            assert set(one) == set(two), (name, measure, script)
            assert all(abs(one[month] * times - two[month]) <= tolerance for month in one), (name, measure, script)
            compared += len(one)
        moves = [list(account.get("movements", {}).values()) for account in (base, other)]
        # what rates do to four decimals of a half may be nothing
        one, two = ([move for move in of if abs(move[2]) > Decimal("0.01")] for of in moves)
        assert [move[:2] for move in one] == [move[:2] for move in two], (name, script)
        assert all(abs(a[2] * times - b[2]) <= max(tolerance, ZERO) for a, b in zip(one, two, strict=True)), (
            name,
            script,
        )
    assert compared > 20


def test_a_leap_day_makes_no_gap_and_a_year_is_twelve_months(batch: Batch):
    marts = read_accounts(batch.dbt)
    by_month, by_year = marts["leap_month"]["mrr"], marts["leap_year"]["mrr"]
    assert by_month == by_year and set(by_month.values()) == {Decimal(100)} and len(by_month) == 24
    assert all(len(marts[name]["movements"]) == 1 for name in ("leap_month", "leap_year"))


def test_billing_system_and_facts_show_the_same_money(batch: Batch):
    """Invoices net of tax and the balance, each in its own currency, from the provider's objects and from the facts."""
    rows = batch.oracle.rows
    invoiced, balance = defaultdict(int), defaultdict(int)
    for row in rows["invoices"]:
        if row["status"] in ("paid", "open", "uncollectible"):
            invoiced[row["currency"].upper()] += row["total_excluding_tax"]
    for row in rows["balance_transactions"]:
        balance[row["currency"].upper()] += row["net"]
    minor = "case currency when 'JPY' then 1 when 'KWD' then 1000 else 100 end"
    assert (
        dict(batch.dbt.rows(f"select currency, sum(net_native * {minor}) from journey.fct_cash group by 1")) == balance
    )
    assert invoiced == dict(
        batch.dbt.rows(
            f"select currency, sum(amount_native * {minor}) from journey.fct_revenue "
            "where kind = 'invoice_line' group by 1"
        )
    )
    assert batch.dbt.value("select count(*) from metrics.revenue_reconciliation where difference <> 0") == 0


COMPANIES = [
    (11, datetime(2026, 1, 15, 6), "UTC", "USD"),
    (22, datetime(2026, 1, 31, 23, 30), "America/Los_Angeles", "EUR"),
    (33, datetime(2024, 2, 29, 12), "Asia/Tokyo", "USD"),
    (44, datetime(2025, 7, 1, 0, 30), "Europe/Berlin", "EUR"),
    (55, datetime(2025, 12, 31, 12), "UTC", "USD"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("number", "as_of", "zone", "currency"), COMPANIES)
def test_five_companies_of_a_hundred_accounts(
    dbt: DbtWarehouse, number: int, as_of: datetime, zone: str, currency: str
):
    lives = {f"life_{n}": history for n, history in enumerate(sample(histories(as_of), 100, number))}
    company = build(dbt, lives, as_of, zone, currency)
    different = company.account_differences()
    assert not different, f"{len(different)} accounts differ\n" + "\n\n".join(different[:4])
    assert company.company_differences() == []


@pytest.mark.slow
def test_neither_order_nor_a_merge_of_accounts_moves_a_total(dbt_module: DbtWarehouse, dbt: DbtWarehouse, batch: Batch):
    """The same objects in another order give the same rows; accounts that turn out to be one keep the totals."""
    compared = ("journey.fct_mrr_movements", "journey.fct_account_months", "metrics.mrr_rollforward")
    before = {table: sorted(batch.dbt.rows(f"select * from {table}")) for table in compared}
    totals = (
        "select month, sum(mrr), sum(mrr_committed), sum(mrr_at_risk), sum(recognised_revenue) "
        "from journey.fct_account_months group by 1 order by 1",
        "select occurred_on, sum(net) from journey.fct_cash group by 1 order by 1",
        "select month, mrr_closing from metrics.mrr_rollforward order by 1",
    )
    sums = [batch.dbt.rows(query) for query in totals]
    accounts = batch.dbt.value("select count(*) from journey.dim_accounts")

    again = build(dbt, batch.histories, AS_OF, "UTC", "USD", order=99)
    assert {table: sorted(again.dbt.rows(f"select * from {table}")) for table in compared} == before

    pairs = [(f"cus_life_{n}", f"cus_life_{n + 1}") for n in range(0, 20, 2)]
    dbt.raw(
        "ledger",
        "identity_overrides",
        [
            {"id": left, "action": "join", "entity": "account", "reason": "one company"}
            | {f"left_{key}": value for key, value in (("system", "stripe"), ("type", "customer"), ("id", left))}
            | {f"right_{key}": value for key, value in (("system", "stripe"), ("type", "customer"), ("id", right))}
            for left, right in pairs
        ],
        extracted_at=stamp(AS_OF),
    )
    dbt.run(*BUILT, as_of=f"{AS_OF:%Y-%m-%d %H:%M:%S}")
    assert dbt.value("select count(*) from journey.dim_accounts") == accounts - len(pairs)
    # two amounts in a foreign currency are converted as one: that is a ten-thousandth here and there
    for query, expected in zip(totals, sums, strict=True):
        found = dbt.rows(query)
        assert [row[0] for row in found] == [row[0] for row in expected]
        assert all(
            abs(a - b) < Decimal("0.01")
            for one, two in zip(found, expected, strict=True)
            for a, b in zip(one[1:], two[1:], strict=True)
        )
