"""From one figure of revenue to the next, account by account: every step has its name, and what has none is shown."""

from __future__ import annotations

import pytest

from tests.dbt.billing_world import SEEN_AT, Billing, monthly_rates, rates
from tests.dbt.conftest import DbtWarehouse
from tests.dbt.journey_world import association, stage

AS_OF = "2026-01-15 06:00:00"
MONTH = ("2025-03-01", "2025-04-01")


def _paid(b: Billing, name: str, price: dict, start: str, end: str, paid_on: str | None = None, **line: object) -> str:
    """A subscription with one paid invoice; returns its charge."""
    sub, item = b.subscription(name, price, start)
    invoice = b.invoice(name, sub, start, [b.line(price, item, start, end, **line)])
    return b.charge(invoice, paid_on or start, fee=320)


def _settles(b: Billing, amount: int) -> None:
    """The last charge reaches the balance with this amount."""
    entry = b.rows["balance_transactions"][-1]
    entry |= {"amount": amount, "net": amount - entry["fee"]}


def _billing(b: Billing) -> None:
    hundred = b.price(10000)
    _paid(b, "plain", hundred, *MONTH)
    b.rows["customers"][-1]["hubspot_company_id"] = "c_plain"
    _paid(b, "yearly", b.price(120000, "year"), "2025-03-01", "2026-03-01")
    _paid(b, "late", hundred, "2025-03-31", "2025-04-30", paid_on="2025-04-02")
    _paid(b, "taxed", hundred, *MONTH, tax_amount=2000)
    _paid(b, "abroad", b.price(10000, currency="eur"), *MONTH, paid_on="2025-05-02")
    # service before the invoice: March, billed in April
    b.invoice("arrears", None, "2025-04-02", [b.line(b.price(3100, None), None, *MONTH)], status="open")
    b.rows["invoices"][-1]["amount_remaining"] = 3100
    b.invoice("lost", None, "2025-03-01", [b.line(b.price(3100, None), None, *MONTH)], status="uncollectible")
    b.rows["invoices"][-1]["amount_remaining"] = 3100
    b.invoice("elsewhere", None, "2025-03-01", [b.line(b.price(3100, None), None, *MONTH)])
    b.rows["invoices"][-1]["payload"] = {"paid_out_of_band": True}
    # half of it paid by the customer's balance
    b.invoice("balance", None, "2025-03-01", [b.line(b.price(3000, None), None, *MONTH)], amount_due=1500)
    b.charge(b.rows["invoices"][-1]["id"], "2025-03-01")
    b.rows["charges"][-1]["amount"] = 1500
    _settles(b, 1500)
    # a coupon that is used once, and what was sold beside the subscription
    sub, item = b.subscription("sundry", hundred, "2025-03-01")
    used = b.price(300, usage="metered")
    once = b.discount(b.coupon("once", percent_off=20, duration="once"), "cus_sundry", sub, "2025-03-01")
    b.invoice(
        "sundry",
        sub,
        "2025-03-01",
        [
            b.line(hundred, item, *MONTH, off=[(once, 2000)]),
            b.line(b.price(50000, None), None, "2025-03-01", "2025-03-01"),
            b.line(used, b.item(sub, used, MONTH[0]), *MONTH, quantity=10),
        ],
    )
    charge = b.charge(b.rows["invoices"][-1]["id"], "2025-03-01")
    b.refund(charge, 1000, "2025-03-20")
    # service ends at once on the 16th, and the year's invoice stays
    sub, item = b.subscription(
        "left", b.price(120000, "year"), "2025-03-01", status="canceled", ended_at="2025-03-16 00:00:00+00"
    )
    invoice = b.invoice("left", sub, "2025-03-01", [b.line(b.price(120000, "year"), item, "2025-03-01", "2026-03-01")])
    b.charge(invoice, "2025-03-01")
    # collection is paused for a cycle, and the seat that is added in it is invoiced
    twice = b.price(10000)
    sub, item = b.subscription("paused", twice, "2025-02-01", quantity=2)
    b.invoice("paused", sub, "2025-02-01", [b.line(twice, item, "2025-02-01", "2025-02-28")], status="open")
    b.rows["invoices"][-1]["amount_remaining"] = 10000
    b.invoice("paused", sub, "2025-02-28", [b.line(twice, item, "2025-02-28", "2025-03-28")], status="void")
    rest = ("2025-03-21", "2025-03-28")
    seats = [
        b.line(twice, item, *rest, amount=-2500, is_proration=True),
        b.line(twice, item, *rest, quantity=2, amount=5000, is_proration=True),
    ]
    b.invoice("paused", sub, "2025-03-21", seats, status="open")
    b.rows["invoices"][-1]["amount_remaining"] = 2500
    b.invoice("paused", sub, "2025-03-28", [b.line(twice, item, "2025-03-28", "2025-04-28", quantity=2)], status="open")
    b.rows["invoices"][-1]["amount_remaining"] = 20000
    # what nobody can explain: a charge of another amount, a balance without five, lines without ten
    _paid(b, "short", hundred, *MONTH)
    b.rows["charges"][-1]["amount"] = 9000
    _settles(b, 9000)
    _paid(b, "skimmed", hundred, *MONTH)
    _settles(b, 9500)
    b.invoice("unsound", None, "2025-03-01", [b.line(b.price(9000, None), None, *MONTH)], total_excluding_tax=10000)
    b.rows["invoices"][-1] |= {"total": 10000, "amount_due": 10000, "amount_remaining": 10000, "status": "open"}
    _paid(b, "dear", hundred, *MONTH)
    b.rows["customers"][-1]["hubspot_company_id"] = "c_dear"
    _paid(b, "huge", b.price(10_000_000), *MONTH)
    b.rows["customers"][-1]["hubspot_company_id"] = "c_huge"


def _crm(world: DbtWarehouse) -> None:
    companies = [("c_plain", "plain"), ("c_dear", "dear"), ("c_talk", "talk"), ("c_huge", "huge")]
    deals = [("plain", "1200", "2025-02-27"), ("talk", "600", "2025-03-05"), ("dear", "5000", "2025-03-01")]
    deals.append(("huge", "1200000", "2025-03-01"))
    rows = {
        "companies": [{"id": key, "name": f"Company {name}", "domain": f"{name}.test"} for key, name in companies],
        "pipelines": [{"id": "deals:sales", "object_type": "deals", "pipeline_id": "sales", "label": "Sales"}],
        "pipeline_stages": [stage("won", 2, "1.0", True)],
        "deals": [
            {
                "id": name,
                "name": name,
                "amount": amount,
                "currency": "USD",
                "pipeline_id": "sales",
                "stage_id": "won",
                "deal_type": "newbusiness",
                "created_at": "2025-02-01",
                "close_at": day,
            }
            for name, amount, day in [*deals, ("plain_more", "300", "2025-06-01")]
        ],
        "associations": [
            association("deals", deal, "companies", f"c_{name}", 5, label="Primary")
            for deal, name in [(name, name) for name, _, _ in deals] + [("plain_more", "plain")]
        ],
    }
    rows["deals"][-1]["deal_type"] = "existingbusiness"
    for stream, listed in rows.items():
        world.raw("hubspot", stream, listed, extracted_at=SEEN_AT)


@pytest.fixture(scope="module")
def world(dbt_module: DbtWarehouse) -> DbtWarehouse:
    """All cases in one warehouse, with the project's own tests on it."""
    billing = Billing(SEEN_AT)
    _billing(billing)
    _crm(dbt_module)
    for stream, rows in billing.rows.items():
        dbt_module.raw("stripe", stream, rows, extracted_at=SEEN_AT)
    euro = monthly_rates("EUR", "1.10", last="2025-04-01") | monthly_rates("EUR", "1.20", first="2025-05-01")
    dbt_module.raw("ledger", "exchange_rates", rates("eur", euro), extracted_at=SEEN_AT)
    dbt_module.run("+revenue_reconciliation_by_account", "+revenue_reconciliation", "+dim_accounts", as_of=AS_OF)
    dbt_module.build("path:tests/reconciliation", as_of=AS_OF)
    return dbt_module


def steps(world: DbtWarehouse, bridge: str, name: str, month: str = "2025-03") -> dict[str, str]:
    """The steps of a bridge for a customer's account in a month, in their order."""
    rows = world.rows(
        "select reason, amount from metrics.revenue_reconciliation_bridges "
        "inner join journey.dim_accounts using (account_key) "
        "where bridge = ? and name = ? and strftime(month, '%Y-%m') = ? order by side_order, reason",
        [bridge, f"Company {name}", month],
    )
    return {reason: f"{amount:.2f}" for reason, amount in rows}


@pytest.mark.parametrize(
    ("name", "month", "expected"),
    [
        ("plain", "2025-03", {"invoiced": "100.00", "recognised": "100.00"}),
        ("yearly", "2025-03", {"invoiced": "1200.00", "deferred": "-1098.08", "recognised": "101.92"}),
        ("yearly", "2025-04", {"deferred_earlier": "98.63", "recognised": "98.63"}),
        ("late", "2025-03", {"invoiced": "100.00", "deferred": "-96.67", "recognised": "3.33"}),
        ("arrears", "2025-03", {"earned_before_invoice": "31.00", "recognised": "31.00"}),
        ("arrears", "2025-04", {"invoiced": "31.00", "earned_before_invoice": "-31.00"}),
        ("sundry", "2025-03", {"invoiced": "610.00", "refunds": "-10.00", "recognised": "600.00"}),
        ("unsound", "2025-03", {"invoiced": "100.00", "unexplained": "-10.00", "recognised": "90.00"}),
    ],
)
def test_from_invoices_to_revenue(world: DbtWarehouse, name: str, month: str, expected: dict[str, str]):
    assert steps(world, "invoiced_to_recognised", name, month) == expected


@pytest.mark.parametrize(
    ("name", "month", "expected"),
    [
        ("plain", "2025-03", {"invoiced": "100.00", "fees": "-3.20", "cash_settled": "96.80"}),
        ("taxed", "2025-03", {"invoiced": "100.00", "fees": "-3.20", "tax": "20.00", "cash_settled": "116.80"}),
        ("late", "2025-03", {"invoiced": "100.00", "paid_in_another_month": "-100.00"}),
        ("late", "2025-04", {"fees": "-3.20", "paid_in_another_month": "100.00", "cash_settled": "96.80"}),
        ("arrears", "2025-04", {"invoiced": "31.00", "not_paid_yet": "-31.00"}),
        ("lost", "2025-03", {"invoiced": "31.00", "written_off": "-31.00"}),
        ("elsewhere", "2025-03", {"invoiced": "31.00", "paid_elsewhere": "-31.00"}),
        ("balance", "2025-03", {"invoiced": "30.00", "credit_before_payment": "-15.00", "cash_settled": "15.00"}),
        ("sundry", "2025-03", {"invoiced": "610.00", "refunds": "-10.00", "cash_settled": "600.00"}),
        ("abroad", "2025-03", {"invoiced": "110.00", "paid_in_another_month": "-110.00"}),
        (
            "abroad",
            "2025-05",
            {"exchange_rates": "10.00", "fees": "-3.84", "paid_in_another_month": "110.00", "cash_settled": "116.16"},
        ),
        ("short", "2025-03", {"invoiced": "100.00", "fees": "-3.20", "unexplained": "-10.00", "cash_settled": "86.80"}),
        (
            "skimmed",
            "2025-03",
            {"invoiced": "100.00", "fees": "-3.20", "unexplained": "-5.00", "cash_settled": "91.80"},
        ),
    ],
)
def test_from_invoices_to_cash(world: DbtWarehouse, name: str, month: str, expected: dict[str, str]):
    assert steps(world, "invoiced_to_cash", name, month) == expected


@pytest.mark.parametrize(
    ("name", "month", "expected"),
    [
        ("plain", "2025-03", {"mrr_end": "100.00", "recognised": "100.00"}),
        ("yearly", "2025-03", {"mrr_end": "100.00", "days_of_the_month": "1.92", "recognised": "101.92"}),
        # the fifteenth of January is the last day there is
        (
            "yearly",
            "2026-01",
            {"mrr_end": "100.00", "days_of_the_month": "0.93", "month_not_over": "-51.61", "recognised": "49.32"},
        ),
        ("late", "2025-03", {"mrr_end": "100.00", "changes_within_the_month": "-96.77", "days_of_the_month": "0.11"}),
        (
            "sundry",
            "2025-03",
            {
                "mrr_end": "100.00",
                "one_off": "500.00",
                "passing_discounts": "-20.00",
                "refunds": "-10.00",
                "usage": "30.00",
                "recognised": "600.00",
            },
        ),
        ("abroad", "2025-03", {"mrr_end": "110.00", "recognised": "110.00"}),
        (
            "left",
            "2025-03",
            {"changes_within_the_month": "48.39", "invoiced_without_mrr": "53.53", "recognised": "101.92"},
        ),
        ("left", "2025-04", {"invoiced_without_mrr": "98.63", "recognised": "98.63"}),
        (
            "paused",
            "2025-03",
            {
                "mrr_end": "200.00",
                "changes_within_the_month": "-174.19",
                "changes_while_paused": "25.00",
                "recognised": "50.81",
            },
        ),
        # nothing was invoiced for May, and the subscription says that it goes on
        ("plain", "2025-05", {"mrr_end": "100.00", "mrr_without_invoice": "-100.00"}),
    ],
)
def test_from_mrr_to_revenue(world: DbtWarehouse, name: str, month: str, expected: dict[str, str]):
    found = steps(world, "mrr_to_recognised", name, month)
    assert {reason: found.get(reason) for reason in expected} == expected
    assert "unexplained" not in found


@pytest.mark.parametrize(
    ("name", "month", "expected"),
    [
        ("plain", "2025-02", {"crm_won": "1200.00", "other_month": "-100.00", "value_of_the_term": "-1100.00"}),
        ("plain", "2025-03", {"other_month": "100.00", "mrr_new": "100.00"}),
        ("plain", "2025-06", {"crm_won": "300.00", "not_the_first_sale": "-300.00"}),
        ("talk", "2025-03", {"crm_won": "600.00", "no_subscription": "-600.00"}),
        ("yearly", "2025-03", {"no_deal": "100.00", "mrr_new": "100.00"}),
        # 5,000 is no number of years at a hundred a month
        (
            "dear",
            "2025-03",
            {"crm_won": "5000.00", "value_of_the_term": "-4861.11", "unexplained": "-38.89", "mrr_new": "100.00"},
        ),
        # amounts of which the squares do not fit a decimal
        (
            "huge",
            "2025-03",
            {"crm_won": "1200000.00", "value_of_the_term": "-1100000.00", "mrr_new": "100000.00"},
        ),
    ],
)
def test_from_deals_to_new_mrr(world: DbtWarehouse, name: str, month: str, expected: dict[str, str]):
    assert steps(world, "crm_to_mrr", name, month) == expected


def test_accounts_stand_side_by_side_with_what_is_unexplained(world: DbtWarehouse):
    rows = world.dicts(
        "select name, invoiced, cash_settled, recognised, mrr_end, crm_won, mrr_new, unexplained "
        "from metrics.revenue_reconciliation_by_account inner join journey.dim_accounts using (account_key) "
        "where month = '2025-03-01' and name in ('Company short', 'Company dear') order by name"
    )
    assert [{column: str(value) for column, value in row.items()} for row in rows] == [
        {
            "name": "Company dear",
            "invoiced": "100.0000",
            "cash_settled": "96.8000",
            "recognised": "100.0000",
            "mrr_end": "100.0000",
            "crm_won": "5000.0000",
            "mrr_new": "100.0000",
            "unexplained": "38.8889",
        },
        {
            "name": "Company short",
            "invoiced": "100.0000",
            "cash_settled": "86.8000",
            "recognised": "100.0000",
            "mrr_end": "100.0000",
            "crm_won": "0.0000",
            "mrr_new": "100.0000",
            "unexplained": "10.0000",
        },
    ]


def test_what_is_unexplained_is_nowhere_else(world: DbtWarehouse):
    rows = world.rows(
        "select bridge, name, amount from metrics.revenue_reconciliation_bridges "
        "inner join journey.dim_accounts using (account_key) where side = 'unexplained' order by 1, 2"
    )
    assert [(bridge, name.removeprefix("Company "), f"{amount:.2f}") for bridge, name, amount in rows] == [
        ("crm_to_mrr", "dear", "-38.89"),
        ("invoiced_to_cash", "short", "-10.00"),
        ("invoiced_to_cash", "skimmed", "-5.00"),
        ("invoiced_to_recognised", "unsound", "-10.00"),
    ]


@pytest.mark.slow
def test_use_that_counts_as_mrr_is_no_step_twice(world: DbtWarehouse):
    """Runs last, as it builds the marts of the module's warehouse anew."""
    before = world.rows("select * from metrics.revenue_reconciliation_bridges where side = 'unexplained' order by 1")
    below = "int_item_segments+,+revenue_reconciliation_by_account"
    world.run(below, as_of=AS_OF, mrr_metered_usage="in")
    assert steps(world, "mrr_to_recognised", "sundry")["usage"] == "30.00"
    assert steps(world, "mrr_to_recognised", "sundry", "2025-04") == {
        "mrr_end": "130.00",
        "mrr_without_invoice": "-100.00",
        "usage": "-30.00",
    }
    after = world.rows("select * from metrics.revenue_reconciliation_bridges where side = 'unexplained' order by 1")
    assert [row[:-1] for row in after] == [row[:-1] for row in before]
