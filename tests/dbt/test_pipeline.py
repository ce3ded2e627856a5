"""Deals through time, and the marts on them: six deals told in raw rows, figures worked out by hand.

A is won in March after its amount and close date moved. B jumps over a stage, falls back, is lost, and is taken up
again. C (in euro) was won, and its history cannot be read. D has neither amount nor close date. E was written off as
lost, and won after all. G is lost in March. F was deleted.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest

from tests.dbt.conftest import DbtWarehouse
from tests.dbt.journey_world import association, history, stage

AS_OF = "2025-04-25 12:00:00"


def deal(key: str, stage_id: str, created: str, owner: str = "o1", **more: Any) -> dict[str, Any]:
    """A deal of the sales pipeline."""
    return {
        "id": key,
        "name": key,
        "pipeline_id": "sales",
        "stage_id": stage_id,
        "owner_id": owner,
        "currency": "USD",
        "created_at": created,
        **more,
    }


RAW: dict[tuple[str, str], list[dict[str, Any]]] = {
    ("hubspot", "owners"): [
        {"id": "o1", "email": "olga@our.com", "first_name": "Olga", "last_name": "One"},
        {"id": "o2", "email": "otto@our.com", "first_name": "Otto", "last_name": "Two"},
    ],
    ("hubspot", "companies"): [
        {"id": "10", "name": "Acme", "domain": "acme.com", "employee_count": 8, "created_at": "2025-01-01"},
    ],
    ("hubspot", "pipelines"): [
        {"id": "deals:sales", "object_type": "deals", "pipeline_id": "sales", "label": "Sales"},
    ],
    ("hubspot", "pipeline_stages"): [
        stage("new", 0, "0.2", False),
        stage("demo", 1, "0.5", False),
        # written by an integration that counts to a hundred
        stage("contract", 2, "90", False),
        stage("won", 3, "100", True),
        stage("lost", 4, "0", True),
    ],
    ("hubspot", "deals"): [
        deal("A", "won", "2025-01-10", amount="1500", close_at="2025-03-01", probability="100"),
        deal("B", "contract", "2025-01-15", amount="500", close_at="2025-07-31", probability="90"),
        deal("C", "won", "2025-02-01", "o2", amount="1000", currency="EUR", close_at="2025-02-20", probability="1"),
        deal("D", "new", "2025-03-05", "o2", probability="0.2"),
        deal("E", "won", "2025-04-01", "o2", amount="300", close_at="2025-04-20"),
        deal("F", "won", "2025-01-10", amount="9999", is_deleted=True),
        deal("G", "lost", "2025-02-20", amount="500", close_at="2025-03-20"),
    ],
    ("hubspot", "associations"): [association("deals", "A", "companies", "10", 5, label="Primary")],
    ("hubspot", "property_history"): [
        *history(
            "deals",
            "A",
            "dealstage",
            ("2025-01-10", "new"),
            ("2025-01-20", "demo"),
            ("2025-02-10", "contract"),
            ("2025-03-01", "won"),
        ),
        *history(
            "deals", "A", "amount", ("2025-01-10 00:00:01", "1000"), ("2025-02-10", "1200"), ("2025-03-01", "1500")
        ),
        *history(
            "deals",
            "A",
            "closedate",
            ("2025-01-10", "2025-02-24T09:00:00.000Z"),
            ("2025-02-10", "1742032800000"),
            ("2025-03-01", "2025-03-01T00:00:00.000Z"),
        ),
        *history(
            "deals",
            "B",
            "dealstage",
            ("2025-01-15", "new"),
            ("2025-02-01", "contract"),
            ("2025-02-15", "new"),
            ("2025-03-10", "lost"),
            ("2025-04-01", "contract"),
        ),
        *history(
            "deals", "B", "closedate", ("2025-01-15", "2025-03-31T00:00:00Z"), ("2025-04-01", "2025-07-31T00:00:00Z")
        ),
        *history("deals", "D", "dealstage", ("2025-03-05", "new")),
        *history("deals", "E", "dealstage", ("2025-04-01", "new"), ("2025-04-10", "lost"), ("2025-04-20", "won")),
        *history("deals", "G", "dealstage", ("2025-02-20", "new"), ("2025-03-22", "lost")),
    ],
    ("ledger", "exchange_rates"): [
        {"id": "r1", "date": "2025-01-15", "currency": "EUR", "to_currency": "USD", "rate": "1.1"},
    ],
    ("ledger", "targets"): [
        {"id": f"t{month}", "metric": "bookings", "month": f"2025-{month:02}-01", "amount": amount, "currency": "USD"}
        for month, amount in ((2, "1100"), (3, "4000"), (4, "200"), (7, "1000"))
    ],
}


@pytest.fixture(scope="module")
def world(dbt_module: DbtWarehouse) -> DbtWarehouse:
    """The deals, built once; the project's own tests of this part must hold on them."""
    for (source, stream), rows in RAW.items():
        dbt_module.raw(source, stream, rows, extracted_at="2025-04-25 00:00:00+00")
    dbt_module.run("path:models/staging", "+int_deal_cohorts", "+fct_targets", as_of=AS_OF)
    dbt_module.build(
        "int_deal_points", "int_deal_changes", "fct_deal_snapshots", "path:models/metrics/pipeline", as_of=AS_OF
    )
    return dbt_module


def test_probability_of_0_to_100_is_not_taken_as_0_to_1(world: DbtWarehouse) -> None:
    assert world.rows("""
        select deal_id, probability, is_won from journey.fct_deals
        where deal_id in ('A', 'B', 'C', 'D') order by deal_id
    """) == [
        ("A", Decimal("1.0000"), True),
        ("B", Decimal("0.9000"), False),
        ("C", Decimal("1.0000"), True),
        ("D", Decimal("0.2000"), False),
    ]
    assert world.value("select max(probability) from journey.fct_deal_snapshots") == Decimal("0.9000")


def test_a_deal_is_rebuilt_day_by_day(world: DbtWarehouse) -> None:
    rows = world.rows("""
        select snapshot_date, stages.stage, snapshots.amount, weighted_amount, snapshots.expected_close_date, days_open
        from journey.fct_deal_snapshots as snapshots
        inner join journey.fct_deals as deals using (deal_key)
        inner join journey.dim_stages as stages on snapshots.stage_key = stages.stage_key
        where deal_id = 'A' and snapshot_date in ('2025-01-10', '2025-02-09', '2025-02-10', '2025-02-28', '2025-03-01')
        order by snapshot_date
    """)
    assert rows == [
        (date(2025, 1, 10), "New", Decimal(1000), Decimal(200), date(2025, 2, 24), 0),
        (date(2025, 2, 9), "Demo", Decimal(1000), Decimal(500), date(2025, 2, 24), 30),
        (date(2025, 2, 10), "Contract", Decimal(1200), Decimal(1080), date(2025, 3, 15), 31),
        (date(2025, 2, 28), "Contract", Decimal(1200), Decimal(1080), date(2025, 3, 15), 49),
    ]


def test_a_deal_without_history_was_open_from_its_creation_to_its_close_date(world: DbtWarehouse) -> None:
    assert world.rows("""
        select min(snapshot_date), max(snapshot_date), count(*), max(snapshots.amount), max(stage_key)
        from journey.fct_deal_snapshots as snapshots
        where deal_key = (select deal_key from journey.fct_deals where deal_id = 'C')
    """) == [(date(2025, 2, 1), date(2025, 2, 19), 19, Decimal(1100), "unknown")]


def test_a_closed_deal_without_history_or_close_date_was_closed_when_it_was_created(dbt: DbtWarehouse) -> None:
    """It used to be closed at the instant of each run."""
    dbt.raw("hubspot", "pipeline_stages", [stage("lost", 4, "0", True)])
    dbt.raw("hubspot", "deals", [deal("A", "lost", "2025-01-10")])
    dbt.run("+fct_deals", as_of="2026-01-01 00:00:00")
    created = datetime(2025, 1, 10)
    assert dbt.rows("select entered_at, exited_at from journey.fct_deal_stage_periods") == [(created, None)]
    assert dbt.rows("select closed_at from journey.fct_deals") == [(created,)]


def test_the_pipeline_of_a_month_closes_with_what_moved_it(world: DbtWarehouse) -> None:
    assert world.rows("""
        select
            month(month), deals_opening, deals_created, deals_reopened, deals_won, deals_lost, deals_moved_in,
            deals_closing, amount_created, amount_reopened, amount_won, amount_lost, amount_changed,
            amount_moved_out, amount_closing
        from metrics.pipeline_waterfall where segment_type = 'all' order by month
    """) == [
        (1, 0, 2, 0, 0, 0, 0, 2, 1500, 0, 0, 0, 0, 0, 1500),
        (2, 2, 2, 0, 1, 0, 1, 3, 1600, 0, 1100, 0, 200, 1200, 2200),
        (3, 3, 1, 0, 1, 2, 0, 1, 0, 0, 1500, 1000, 300, 0, 0),
        (4, 1, 1, 2, 1, 1, 0, 2, 300, 800, 300, 300, 0, 0, 500),
    ]


def test_a_moved_close_date_takes_the_deal_to_another_month(world: DbtWarehouse) -> None:
    assert world.rows("""
        select segment, month(month), deals_moved_in, deals_moved_out, deals_won, deals_closing, amount_closing
        from metrics.pipeline_waterfall
        where segment_type = 'close_month' and segment in ('2025-02-01', '2025-03-01', '2025-07-01') order by 1, 2
    """) == [
        ("2025-02-01", 1, 0, 0, 0, 1, 1000),
        ("2025-02-01", 2, 0, 1, 1, 0, 0),
        ("2025-03-01", 1, 0, 0, 0, 1, 500),
        ("2025-03-01", 2, 1, 0, 0, 3, 2200),
        ("2025-03-01", 3, 0, 0, 1, 0, 0),
        # taken up again with a new close date: it comes back in July, not in March
        ("2025-07-01", 4, 0, 0, 0, 1, 500),
    ]


def test_open_pipeline_by_day(world: DbtWarehouse) -> None:
    assert world.rows("""
        select day, deals_open, deals_overdue, amount_open, amount_weighted from metrics.pipeline_daily
        where day in ('2025-01-09', '2025-01-14', '2025-02-10', '2025-03-31', '2025-04-25') order by day
    """) == [
        (date(2025, 1, 14), 1, 0, Decimal(1000), Decimal(200)),
        (date(2025, 2, 10), 3, 0, Decimal(2800), Decimal(1530)),
        (date(2025, 3, 31), 1, 0, Decimal(0), Decimal(0)),
        (date(2025, 4, 25), 2, 0, Decimal(500), Decimal(450)),
    ]


def test_win_rates_by_month_of_close_and_of_creation(world: DbtWarehouse) -> None:
    assert world.rows("""
        select
            basis, month(month), deals_won, deals_lost, deals_open, amount_won, amount_lost,
            win_rate, win_rate_value, win_rate_reason, is_small
        from metrics.win_rates where segment_type = 'all' order by basis, month
    """) == [
        ("closed", 2, 1, 0, 0, 1100, 0, 1.0, 1.0, None, True),
        ("closed", 3, 1, 1, 0, 1500, 500, 0.5, 0.75, None, True),
        ("closed", 4, 1, 0, 0, 300, 0, 1.0, 1.0, None, True),
        ("created", 1, 1, 0, 1, 1500, 0, 1.0, 1.0, None, True),
        ("created", 2, 1, 1, 0, 1100, 500, 0.5, 0.6875, None, True),
        ("created", 3, 0, 0, 1, 0, 0, None, None, "no deal is closed", True),
        ("created", 4, 1, 0, 0, 300, 0, 1.0, 1.0, None, True),
    ]


def test_a_lost_deal_that_was_won_after_all_was_won_when_it_was_won(world: DbtWarehouse) -> None:
    assert world.rows("select cast(closed_at as date), cycle_days from journey.fct_deals where deal_id = 'E'") == [
        (date(2025, 4, 20), 19)
    ]


def test_cycles_and_velocity_rest_on_the_deals_closed_in_the_month(world: DbtWarehouse) -> None:
    assert world.rows("""
        select
            month(cycles.month), median_days_won, p90_days_won, median_days_lost, opportunities, average_value,
            velocity.win_rate, average_cycle_days, velocity_per_day
        from metrics.sales_cycles as cycles
        inner join metrics.pipeline_velocity as velocity using (month, segment_type, segment)
        where segment_type = 'all' order by 1
    """) == [
        (2, 19, 19, None, 1, 1100, 1.0, 19.0, Decimal("57.89")),
        # 2 x 1,500 x 50 % / 50 days
        (3, 50, 50, 30, 2, 1500, 0.5, 50.0, Decimal(30)),
        (4, 19, 19, None, 1, 300, 1.0, 19.0, Decimal("15.79")),
    ]


def test_coverage_counts_what_closes_in_the_month_against_what_is_left(world: DbtWarehouse) -> None:
    assert world.rows("""
        select
            month(month), measured, target, amount_won, deals_open, amount_open, pipeline_coverage,
            pipeline_coverage_reason
        from metrics.pipeline_coverage order by month, measured
    """) == [
        (2, "start", 1100, 0, 1, 1000, 1000 / 1100, None),
        (3, "start", 4000, 0, 3, 2200, 0.55, None),
        (4, "now", 200, 300, 0, 0, None, "met"),
        (4, "start", 200, 0, 0, 0, 0.0, None),
        (7, "now", 1000, 0, 1, 500, 0.5, None),
    ]


def test_segments_of_a_deal(world: DbtWarehouse) -> None:
    assert world.rows("""
        select segment_type, segment, deals_won, deals_lost, deals_open from metrics.win_rates
        where basis = 'created' and month = '2025-02-01' and segment_type in ('owner', 'company_size') order by 1, 2
    """) == [
        ("company_size", "unknown", 1, 1, 0),
        ("owner", "o1", 0, 1, 0),
        ("owner", "o2", 1, 0, 0),
    ]


def test_no_deals_give_empty_marts(world: DbtWarehouse) -> None:
    for table in ("fct_deals", "fct_deal_stage_periods", "fct_targets"):
        world.execute(f"delete from journey.{table}")
    models = ("int_deal_points", "int_deal_changes", "fct_deal_snapshots", "int_sales_segments")
    world.run(*models, "path:models/metrics/pipeline", as_of=AS_OF)
    marts = (
        "pipeline_daily",
        "pipeline_waterfall",
        "win_rates",
        "sales_cycles",
        "pipeline_velocity",
        "pipeline_coverage",
    )
    assert [world.value(f"select count(*) from metrics.{mart}") for mart in marts] == [0] * 6
