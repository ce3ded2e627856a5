"""Lead conversion, stages and hand-offs on six leads told in raw rows, figures worked out by hand.

Ann and Amy are leads of Acme, which pays 30 days after Ann came; Ada joins when it pays already. Bob (Globex) goes back
and forth and never buys. Cid (Initech) jumps over a stage and buys after 120 days. Dee (Umbrella) buys in December.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from tests.dbt.conftest import DbtWarehouse
from tests.dbt.journey_world import association, history

AS_OF = "2025-12-31 00:00:00"
COMPANIES = {"10": ("Acme", 5, "2025-02-09"), "20": ("Globex", 60, None), "30": ("Initech", 60, "2025-05-20")}
COMPANIES["40"] = ("Umbrella", None, "2025-12-11")
LEADS = {
    "1": ("ann", "10", "2025-01-10"),
    "2": ("amy", "10", "2025-01-31"),
    "3": ("bob", "20", "2025-01-15"),
    "4": ("cid", "30", "2025-01-20"),
    "5": ("ada", "10", "2025-03-01"),
    "6": ("dee", "40", "2025-12-01"),
}
PRICE = {
    "currency": "usd",
    "unit_amount": 10000,
    "unit_amount_decimal": "10000",
    "interval": "month",
    "interval_count": 1,
}


def raw() -> dict[tuple[str, str], list[dict[str, Any]]]:
    """The rows of every stream."""
    paying = {key: (name, since) for key, (name, _, since) in COMPANIES.items() if since}
    lifecycle = {
        "1": (("2025-01-10", "lead"), ("2025-01-25", "marketingqualifiedlead"), ("2025-02-09", "customer")),
        "2": (("2025-01-31", "lead"),),
        "3": (
            ("2025-01-15", "lead"),
            ("2025-02-01", "marketingqualifiedlead"),
            ("2025-02-10", "lead"),
            ("2025-03-01", "marketingqualifiedlead"),
        ),
        "4": (("2025-01-20", "lead"), ("2025-03-01", "salesqualifiedlead"), ("2025-05-20", "customer")),
        "5": (("2025-03-01", "lead"),),
        "6": (("2025-12-01", "lead"),),
    }
    return {
        ("hubspot", "owners"): [
            {"id": "o1", "email": "olga@our.com", "first_name": "Olga", "last_name": "One"},
            {"id": "o2", "email": "otto@our.com", "first_name": "Otto", "last_name": "Two"},
        ],
        ("hubspot", "companies"): [
            {
                "id": key,
                "name": name,
                "domain": f"{name.lower()}.com",
                "employee_count": size,
                "created_at": "2025-01-01",
            }
            for key, (name, size, _) in COMPANIES.items()
        ],
        ("hubspot", "contacts"): [
            {"id": key, "email": f"{name}@{COMPANIES[company][0].lower()}.com", "company_id": company, "created_at": at}
            for key, (name, company, at) in LEADS.items()
        ],
        ("hubspot", "property_history"): [
            *(
                row
                for key, changes in lifecycle.items()
                for row in history("contacts", key, "lifecyclestage", *changes)
            ),
            # Friday at five: answered on Monday at nine, within ten working hours but not within a day
            *history("contacts", "1", "hubspot_owner_id", ("2025-01-10 17:00", "o1")),
            # passed on without an answer, then answered at once; the last one was an hour ago when the run looks
            *history(
                "contacts",
                "3",
                "hubspot_owner_id",
                ("2025-01-15 09:00", "o1"),
                ("2025-01-17 09:00", "o2"),
                ("2025-12-30 23:00", "o1"),
            ),
            # an account manager of a customer is no hand-off
            *history("contacts", "6", "hubspot_owner_id", ("2025-12-30 23:00", "o2")),
        ],
        ("hubspot", "calls"): [
            {"id": "c1", "occurred_at": "2025-01-13 09:00", "owner_id": "o1", "direction": "OUTBOUND"},
            {"id": "c3", "occurred_at": "2025-01-17 09:10", "owner_id": "o2", "direction": "OUTBOUND"},
        ],
        ("hubspot", "associations"): [
            association("calls", "c1", "contacts", "1"),
            association("calls", "c3", "contacts", "3"),
        ],
        ("stripe", "customers"): [
            {
                "id": f"cus_{key}",
                "email": f"billing@{name.lower()}.com",
                "hubspot_company_id": key,
                "currency": "usd",
                "created_at": since,
            }
            for key, (name, since) in paying.items()
        ],
        ("stripe", "products"): [{"id": "prod", "name": "Plan", "is_active": True}],
        ("stripe", "prices"): [
            {
                "id": "price",
                "product_id": "prod",
                "type": "recurring",
                "usage_type": "licensed",
                "billing_scheme": "per_unit",
                "is_active": True,
                **PRICE,
            }
        ],
        ("stripe", "subscriptions"): [
            {
                "id": f"sub_{key}",
                "customer_id": f"cus_{key}",
                "status": "active",
                "currency": "usd",
                "created_at": f"{since} 10:00",
                "start_at": f"{since} 10:00",
                "collection_method": "charge_automatically",
                "discount_ids": [],
                "cancel_at_period_end": False,
            }
            for key, (_, since) in paying.items()
        ],
        ("stripe", "subscription_items"): [
            {
                "id": f"si_{key}",
                "subscription_id": f"sub_{key}",
                "price_id": "price",
                "product_id": "prod",
                "usage_type": "licensed",
                "quantity": 1,
                "discount_ids": [],
                "created_at": f"{since} 10:00",
                **PRICE,
            }
            for key, (_, since) in paying.items()
        ],
    }


@pytest.fixture(scope="module")
def world(dbt_module: DbtWarehouse) -> DbtWarehouse:
    """The leads, built once; the project's own tests of this part must hold on them."""
    for (source, stream), rows in raw().items():
        dbt_module.raw(source, stream, rows, extracted_at="2025-12-30 23:30:00+00")
    dbt_module.run(
        "path:models/staging", "+int_leads", "+int_sales_segments", "+int_stage_stays", "+fct_handoffs", as_of=AS_OF
    )
    dbt_module.build(
        "int_sales_segments", "path:models/metrics/conversion", "lead_handoffs", "funnel_cohorts", as_of=AS_OF
    )
    return dbt_module


def test_conversion_by_cohort_is_shown_when_every_lead_is_old_enough(world: DbtWarehouse) -> None:
    assert world.rows("""
        select month(cohort_month), within_days, leads, leads_converted, conversion_rate, conversion_rate_reason
        from metrics.lead_conversion_cohorts
        where segment_type = 'all' and (month(cohort_month) = 1 or within_days = 30) order by cohort_month, within_days
    """) == [
        (1, 30, 4, 2, 0.5, None),
        (1, 60, 4, 2, 0.5, None),
        (1, 90, 4, 2, 0.5, None),
        (1, 180, 4, 3, 0.75, None),
        (1, 365, 4, 3, None, "immature"),
        (3, 30, 1, 0, 0.0, None),
        (12, 30, 1, 1, None, "immature"),
    ]


def test_who_joins_a_paying_account_is_a_lead_that_cannot_convert(world: DbtWarehouse) -> None:
    assert world.rows("""
        select leads, leads_at_customers, leads_converted from metrics.lead_conversion_cohorts
        where segment_type = 'all' and within_days = 365 and cohort_month = '2025-03-01'
    """) == [(1, 1, 0)]


def test_the_period_view_counts_conversions_when_they_happen(world: DbtWarehouse) -> None:
    assert world.rows("""
        select
            month(month), leads_created_in_month, leads_converted_in_month, period_conversion_ratio,
            period_conversion_ratio_reason
        from metrics.lead_conversion_monthly where segment_type = 'all' order by month
    """) == [
        (1, 4, 0, 0.0, None),
        (2, 0, 2, None, "no leads"),
        (3, 1, 0, 0.0, None),
        (5, 0, 1, None, "no leads"),
        (12, 1, 1, 1.0, None),
    ]


def test_the_curve_by_age_keeps_open_leads_until_they_are_seen_no_longer(world: DbtWarehouse) -> None:
    assert world.rows("""
        select age_days, at_risk, leads_converted, leads_censored, round(share_converted, 9)
        from metrics.lead_conversion_survival where cohort_type = 'all' and segment_type = 'all' order by age_days
    """) == [
        (9, 6, 1, 0, 0.166666667),
        (10, 5, 1, 0, 0.333333333),
        (30, 4, 1, 0, 0.5),
        (120, 3, 1, 0, 0.666666667),
        (305, 2, 0, 1, 0.666666667),
        (350, 1, 0, 1, 0.666666667),
    ]
    assert world.rows("""
        select cohort_start, age_days, round(share_converted, 9), n
        from metrics.lead_conversion_survival where cohort_type = 'quarter' and leads_converted > 0 order by 1, 2
    """) == [
        (date(2025, 1, 1), 9, 0.2, 5),
        (date(2025, 1, 1), 30, 0.4, 5),
        (date(2025, 1, 1), 120, 0.6, 5),
        (date(2025, 10, 1), 10, 1.0, 1),
    ]


def test_leads_by_size_of_their_company(world: DbtWarehouse) -> None:
    assert world.rows("""
        select segment, n, leads_converted, is_small from metrics.lead_conversion_cohorts
        where segment_type = 'company_size' and within_days = 180 and cohort_month = '2025-01-01' order by segment
    """) == [("1-10", 2, 2, True), ("51-200", 2, 1, True)]


def test_stages_by_month_of_entry_with_reentry_in_rows_of_its_own(world: DbtWarehouse) -> None:
    assert world.rows("""
        select
            stage, month(cohort_month), is_reentry, entered, skipped, came_back, moved_forward, regressed, still_open,
            conversion_rate, conversion_rate_decided, conversion_rate_decided_reason
        from metrics.stage_conversion
        where entity_type = 'person' and segment_type = 'all' and stage in ('lead', 'mql') and month(cohort_month) <= 3
        order by stage_rank, cohort_month, is_reentry
    """) == [
        ("lead", 1, False, 4, 0, 0, 3, 0, 1, 0.75, 1.0, None),
        ("lead", 2, True, 1, 0, 1, 1, 0, 0, 1.0, 1.0, None),
        ("lead", 3, False, 1, 0, 0, 0, 0, 1, 0.0, None, "immature"),
        ("mql", 1, False, 1, 0, 0, 1, 0, 0, 1.0, 1.0, None),
        ("mql", 2, False, 1, 0, 0, 0, 1, 0, 0.0, 0.0, None),
        # Cid jumped over it
        ("mql", 3, False, 0, 1, 0, 0, 0, 0, 1.0, 1.0, None),
        ("mql", 3, True, 1, 0, 0, 0, 0, 1, 0.0, None, "immature"),
    ]


def test_time_in_stage_censors_open_stays(world: DbtWarehouse) -> None:
    # stays of 15, 17 and 40 days have ended; 30, 305 and 334 days go on: after 40 days 4/6 x 2/3 are left
    assert world.rows("""
        select stays, ended, still_open, open_share, median_days, p90_days, p90_days_reason
        from metrics.stage_velocity
        where
            entity_type = 'person' and stage = 'lead' and not is_reentry
            and cohort_type = 'all' and segment_type = 'all'
    """) == [(6, 3, 3, 0.5, 40.0, None, "fewer than nine in ten have left")]


def test_hand_offs_by_the_wall_clock_and_by_working_hours(world: DbtWarehouse) -> None:
    assert world.rows("""
        select
            segment, month(month), assignments, answered, unanswered, waiting, within_sla, sla_pending,
            within_business_sla, median_minutes, median_business_minutes, within_sla_share, unanswered_share
        from metrics.lead_handoffs where segment_type in ('all', 'owner') order by segment_type, segment, month
    """) == [
        ("all", 1, 3, 2, 1, 0, 1, 0, 2, 10, 10, 1 / 3, 1 / 3),
        ("all", 12, 1, 0, 1, 1, 0, 1, 0, None, None, 0.0, 1.0),
        ("o1", 1, 2, 1, 1, 0, 0, 0, 1, 3840, 120, 0.0, 0.5),
        ("o1", 12, 1, 0, 1, 1, 0, 1, 0, None, None, 0.0, 1.0),
        ("o2", 1, 1, 1, 0, 0, 1, 0, 1, 10, 10, 1.0, 0.0),
    ]


def test_the_choices_of_the_hand_off_stand_in_the_project_file_alone(world: DbtWarehouse) -> None:
    world.run("fct_handoffs", "lead_handoffs", as_of=AS_OF, handoff_sla_minutes=5, handoff_sla_business_minutes=60)
    assert world.rows("""
        select within_sla, within_business_sla, sla_minutes, sla_business_minutes from metrics.lead_handoffs
        where segment_type = 'all' and month = '2025-01-01'
    """) == [(0, 1, 5, 60)]


def test_no_leads_give_empty_marts(world: DbtWarehouse) -> None:
    for table in ("dim_people", "fct_stage_periods", "fct_deal_stage_periods", "fct_handoffs"):
        world.execute(f"delete from journey.{table}")
    world.run("int_leads", "path:models/metrics/conversion", "lead_handoffs", "funnel_cohorts", as_of=AS_OF)
    marts = ("cohorts", "monthly", "survival")
    names = [*(f"lead_conversion_{mart}" for mart in marts), "stage_conversion", "stage_velocity", "lead_handoffs"]
    assert [world.value(f"select count(*) from metrics.{name}") for name in names] == [0] * 6
