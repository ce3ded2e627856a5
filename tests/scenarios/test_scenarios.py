"""Provider objects in, figures of the published marts out: one company lives through nights of the real pipeline.

What a scenario expects stands beside its objects, in `states.py`, `prices.py` and `invoices.py`.
"""

from __future__ import annotations

from collections import Counter
from datetime import date
from decimal import Decimal

import httpx
import pytest

from tests.scenarios.company import Scenarios, living
from tests.scenarios.scenario import ALL


@pytest.fixture(scope="module")
def lives(tmp_path_factory):
    """The company after its first night."""
    with living(tmp_path_factory.mktemp("scenarios")) as company:
        yield company


every_scenario = pytest.mark.parametrize("name", [one.name for one in ALL])


def shows_what_is_wanted(lives: Scenarios, night: int, name: str) -> None:
    """The marts of a night, counted from 0, show what the scenario expects of it."""
    wanted = lives.wanted(name, night)
    assert lives.nights[night].figures(f"cus_{name}", wanted) == wanted


@every_scenario
def test_scenario(lives: Scenarios, name: str):
    shows_what_is_wanted(lives, 0, name)


def test_there_is_a_scenario_for_every_state():
    assert len(ALL) >= 100 and len({one.name for one in ALL}) == len(ALL)


def row(lives: Scenarios, table: str, month: str, *columns: str) -> tuple:
    """Figures of a month from a mart that the last night published."""
    (found,) = lives.company.query(f"select {', '.join(columns)} from metrics.{table} where month = date '{month}-01'")
    return found


class TestWholeCompany:
    def test_a_hundred_at_100_a_month_and_fifty_at_600_a_year_make_12500(self, lives: Scenarios):
        assert row(lives, "unit_economics_monthly", "2022-02", "mrr_end", "customers_end", "arpa") == (
            Decimal("12500"),
            150,
            Decimal("83.33"),
        )

    def test_ten_of_a_hundred_leave_and_thirty_join(self, lives: Scenarios):
        columns = ("customers_start", "customers_new", "customers_churned", "customers_end", "customer_churn_rate")
        assert row(lives, "unit_economics_monthly", "2022-06", *columns) == (100, 30, 10, 120, pytest.approx(0.10))

    def test_from_1000_to_1045(self, lives: Scenarios):
        parts = ("opening", "new", "expansion", "contraction", "churn", "reactivation", "fx", "restatement", "closing")
        found = row(lives, "mrr_rollforward", "2022-10", *(f"mrr_{part}" for part in parts), "difference")
        assert [int(value) for value in found] == [1000, 100, 50, -40, -60, 0, -5, 0, 1045, 0]

    def test_the_roll_forward_closes_in_every_month(self, lives: Scenarios):
        months = lives.company.query("select difference from metrics.mrr_rollforward")
        assert len(months) == 12 * 4 + 6 and {difference for (difference,) in months} == {0}

    def test_cash_is_the_balance_of_the_billing_system_to_the_cent(self, lives: Scenarios):
        answer = httpx.get(f"{lives.company.url}/stripe/v1/balance", headers={"Authorization": "Bearer sandbox"})
        balance = Counter()
        for part in (answer.json()["available"], answer.json()["pending"]):
            for entry in part:
                balance[entry["currency"].upper()] += entry["amount"]
        digits = {"JPY": 0, "KWD": 3}
        cash = lives.company.query("select currency, sum(net_native) from journey.fct_cash group by all")
        assert {currency: int(net * 10 ** digits.get(currency, 2)) for currency, net in cash} == dict(balance)

    def test_nothing_is_left_to_reconcile(self, lives: Scenarios):
        assert lives.company.query("select * from metrics.revenue_reconciliation where difference <> 0") == []

    def test_usage_is_no_part_of_mrr(self, lives: Scenarios):
        ((mrr, usage),) = lives.company.query(
            "select sum(mrr_native), sum(usage_mrr_native) from journey.fct_subscription_periods "
            "where state = 'not_recurring'"
        )
        assert mrr == 0 and usage > 0
        # 70 beside a fixed fee, 50 by the quarter, and 900 euros
        assert row(lives, "mrr_rollforward", "2026-05", "usage_mrr_end") == (Decimal("1110"),)


class TestFaultsOfOtherProjects:
    """Faults known from other code bases; each has a test that would find it here."""

    def test_reactivation_is_reached(self, lives: Scenarios):
        """A branch for expansion that is tested first takes every return of a lost customer for an expansion."""
        moves = lives.nights[-1].movements["cus_won_back_after_seven_weeks"]
        assert [movement for _, movement, _ in moves] == ["new", "churn", "reactivation"]

    def test_no_churn_is_silent(self, lives: Scenarios):
        """A model that only joins the months with a subscription has no row for the month in which it is gone."""
        silent = lives.company.query(
            "select months.account_key, months.month from journey.fct_account_months as months "
            "where months.is_customer_at_start and not months.is_customer and not exists (select 1 "
            "from journey.fct_mrr_movements as moves where moves.account_key = months.account_key "
            "and moves.movement = 'churn' and date_trunc('month', moves.moved_on) = months.month)"
        )
        ((churned,),) = lives.company.query("select count(*) from journey.fct_mrr_movements where movement = 'churn'")
        assert silent == [] and churned > 250

    def test_two_partial_refunds_do_not_double_a_line(self, lives: Scenarios):
        """A join of a line to its refunds repeats the line's revenue for each of them."""
        revenue = lives.nights[-1].revenue["cus_several_partial_refunds_of_one_line"]
        assert revenue == {"2026-03": "100.00", "2026-04": "-50.00", "2026-05": "-25.00"}

    def test_a_trial_is_not_counted(self, lives: Scenarios):
        """Taking every subscription that is not cancelled for an active one counts trials."""
        night = lives.nights[0]
        assert night.mrr_on("cus_a_trial_that_runs_and_then_pays", "2026-06-15") == "0.00"
        assert night.movements["cus_a_trial_that_never_pays"] == []

    def test_todays_price_is_not_put_on_history(self, lives: Scenarios):
        """A join to the subscription's present price restates every month that had another."""
        night = lives.nights[-1]
        assert night.mrr["cus_a_change_scheduled_for_the_next_cycle"]["2026-02"] == "50.00"

    def test_the_months_begin_with_the_data(self, lives: Scenarios):
        """A month spine with a start of its own drops what came before it."""
        ((first, began),) = lives.company.query(
            "select min(month), (select min(starts_on) from journey.fct_subscription_periods) "
            "from metrics.unit_economics_monthly"
        )
        assert (first, began) == (date(2022, 1, 1), date(2022, 1, 10))
        lost = lives.company.query(
            "select distinct month from journey.fct_account_months "
            "where month not in (select month from metrics.unit_economics_monthly)"
        )
        assert lost == []

    def test_yen_are_not_divided_by_a_hundred(self, lives: Scenarios):
        """5,000 yen are sent as 5000: a fixed two digits make 50 of them."""
        night = lives.nights[-1]
        assert night.mrr_on("cus_yen_have_no_minor_unit", "2026-03-01") == "5000.00"
        assert night.mrr["cus_yen_have_no_minor_unit"]["2026-03"] == "33.50"

    def test_probabilities_are_shares_however_they_are_written(self, lives: Scenarios):
        """60 taken as a share makes a deal of 1,000 one of 60,000."""
        deals = lives.company.query(
            "select name, probability, amount * probability from journey.fct_deals order by all"
        )
        assert [(name, f"{chance:.2f}", f"{value:.0f}") for name, chance, value in deals] == [
            ("demo", "0.20", "200"),
            ("demo", "0.20", "200"),
            ("lost", "0.00", "0"),
            ("offer", "0.60", "600"),
            ("won", "1.00", "1000"),
            ("won", "1.00", "1000"),
        ]

    def test_invoices_are_not_cut_at_ten_lines(self, lives: Scenarios):
        """An invoice embeds its first ten lines; whoever does not ask for the rest loses their revenue."""
        night = lives.nights[-1]
        assert night.revenue["cus_an_invoice_of_thirty_seven_lines"] == {"2026-03": "370.00"}
        assert night.mrr["cus_a_subscription_of_twelve_items"]["2026-03"] == "120.66"


@pytest.fixture(scope="module")
def second(lives: Scenarios):
    """The same company after a second night, which follows Stripe's events."""
    lives.live_on()
    return lives


@pytest.mark.slow
class TestAfterASecondNight:
    """Objects have changed since the first night. After the classes above: it moves the time."""

    @every_scenario
    def test_scenario(self, second: Scenarios, name: str):
        shows_what_is_wanted(second, 1, name)

    def test_a_new_price_is_not_put_on_history(self, second: Scenarios):
        customer = "cus_a_price_changed_between_two_nights_without_an_invoice"
        assert second.nights[1].mrr[customer]["2026-05"] == "50.00"


@pytest.fixture(scope="module")
def later(second: Scenarios):
    """The same company after a night that lies more than a month after the one before."""
    second.live_on()
    return second


@pytest.mark.slow
class TestAfterAMonthOfSilence:
    """A night that comes too late for Stripe's events lists everything anew. The last class: it moves the time."""

    @every_scenario
    def test_scenario(self, later: Scenarios, name: str):
        shows_what_is_wanted(later, 2, name)

    def test_the_mrr_of_months_that_were_over_stays(self, later: Scenarios):
        before, after = later.nights[1:]
        for customer, months in before.mrr.items():
            over = {month: mrr for month, mrr in months.items() if month < "2026-07"}
            assert {month: after.mrr[customer][month] for month in over} == over, customer
