"""Recognised revenue, cash, roll-forward and unit economics: published examples and awkward invoices, in one run."""

from __future__ import annotations

from decimal import Decimal

import duckdb
import pytest

from tests.dbt.billing_world import SEEN_AT, Billing, at, monthly_rates, rates
from tests.dbt.conftest import DbtWarehouse

AS_OF = "2026-01-15 06:00:00"
BUILT = ("+unit_economics_monthly", "customer_survival", "+mrr_movements_monthly", "+revenue_reconciliation")
EURO = monthly_rates("EUR", "1.00", last="2024-10-01") | {
    "2024-10-15": "0.95",
    "2024-11-01": "0.95",
    "2024-12-01": "0.95",
}
EURO |= monthly_rates("EUR", "1.10", first="2025-01-01", last="2025-06-01") | monthly_rates(
    "EUR", "1.30", first="2025-07-01"
)


def _invoices(b: Billing) -> None:
    def one(
        name: str, price: dict, start: str, end: str, day: str | None = None, status: str = "paid", **line: object
    ) -> str:
        return b.invoice(name, None, day or start, [b.line(price, None, start, end, **line)], status)

    one("yearly", b.price(549900, None), "2025-01-01", "2026-01-01")
    one("thirds", b.price(10000, None), "2025-01-15", "2025-04-15")
    one("running", b.price(31000, None), "2026-01-01", "2026-02-01")
    one("ahead", b.price(12000, None), "2026-01-10", "2027-01-10")
    one("one_day", b.price(7700, None), "2025-03-31", "2025-03-31")
    one("yen", b.price(31000, None, currency="jpy"), "2025-03-01", "2025-04-01")
    one("euro", b.price(61000, None, currency="eur"), "2025-06-01", "2025-08-01")
    one("taxed_inside", b.price(11900, None), "2025-03-01", "2025-04-01", inclusive_tax_amount=1900)
    one("given_up", b.price(5000, None), "2025-03-01", "2025-04-01", status="uncollectible")
    one("never_billed", b.price(5000, None), "2025-03-01", "2025-04-01", status="void")
    one("never_billed", b.price(5000, None), "2025-03-01", "2025-04-01", status="draft")
    one("credit_balance", b.price(3100, None), "2025-03-01", "2025-04-01", amount=-3100)
    b.invoice(
        "many_lines",
        None,
        "2025-03-01",
        [b.line(b.price(1000, None), None, "2025-03-01", "2025-04-01") for _ in range(12)],
    )
    # two in the morning in UTC is still the day before in California
    one("night", b.price(3100, None), "2025-06-01 02:00:00+00", "2025-06-01 02:00:00+00")


def _reversals(b: Billing) -> None:
    a_year = ("2025-01-01", "2026-01-01")
    # a dollar a day, a tenth of it credited in July: over the service of the line
    invoice = b.invoice("credited", None, "2025-01-01", [b.line(b.price(36500, None), None, *a_year)])
    b.credit_note("credited", invoice, "2025-07-01", [{"amount": 3650, "invoice_line_item": f"il_{invoice}_0"}])
    b.credit_note(
        "credited", invoice, "2025-08-01", [{"amount": 36500, "invoice_line_item": f"il_{invoice}_0"}], status="void"
    )
    # a gift has no service period
    invoice = b.invoice("goodwill", None, "2025-01-01", [b.line(b.price(36500, None), None, *a_year)])
    b.credit_note("goodwill", invoice, "2025-07-20", [{"amount": 1000, "description": "Sorry"}])
    # two partial refunds, tax on top: revenue falls by their share without tax, each on its day
    invoice = b.invoice(
        "refunded_twice",
        None,
        "2025-03-01",
        [b.line(b.price(10000, None), None, "2025-03-01", "2025-04-01", tax_amount=2000)],
    )
    charge = b.charge(invoice, "2025-03-01", fee=378)
    b.refund(charge, 6000, "2025-04-10")
    b.refund(charge, 3000, "2025-05-10")
    b.refund(charge, 3000, "2025-05-11", status="pending")
    # a refund that belongs to a credit note is not counted again
    invoice = b.invoice(
        "credited_and_refunded", None, "2025-03-01", [b.line(b.price(3100, None), None, "2025-03-01", "2025-04-01")]
    )
    refund = b.refund(b.charge(invoice, "2025-03-01"), 3100, "2025-03-20")
    b.credit_note(
        "credited_and_refunded",
        invoice,
        "2025-03-20",
        [{"amount": 3100, "invoice_line_item": f"il_{invoice}_0"}],
        refund_ids=[refund],
    )
    # a lost dispute is cash, not revenue
    invoice = b.invoice("disputed", None, "2025-03-01", [b.line(b.price(3100, None), None, "2025-03-01", "2025-04-01")])
    charge = b.charge(invoice, "2025-03-01")
    b.add(
        "disputes",
        {
            "id": "dp_1",
            "charge_id": charge,
            "amount": 3100,
            "currency": "usd",
            "status": "lost",
            "created_at": at("2025-03-25"),
        },
    )
    b.balance("txn_dp_1", "adjustment", -3100, 1500, "usd", "dp_1", "2025-03-25")
    b.rows["balance_transactions"][-1]["reporting_category"] = "dispute"
    b.balance("txn_po_1", "payout", -5000, 0, "usd", "po_1", "2025-03-30")


def _stay(b: Billing, name: str, amount: int, start: str, end: str, currency: str = "usd") -> None:
    b.subscription(name, b.price(amount, currency=currency), start, status="canceled", ended_at=f"{end} 00:00:00+00")


def _months(b: Billing) -> None:
    # March 2024: a hundred at the start, ten leave, thirty join
    for number in range(100):
        _stay(b, f"churn_{number}", 1000, "2024-02-10", "2024-03-15" if number < 10 else "2024-04-01")
    for number in range(30):
        _stay(b, f"joined_{number}", 1000, "2024-03-20", "2024-04-01")
    # May 2024: eight new ones at 200, their revenue and costs
    for number in range(8):
        _stay(b, f"acquired_{number}", 20000, "2024-05-01", "2024-06-01")
        b.invoice(
            f"acquired_{number}", None, "2024-05-01", [b.line(b.price(20000, None), None, "2024-05-01", "2024-06-01")]
        )
    # July 2024: of two at 100 one grows to 130, one shrinks to 60; a new one moves neither retention
    for name, after in (("grows", 13000), ("shrinks", 6000)):
        sub, item = b.subscription(
            name, b.price(after), "2024-06-05", status="canceled", ended_at="2024-08-01 00:00:00+00"
        )
        b.cycles(name, sub, item, b.price(10000), "2024-06-10", 1)
        b.cycles(name, sub, item, b.price(after), "2024-07-10", 1)
    _stay(b, "bystander", 50000, "2024-07-12", "2024-08-01")
    # October 2024: the roll-forward of the published example
    for name, before, after in (("rolls_down", 40000, 36000), ("rolls_up", 44000, 49000)):
        sub, item = b.subscription(
            name, b.price(after), "2024-09-02", status="canceled", ended_at="2024-11-01 00:00:00+00"
        )
        b.cycles(name, sub, item, b.price(before), "2024-09-02", 1)
        b.cycles(name, sub, item, b.price(after), "2024-10-02", 1)
    _stay(b, "rolls_out", 6000, "2024-09-02", "2024-10-20")
    _stay(b, "rolls_in", 10000, "2024-10-05", "2024-11-01")
    _stay(b, "rolls_abroad", 10000, "2024-09-02", "2024-11-01", "eur")


def _leads(world: DbtWarehouse, b: Billing) -> None:
    for name, day in (("lead_in_time", "2025-05-20"), ("lead_too_late", "2025-06-10")):
        _stay(b, name, 1000, day, "2025-07-01")
    contacts = [
        {"id": f"{number}", "email": email, "created_at": at(day), "first_name": "A", "last_name": "B"}
        for number, (email, day) in enumerate(
            [
                ("money@lead-in-time.example.org", "2025-03-01"),
                ("money@lead-too-late.example.org", "2025-03-01"),
                ("nobody@elsewhere.example.org", "2025-03-31"),
                ("fresh@elsewhere.example.org", "2025-12-31"),
            ]
        )
    ]
    world.raw("hubspot", "contacts", contacts, extracted_at=SEEN_AT)


def _ledger(world: DbtWarehouse) -> None:
    costs = [
        ("2024-05-01", "programmes", 2000),
        ("2024-05-01", "sales_people", 9000),
        ("2024-05-01", "sales_tools", 3000),
        ("2024-05-01", "hosting", 200),
        ("2024-05-01", "support", 120),
        ("2024-05-01", "research_development", 700),
        ("2024-03-01", "hosting", 10),
    ]
    world.raw(
        "ledger",
        "costs",
        [
            {
                "id": f"cost_{number}",
                "month": month,
                "category": category,
                "vendor": "v",
                "amount": amount,
                "currency": "USD",
            }
            for number, (month, category, amount) in enumerate(costs)
        ],
        extracted_at=SEEN_AT,
    )
    world.raw(
        "ledger",
        "ad_spend",
        [
            {
                "id": f"ad_{day}",
                "date": f"2024-05-{day}",
                "channel": "google ads",
                "campaign": "Brand",
                "amount": 3000,
                "currency": "USD",
                "clicks": 10,
            }
            for day in ("03", "17")
        ],
        extracted_at=SEEN_AT,
    )
    world.raw(
        "ledger",
        "exchange_rates",
        [*rates("eur", EURO), *rates("jpy", monthly_rates("JPY", "0.0067"))],
        extracted_at=SEEN_AT,
    )


@pytest.fixture(scope="module")
def world(dbt_module: DbtWarehouse) -> DbtWarehouse:
    """All cases in one warehouse, built once, with the project's own tests of revenue on it."""
    billing = Billing(SEEN_AT)
    for cases in (_invoices, _reversals, _months):
        cases(billing)
    _leads(dbt_module, billing)
    _ledger(dbt_module)
    for stream, rows in billing.rows.items():
        dbt_module.raw("stripe", stream, rows, extracted_at=SEEN_AT)
    dbt_module.run(*BUILT, as_of=AS_OF)
    dbt_module.build("path:tests/revenue", as_of=AS_OF)
    return dbt_module


def revenue(world: DbtWarehouse, name: str, column: str = "amount") -> dict[str, str]:
    """Revenue of a customer by month, what is deferred under 'later'."""
    rows = world.rows(
        f"select case when is_future then 'later' else strftime(month, '%Y-%m') end as month, sum({column}) "
        "from journey.fct_revenue where customer_id = ? group by 1 having sum(amount) <> 0 order by 1",
        [f"cus_{name}"],
    )
    return {month: f"{amount:.2f}" for month, amount in rows}


def figures(world: DbtWarehouse, month: str) -> dict[str, object]:
    (row,) = world.dicts("select * from metrics.unit_economics_monthly where month = ?", [f"{month}-01"])
    return row


def test_a_year_is_spread_by_days_and_sums_to_the_invoice(world: DbtWarehouse):
    months = revenue(world, "yearly")
    assert (months["2025-01"], months["2025-02"]) == ("467.04", "421.84")
    assert list(months) == [f"2025-{month:02}" for month in range(1, 13)]
    assert world.value("select sum(amount) from journey.fct_revenue where customer_id = 'cus_yearly'") == Decimal(
        "5499"
    )


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("thirds", {"2025-01": "18.89", "2025-02": "31.11", "2025-03": "34.44", "2025-04": "15.56"}),
        ("running", {"2026-01": "150.00", "later": "160.00"}),
        ("ahead", {"2026-01": "1.97", "later": "118.03"}),
        ("one_day", {"2025-03": "77.00"}),
        ("yen", {"2025-03": "207.70"}),
        ("euro", {"2025-06": "330.00", "2025-07": "341.00"}),
        ("taxed_inside", {"2025-03": "100.00"}),
        ("given_up", {"2025-03": "50.00"}),
        ("never_billed", {}),
        ("credit_balance", {"2025-03": "-31.00"}),
        ("many_lines", {"2025-03": "120.00"}),
        ("refunded_twice", {"2025-03": "100.00", "2025-04": "-50.00", "2025-05": "-25.00"}),
        ("credited_and_refunded", {}),
        ("disputed", {"2025-03": "31.00"}),
    ],
)
def test_revenue_by_month(world: DbtWarehouse, name: str, expected: dict[str, str]):
    assert revenue(world, name) == expected


def test_yen_have_no_cents(world: DbtWarehouse):
    assert revenue(world, "yen", "amount_native") == {"2025-03": "31000.00"}


def test_a_credit_note_lowers_its_line_over_the_lines_service(world: DbtWarehouse):
    months = revenue(world, "credited")
    assert (months["2025-01"], months["2025-07"]) == ("27.90", "27.90")
    assert world.value("select sum(amount) from journey.fct_revenue where customer_id = 'cus_credited'") == Decimal(
        "328.50"
    )


def test_a_free_text_credit_counts_on_its_day(world: DbtWarehouse):
    months = revenue(world, "goodwill")
    assert (months["2025-06"], months["2025-07"], months["2025-08"]) == ("30.00", "21.00", "31.00")


def test_cash_is_what_moved_the_balance(world: DbtWarehouse):
    rows = world.rows("select kind, sum(amount), sum(fee), sum(net) from journey.fct_cash group by kind order by kind")
    assert [(kind, f"{amount:.2f}", f"{fee:.2f}", f"{net:.2f}") for kind, amount, fee, net in rows] == [
        ("charge", "182.00", "3.78", "178.22"),
        ("dispute", "-31.00", "15.00", "-46.00"),
        ("refund", "-151.00", "0.00", "-151.00"),
    ]


def test_the_roll_forward_of_the_published_example(world: DbtWarehouse):
    (row,) = world.dicts("select * from metrics.mrr_rollforward where month = date '2024-10-01'")
    names = ("opening", "new", "expansion", "contraction", "churn", "reactivation", "fx", "restatement", "closing")
    assert [int(row[f"mrr_{name}"]) for name in names] == [1000, 100, 50, -40, -60, 0, -5, 0, 1045]
    assert row["difference"] == 0


def test_movements_by_month_show_the_same_figures(world: DbtWarehouse):
    rows = world.rows(
        "select movement, accounts, amount from metrics.mrr_movements_monthly where month = date '2024-10-01' "
        "order by movement_order"
    )
    assert [(movement, accounts, int(amount)) for movement, accounts, amount in rows] == [
        ("new", 1, 100),
        ("expansion", 1, 50),
        ("contraction", 1, -40),
        ("churn", 1, -60),
        ("reactivation", 0, 0),
        ("fx", 1, -5),
        ("restatement", 0, 0),
    ]


def test_ten_of_a_hundred_leave_and_thirty_join(world: DbtWarehouse):
    row = figures(world, "2024-03")
    assert [row[f"customers_{name}"] for name in ("start", "new", "churned", "end")] == [100, 30, 10, 120]
    assert row["customer_churn_rate"] == pytest.approx(0.10)
    assert row["arpa"] == 10


def test_acquisition_cost_and_payback_of_the_published_example(world: DbtWarehouse):
    row = figures(world, "2024-05")
    assert (row["cac_paid"], row["cac_blended"], row["cac_fully_loaded"]) == (750, 1000, 2500)
    assert (row["sales_marketing_cost"], row["operating_cost"]) == (20000, 700)
    assert row["gross_margin"] == pytest.approx(0.80) and row["gross_margin_amount"] == 1280
    assert row["cac_payback_months"] == pytest.approx(15.625)


def test_retention_of_the_published_example(world: DbtWarehouse):
    row = figures(world, "2024-07")
    assert row["gross_revenue_retention"] == pytest.approx(0.80)
    assert row["net_revenue_retention"] == pytest.approx(0.95)


def test_what_cannot_be_known_is_null_and_says_why(world: DbtWarehouse):
    row = figures(world, "2025-03")
    assert row["gross_margin"] is None and row["cost_of_revenue"] is None
    assert row["gross_margin_reason"] == "no costs in the ledger for this month"
    assert row["cac_paid"] is None and row["cac_paid_reason"] == "no new customers"
    assert row["customer_churn_rate"] is None and row["customer_churn_rate_reason"] == "no customers at the start"
    row = figures(world, "2024-03")
    assert row["gross_margin"] is None and row["gross_margin_reason"] == "no revenue"


def test_lead_conversion_counts_those_in_time_once_all_are_old_enough(world: DbtWarehouse):
    row = figures(world, "2025-03")
    assert (row["leads_created"], row["leads_converted"]) == (3, 1)
    assert row["lead_conversion_rate"] == pytest.approx(1 / 3)
    young = figures(world, "2025-12")
    assert young["leads_created"] == 1 and young["lead_conversion_rate"] is None
    assert young["lead_conversion_rate_reason"] == "not every lead is 90 days old"


def test_lifetime_is_the_sum_of_discounted_survival(world: DbtWarehouse):
    """By March 2024: 130 spells, none left in their first month; 100 reached tenure 1, 10 of them left in it."""
    survival = world.rows(
        "select tenure_months, at_risk, lost, survival from metrics.customer_survival "
        "where month = date '2024-03-01' order by tenure_months"
    )
    assert survival == [(0, 130, 0, 1.0), (1, 100, 10, 0.9)]
    step = 1.1 ** (-1 / 12)
    pace = 1 - 10 / 230
    expected = 1 + 0.9 * step + sum(0.9 * step * (pace * step) ** further for further in range(1, 59))
    assert figures(world, "2024-03")["clv_lifetime_months"] == pytest.approx(expected)


def test_months_start_with_the_earliest_fact_and_leave_no_gap(world: DbtWarehouse):
    first, last, months = world.rows("select min(month), max(month), count(*) from metrics.unit_economics_monthly")[0]
    assert (first.isoformat(), last.isoformat(), months) == ("2024-02-01", "2026-01-01", 24)


def test_every_reconciliation_difference_is_nil(world: DbtWarehouse):
    assert world.rows("select * from metrics.revenue_reconciliation where difference <> 0") == []
    measures = {row[0] for row in world.rows("select distinct measure from metrics.revenue_reconciliation")}
    assert measures == {"invoiced", "recognised_and_deferred", "credit_notes", "cash", "mrr", "mrr_without_invoice"}


class TestOnAChangedWarehouse:
    """These rebuild parts of the shared warehouse, so they come last."""

    def test_a_missing_rate_stops_the_run_and_names_currency_and_day(self, world: DbtWarehouse):
        gone = "currency = 'EUR' and date between '2024-08-01' and '2024-12-31'"
        _execute(world, f"delete from raw_ledger.exchange_rates where {gone}")
        with pytest.raises(AssertionError, match="No exchange rate from EUR to USD on 2024-"):
            world.run("int_exchange_rates", "int_rate_days", "int_account_currency_months", as_of=AS_OF)

    def test_an_invoice_that_does_not_sum_to_its_lines_is_named(self, world: DbtWarehouse):
        (key,) = world.rows("select id from raw_stripe.invoices where customer_id = 'cus_many_lines'")[0]
        _execute(world, f"delete from raw_stripe.invoice_lines where id = 'il_{key}_11'")
        world.run(
            "fct_invoice_lines",
            "int_revenue_items",
            "fct_revenue",
            "int_invoice_rates",
            "int_compared_invoices",
            "int_reconciled_invoices",
            "revenue_reconciliation",
            as_of=AS_OF,
        )
        rows = world.rows(
            "select month, source, difference, reason from metrics.revenue_reconciliation where difference <> 0"
        )
        assert [(month.isoformat(), source, int(difference)) for month, source, difference, _ in rows] == [
            ("2025-03-01", "fct_invoice_lines", -10)
        ]
        assert key in rows[0][3]

    def test_another_time_zone_moves_revenue_at_the_edge_only(self, world: DbtWarehouse):
        assert revenue(world, "night") == {"2025-06": "31.00"}
        total = world.value("select sum(amount) from journey.fct_revenue")
        world.run("fct_invoice_lines", "int_revenue_items", "fct_revenue", as_of=AS_OF, time_zone="America/Los_Angeles")
        assert revenue(world, "night") == {"2025-05": "31.00"}
        assert world.value("select sum(amount) from journey.fct_revenue") == total


def _execute(world: DbtWarehouse, statement: str) -> None:
    with duckdb.connect(str(world.path)) as connection:
        connection.execute(statement)
