"""Growth, margin, segments, plans and cohorts: one company with figures made by hand, built once."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tests.dbt.billing_world import SEEN_AT, Billing, Row, at, rates
from tests.dbt.conftest import DbtWarehouse
from tests.dbt.journey_world import association, stage

AS_OF = "2026-01-15 06:00:00"
BUILT = (
    "+growth_efficiency_monthly",
    "+unit_economics_by_segment_monthly",
    "+mrr_rollforward_by_plan",
    "+gross_margin_by_plan_monthly",
    "+retention_cohorts",
)
PRODUCTS = {"basic": "Basic", "pro": "Pro", "addon": "Add-on", "free": "Free"}
EURO = {"2024-12-01": "1.00", "2025-01-01": "1.00"} | {f"2025-{month:02}-01": "1.10" for month in range(2, 13)}
EURO["2026-01-01"] = "1.10"


class Shop(Billing):
    """Billing of several products, each price of a product of its own."""

    def priced(self, product: str, amount: int, interval: str | None = "month", currency: str = "usd") -> Row:
        row = self.price(amount, interval, currency=currency)
        key = f"{row['id']}_{product}"
        row = row | {"id": key, "product_id": f"prod_{product}"}
        if key not in self._known:
            self._known.add(key)
            self.add("prices", row)
        return row

    def stay(self, name: str, product: str, amount: int, start: str, end: str | None, currency: str = "usd") -> None:
        """A subscription that lasts from day to day, known by itself, without invoices."""
        price = self.priced(product, amount, currency=currency)
        over = {"status": "canceled", "ended_at": f"{end} 00:00:00+00"} if end else {}
        self.subscription(name, price, start, **over)


def _subscriptions(shop: Shop) -> None:
    shop.rows["products"] = [
        {"id": f"prod_{key}", "name": name, "is_active": True, "created_at": at("2024-01-01")}
        for key, name in PRODUCTS.items()
    ]
    # in March from Basic to Pro
    shop.stay("mover", "basic", 10000, "2025-01-10", "2025-03-10")
    shop.stay("mover", "pro", 25000, "2025-03-10", None)
    # two products; the smaller one goes in April
    shop.stay("double", "basic", 10000, "2025-01-10", None)
    shop.stay("double", "addon", 3000, "2025-01-10", "2025-04-10")
    # leaves in March, comes back to another product in June
    shop.stay("leaver", "basic", 10000, "2025-01-05", "2025-03-20")
    shop.stay("leaver", "pro", 12000, "2025-06-01", None)
    # in May from Basic to a cheaper Pro
    shop.stay("saver", "basic", 10000, "2025-01-12", "2025-05-10")
    shop.stay("saver", "pro", 8000, "2025-05-10", None)
    shop.stay("euro", "basic", 10000, "2025-01-15", None, "eur")
    shop.stay("nothing", "free", 0, "2025-01-15", None)
    shop.stay("late", "basic", 5000, "2025-07-03", None)
    # here and gone within August
    shop.stay("guest", "pro", 6000, "2025-08-03", "2025-08-25")


def _invoices(shop: Shop) -> None:
    august = ("2025-08-01", "2025-09-01")

    def one(name: str, product: str, amount: int, start: str, end: str) -> str:
        return shop.invoice(name, None, start, [shop.line(shop.priced(product, amount, None), None, start, end)])

    one("buyer", "basic", 60000, *august)
    lines = [shop.line(shop.priced(product, amount, None), None, *august) for product, amount in _MIXED]
    shop.charge(shop.invoice("mixed", None, "2025-08-01", lines), "2025-08-01", fee=1200)
    paid = shop.charge(one("returned", "basic", 10000, "2025-07-05", "2025-07-05"), "2025-07-05")
    shop.refund(paid, 5000, "2025-08-10")
    one("buyer", "basic", 10000, "2025-10-01", "2025-11-01")


_MIXED = (("pro", 30000), ("basic", 10000))


def _ledger(world: DbtWarehouse) -> None:
    costs = {
        ("2025-01-01", "programmes"): "40",
        ("2025-02-01", "sales_people"): "100",
        ("2025-03-01", "sales_people"): "220",
        ("2025-04-01", "sales_people"): "50",
        ("2025-05-01", "sales_people"): "50",
        ("2025-06-01", "sales_people"): "90",
        ("2025-08-01", "hosting"): "100.01",
        ("2025-08-01", "research_development"): "7.99",
        ("2025-09-01", "hosting"): "10",
    }
    rows = [
        {"id": f"{month}:{category}", "month": month, "category": category, "vendor": "v", "amount": amount}
        for (month, category), amount in costs.items()
    ]
    spend = {"id": "ad_1", "date": "2025-01-20", "channel": "google ads", "campaign": "Brand", "amount": 60}
    world.raw("ledger", "costs", [row | {"currency": "USD"} for row in rows], extracted_at=SEEN_AT)
    world.raw("ledger", "ad_spend", [spend | {"currency": "USD", "clicks": 1}], extracted_at=SEEN_AT)
    world.raw("ledger", "exchange_rates", rates("eur", EURO), extracted_at=SEEN_AT)


def _crm(world: DbtWarehouse) -> None:
    """Who the mover is, and three won deals of 20, 40 and 300 days."""
    company = {"id": "1", "name": "Mover", "domain": "mover.example.com", "country": "Germany", "employee_count": 40}
    contact = {"id": "11", "email": "ann@mover.example.com", "company_id": "1", "analytics_source": "PAID_SEARCH"}
    deals = {"2024-06-21": "20", "2024-07-11": "40", "2025-03-28": "300"}
    crm: dict[str, list[Row]] = {
        "owners": [{"id": "o1", "email": "olga@our.com", "first_name": "Olga", "last_name": "One"}],
        "companies": [
            company | {"owner_id": "o1", "stripe_customer_id": "cus_mover", "created_at": at("2025-01-02")},
        ],
        "contacts": [contact | {"created_at": at("2025-01-02")}],
        "associations": [association("contacts", "11", "companies", "1")],
        "pipelines": [{"id": "deals:sales", "object_type": "deals", "pipeline_id": "sales", "label": "Sales"}],
        "pipeline_stages": [stage("won", 0, "1.0", True)],
        "deals": [
            {
                "id": f"d{days}",
                "name": days,
                "pipeline_id": "sales",
                "stage_id": "won",
                "created_at": at("2024-06-01"),
                "close_at": at(day),
            }
            for day, days in deals.items()
        ],
    }
    for stream, rows in crm.items():
        world.raw("hubspot", stream, rows, extracted_at=SEEN_AT)


@pytest.fixture(scope="module")
def world(dbt_module: DbtWarehouse) -> DbtWarehouse:
    """The company in one warehouse, with the project's own tests of the economics on it."""
    shop = Shop(SEEN_AT)
    _subscriptions(shop)
    _invoices(shop)
    _ledger(dbt_module)
    _crm(dbt_module)
    for stream, rows in shop.rows.items():
        dbt_module.raw("stripe", stream, rows, extracted_at=SEEN_AT)
    dbt_module.run(*BUILT, as_of=AS_OF)
    dbt_module.build("path:tests/economics", as_of=AS_OF)
    return dbt_module


def month(world: DbtWarehouse, table: str, day: str, **where: str) -> dict[str, Any]:
    """The one row of a mart for a month and what else is given."""
    conditions = "".join(f" and {name} = '{value}'" for name, value in where.items())
    (row,) = world.dicts(f"select * from metrics.{table} where month = date '{day}-01'{conditions}")
    return row


def amounts(row: dict[str, Any], *names: str) -> list[int | float]:
    """Figures of a row, whole ones as int."""
    return [int(row[name]) if row[name] == int(row[name]) else float(row[name]) for name in names]


class TestGrowth:
    def test_revenue_churn_gross_and_net(self, world: DbtWarehouse):
        row = month(world, "growth_efficiency_monthly", "2025-03")
        assert amounts(row, "mrr_start", "mrr_lost", "mrr_lost_net", "mrr_gained") == [540, 100, -50, 150]
        assert row["gross_revenue_churn_rate"] == pytest.approx(100 / 540)
        assert row["net_revenue_churn_rate"] == pytest.approx(-50 / 540)
        assert row["quick_ratio"] == pytest.approx(1.5)

    def test_magic_number_compares_growth_with_the_spend_of_the_quarter_before(self, world: DbtWarehouse):
        row = month(world, "growth_efficiency_monthly", "2025-06")
        assert amounts(row, "magic_number_arr_growth", "magic_number_cost", "magic_number") == [840, 420, 2]

    def test_what_cannot_be_known_says_why(self, world: DbtWarehouse):
        row = month(world, "growth_efficiency_monthly", "2025-07")
        assert (row["quick_ratio"], row["quick_ratio_reason"]) == (None, "nothing was lost")
        row = month(world, "growth_efficiency_monthly", "2025-12")
        assert row["magic_number_reason"] == "no costs in the ledger for a month of the quarter before"
        (row,) = world.dicts("select * from metrics.growth_efficiency_monthly order by month limit 1")
        assert (row["gross_revenue_churn_rate"], row["revenue_churn_rate_reason"]) == (
            None,
            "no customers at the start",
        )
        assert row["magic_number_reason"] == "no month a quarter ago"

    def test_yearly_run_rate_and_profit(self, world: DbtWarehouse):
        row = month(world, "unit_economics_monthly", "2025-08")
        assert row["arr"] == 12 * row["mrr_end"] > 0
        # 950 revenue, 12 fees, 100.01 hosting, 7.99 product team
        assert (row["profit"], row["profit_reason"]) == (Decimal("830.00"), None)
        row = month(world, "unit_economics_monthly", "2025-10")
        assert (row["profit"], row["profit_reason"]) == (None, "no costs in the ledger for this month")

    def test_churn_with_new_customers_in_the_denominator(self, world: DbtWarehouse):
        row = month(world, "unit_economics_monthly", "2025-03")
        assert row["customer_churn_rate"] == row["customer_churn_rate_with_new"] == pytest.approx(1 / 5)
        row = month(world, "unit_economics_monthly", "2025-08")
        assert row["customer_churn_rate_with_new"] == pytest.approx(1 / 7)
        row = month(world, "unit_economics_monthly", "2025-01")
        assert (row["customer_churn_rate"], row["customer_churn_rate_with_new"]) == (None, 0)

    def test_cost_of_acquisition_with_the_spend_of_a_sales_cycle_before(self, world: DbtWarehouse):
        """The median of 20, 40 and 300 days is a month."""
        row = month(world, "unit_economics_monthly", "2025-07")
        assert amounts(row, "cac_lag_months", "cac_lagged_cost", "cac_lagged") == [1, 90, 90]
        assert row["cac_fully_loaded"] is None
        row = month(world, "unit_economics_monthly", "2025-01")
        assert row["cac_lagged_reason"] == "no costs in the ledger for the month of the spend"

    def test_a_free_plan_makes_no_customer(self, world: DbtWarehouse):
        row = month(world, "unit_economics_monthly", "2025-01")
        assert amounts(row, "customers_new", "customers_end", "mrr_end") == [5, 5, 530]


class TestMargin:
    def test_fees_are_direct_and_shared_costs_follow_positive_revenue(self, world: DbtWarehouse):
        rows = world.rows(
            "select plan, recognised_revenue, payment_fees, shared_cost, gross_margin, gross_margin_reason, n, "
            "is_small from metrics.gross_margin_by_plan_monthly where month = date '2025-08-01' order by plan"
        )
        assert [tuple(row[:4]) for row in rows] == [
            ("Basic", 700, 3, Decimal("70.0070")),
            ("Pro", 300, 9, Decimal("30.0030")),
            ("unknown", -50, 0, 0),
        ]
        assert [row[4] for row in rows] == [pytest.approx(626.993 / 700), pytest.approx(260.997 / 300), None]
        assert rows[2][5] == "no revenue"
        assert rows[0][6:] == (2, True)

    def test_an_accounts_margin(self, world: DbtWarehouse):
        rows = world.rows(
            "select name, recognised_revenue, cost_of_revenue from metrics.gross_margin_by_account_monthly "
            "inner join journey.dim_accounts using (account_key) where month = date '2025-08-01' order by name"
        )
        assert rows == [
            ("Company buyer", 600, Decimal("60.0060")),
            ("Company mixed", 400, Decimal("52.0040")),
            ("Company returned", -50, 0),
        ]

    def test_costs_without_revenue_are_nobodys_and_unknown_costs_give_no_margin(self, world: DbtWarehouse):
        row = month(world, "gross_margin_by_plan_monthly", "2025-09")
        assert (row["plan"], row["cost_of_revenue"], row["gross_margin"]) == ("unknown", 10, None)
        row = month(world, "gross_margin_by_plan_monthly", "2025-10")
        assert (row["recognised_revenue"], row["cost_of_revenue"], row["gross_margin"]) == (100, None, None)
        assert row["gross_margin_reason"] == "no costs in the ledger for this month"


class TestPlans:
    @pytest.mark.parametrize(
        ("day", "plan", "expected"),
        [
            # opening, new, expansion, contraction, churn, reactivation, in, out, fx, closing
            ("2025-01", "Basic", [0, 500, 0, 0, 0, 0, 0, 0, 0, 500]),
            ("2025-02", "Basic", [500, 0, 0, 0, 0, 0, 0, 0, 10, 510]),
            ("2025-03", "Basic", [510, 0, 0, 0, -100, 0, 0, -100, 0, 310]),
            ("2025-03", "Pro", [0, 0, 150, 0, 0, 0, 100, 0, 0, 250]),
            ("2025-04", "Add-on", [30, 0, 0, -30, 0, 0, 0, 0, 0, 0]),
            ("2025-05", "Basic", [310, 0, 0, -20, 0, 0, 0, -80, 0, 210]),
            ("2025-05", "Pro", [250, 0, 0, 0, 0, 0, 80, 0, 0, 330]),
            ("2025-06", "Pro", [330, 0, 0, 0, 0, 120, 0, 0, 0, 450]),
        ],
    )
    def test_the_roll_forward_of_a_plan(self, world: DbtWarehouse, day: str, plan: str, expected: list[int]):
        row = month(world, "mrr_rollforward_by_plan", day, plan=plan)
        assert amounts(row, *(name for name in row if name.startswith("mrr_"))) == expected
        assert row["difference"] == 0


class TestSegments:
    NAMES = (
        *("customers_start", "customers_churned", "customers_moved_in", "customers_moved_out", "customers_end"),
        *("mrr_start", "mrr_expansion", "mrr_churn", "mrr_moved_in", "mrr_moved_out", "mrr_end", "n"),
    )

    def test_who_changes_the_main_plan_is_moved_with_its_opening(self, world: DbtWarehouse):
        march = {
            plan: month(world, "unit_economics_by_segment_monthly", "2025-03", segment_type="plan", segment=plan)
            for plan in ("Basic", "Pro")
        }
        assert amounts(march["Basic"], *self.NAMES) == [5, 1, 0, 1, 3, 540, 0, -100, 0, -100, 340, 5]
        assert amounts(march["Pro"], *self.NAMES) == [0, 0, 1, 0, 1, 0, 150, 0, 100, 0, 250, 1]
        # the smaller product of an account with two counts for its main plan, and so does retention for the old one
        assert march["Basic"]["gross_revenue_retention"] == pytest.approx(440 / 540)
        assert march["Basic"]["net_revenue_retention"] == pytest.approx(590 / 540)
        assert march["Pro"]["revenue_retention_reason"] == "no customers at the start"
        assert (march["Basic"]["is_small"], march["Pro"]["is_small"]) == (False, True)

    def test_a_segments_lifetime_is_made_as_the_companys_is(self, world: DbtWarehouse):
        # the company's is made of rounded parts
        apart = world.rows(
            "select month from metrics.unit_economics_by_segment_monthly as parts "
            "inner join metrics.unit_economics_monthly as whole using (month) where segment_type = 'all' "
            "and not (abs(coalesce(parts.clv, 0) - coalesce(whole.clv, 0)) <= 0.01 "
            "and parts.clv_lifetime_months is not distinct from whole.clv_lifetime_months)"
        )
        assert apart == []
        assert world.value("select count(clv) from metrics.unit_economics_by_segment_monthly where segment = 'all'") > 0
        # by August five had come with Basic in January and one in July, and one had left in its third month
        a_month, pace = 1.1 ** (-1 / 12), 1 - 1 / 37
        seen = sum((1 if age < 2 else 0.8) * a_month**age for age in range(8))
        beyond = 0.8 * a_month**7 * sum((pace * a_month) ** further for further in range(1, 53))
        basic = month(world, "unit_economics_by_segment_monthly", "2025-08", segment_type="plan", segment="Basic")
        assert basic["clv_lifetime_months"] == pytest.approx(seen + beyond)
        assert basic["clv_extrapolated_share"] == pytest.approx(beyond / (seen + beyond))
        assert (basic["clv"], basic["clv_reason"]) == (None, "fewer than 5 accounts")
        assert basic["ltv_to_cac_paid_reason"] == "spend is not known by this kind of segment"

    def test_who_comes_and_goes_within_a_month_counts_for_what_it_had(self, world: DbtWarehouse):
        row = month(world, "unit_economics_by_segment_monthly", "2025-08", segment_type="plan", segment="Pro")
        assert amounts(row, "customers_new", "customers_churned", "mrr_new", "mrr_churn") == [1, 1, 60, -60]

    @pytest.mark.parametrize(
        ("kind", "segment", "name"),
        [
            ("channel", "paid_search", "Paid search"),
            ("company_size", "11-50", "11-50"),
            ("country", "DE", "DE"),
            ("owner", "o1", "Olga One"),
        ],
    )
    def test_the_crm_tells_who_an_account_is(self, world: DbtWarehouse, kind: str, segment: str, name: str):
        row = month(world, "unit_economics_by_segment_monthly", "2025-06", segment_type=kind, segment=segment)
        assert (row["segment_name"], row["customers_end"], row["mrr_end"], row["arpa"]) == (name, 1, 250, 250)
        others = month(world, "unit_economics_by_segment_monthly", "2025-06", segment_type=kind, segment="unknown")
        assert (others["customers_end"], others["mrr_end"]) == (4, 410)

    def test_spend_is_known_by_channel_and_the_rest_is_a_row(self, world: DbtWarehouse):
        rows = world.rows(
            "select segment, ad_spend, sales_marketing_cost, cac_paid, cac_paid_reason "
            "from metrics.unit_economics_by_segment_monthly where month = date '2025-01-01' "
            "and segment_type in ('channel', 'all') order by segment"
        )
        assert rows == [
            ("all", 60, 100, 12, None),
            ("paid_search", 60, 60, 60, None),
            ("unallocated", 0, 40, None, "serves all channels"),
            ("unknown", 0, 0, 0, None),
        ]
        row = month(world, "unit_economics_by_segment_monthly", "2025-01", segment_type="plan", segment="Basic")
        assert (row["ad_spend"], row["cac_paid"]) == (None, None)
        assert row["cac_paid_reason"] == "spend is not known by this kind of segment"


class TestCohorts:
    @pytest.mark.parametrize(
        ("age", "active", "never_left", "kept", "end"),
        [(0, 5, 5, 530, 530), (2, 4, 4, 430, 580), (5, 5, 4, 480, 650), (12, 5, 4, 480, 650)],
    )
    def test_a_cohort_by_age_at_its_own_exchange_rates(
        self, world: DbtWarehouse, age: int, active: int, never_left: int, kept: int, end: int
    ):
        (row,) = world.dicts(
            "select * from metrics.retention_cohorts where cohort_month = date '2025-01-01' and segment_type = 'all' "
            f"and age_months = {age}"
        )
        names = ("n", "accounts_active", "accounts_never_left", "mrr_start", "mrr_kept", "mrr_end")
        assert amounts(row, *names) == [5, active, never_left, 530, kept, end]
        assert row["logo_retention"] == pytest.approx(active / 5) and row["survival"] == pytest.approx(never_left / 5)
        assert row["gross_revenue_retention"] == pytest.approx(kept / 530)
        assert row["net_revenue_retention"] == pytest.approx(end / 530)
        assert row["is_complete"] is (age < 12)

    def test_only_ages_that_were_reached(self, world: DbtWarehouse):
        rows = world.rows(
            "select cohort_month, max(age_months), count(*) from metrics.retention_cohorts "
            "where segment_type = 'all' group by 1 order by 1"
        )
        assert [(str(cohort), oldest, ages) for cohort, oldest, ages in rows] == [
            ("2025-01-01", 12, 13),
            ("2025-07-01", 6, 7),
            ("2025-08-01", 5, 6),
        ]


class TestOnAChangedWarehouse:
    """These rebuild parts of the shared warehouse, so they come last."""

    def test_without_billing_nothing_is_zero(self, world: DbtWarehouse):
        on = ["hubspot", "encharge", "ledger"]
        world.run(
            "int_unit_economics+", "int_segment_months+", "gross_margin_by_account_monthly", sources_on=on, as_of=AS_OF
        )
        row = month(world, "unit_economics_by_segment_monthly", "2025-01", segment_type="all")
        assert (row["customers_end"], row["mrr_end"], row["arpa_reason"]) == (None, None, "billing is not connected")
        assert (row["ad_spend"], row["cac_paid"]) == (60, None)
        row = month(world, "growth_efficiency_monthly", "2025-06")
        assert (row["mrr_end"], row["quick_ratio_reason"]) == (None, "billing is not connected")
        assert world.value("select count(*) from metrics.gross_margin_by_account_monthly") == 0
