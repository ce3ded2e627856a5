"""A closed month that is told anew leaves a note of what was published before, and why it changed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from warehouse import meta, restatements
from warehouse.connections import open_duckdb
from warehouse.publish import publish, rollback
from warehouse.settings import Settings

MAY, JUNE = date(2026, 5, 1), date(2026, 6, 1)
JULY_RUN = datetime(2026, 7, 15, tzinfo=UTC)
Months = dict[tuple[str, date], tuple[float, float]]
Run = Callable[..., meta.Run]


@pytest.fixture
def night(settings: Settings) -> Run:
    """A run with these account months (MRR, revenue), compared and published."""

    def run(
        months: Months, as_of: datetime = settings.as_of, policy: str = "v1", published: bool = True, **more: Any
    ) -> meta.Run:
        sources = more.pop("sources", {"cus_1": "a", "cus_2": "b"})
        more_tables = more.pop("star", {})
        now = settings.model_copy(update={"as_of": as_of, **more})
        made = meta.new_run(as_of)
        meta.begin_run(now, made)
        with open_duckdb(now.warehouse_path) as connection:
            connection.execute("create schema if not exists journey")
            connection.execute(
                "create or replace table journey.fct_account_months (account_key varchar, month date, "
                "currency varchar, mrr decimal(18, 4), recognised_revenue decimal(18, 4), is_complete boolean, "
                "policy_version varchar)"
            )
            connection.execute(
                "create or replace table journey.account_sources "
                "(account_key varchar, source_system varchar, source_type varchar, source_id varchar)"
            )
            for (account, month), (mrr, revenue) in months.items():
                complete = month < as_of.date().replace(day=1)
                values = [account, month, now.currency, mrr, revenue, complete, policy]
                connection.execute("insert into journey.fct_account_months values (?, ?, ?, ?, ?, ?, ?)", values)
            for source, account in sources.items():
                connection.execute(
                    "insert into journey.account_sources values (?, 'stripe', 'customer', ?)", [account, source]
                )
            for table, rows in more_tables.items():
                connection.execute(f"create or replace table journey.{table} ({STAR[table]})")
                for row in rows:
                    connection.execute(f"insert into journey.{table} values ({', '.join('?' * len(row))})", list(row))
        meta.record_builds(now, made.run_id, ["journey.fct_account_months", "journey.account_sources"])
        restatements.record(now, made.run_id)
        meta.end_run(now, made.run_id, "passed" if published else "failed")
        if published:
            publish(now)
        return made

    return run


# the columns of the star that are compared
STAR = {
    "fct_leads": "account_key varchar, created_on date, converted_on date",
    "fct_stage_periods": "entity_type varchar, account_key varchar, stage varchar, entered_at timestamp, "
    "is_skipped boolean",
    "fct_deals": "account_key varchar, closed_on date, is_won boolean, amount decimal(18, 4)",
    "fct_deal_snapshots": "account_key varchar, snapshot_date date, amount decimal(18, 4)",
}
FIRST: Months = {("a", MAY): (100, 90), ("b", MAY): (50, 50), ("a", JUNE): (100, 40), ("b", JUNE): (50, 25)}


def noted(settings: Settings) -> list[tuple[Any, ...]]:
    with open_duckdb(settings.published_path, read_only=True) as connection:
        return connection.execute(
            "select month, measure, account_key, amount_before, amount_after, reason "
            "from meta.restatements order by all"
        ).fetchall()


def bases(settings: Settings, measure: str = "mrr") -> dict[date, tuple[Decimal, Decimal, Decimal, int]]:
    with open_duckdb(settings.published_path, read_only=True) as connection:
        rows = connection.execute(
            "select month, amount_published, amount_restated, amount, restatements from meta.months_as_published "
            "where measure = ? order by month",
            [measure],
        ).fetchall()
    return {row[0]: row[1:] for row in rows}


def test_nothing_is_restated_by_the_first_run_nor_by_one_that_finds_the_same(settings: Settings, night: Run):
    night(FIRST)
    night(FIRST)
    assert noted(settings) == []
    assert bases(settings) == {MAY: (150, 0, 150, 0)}


def test_a_closed_month_that_changed_is_noted_once_and_the_running_month_is_none(settings: Settings, night: Run):
    night(FIRST)
    changed = FIRST | {("a", MAY): (120, 90), ("a", JUNE): (120, 48)}
    night(changed)
    night(changed)
    assert noted(settings) == [(MAY, "mrr", "a", 100, 120, "source")]
    assert bases(settings) == {MAY: (150, 20, 170, 1)}
    assert bases(settings, "recognised_revenue") == {MAY: (140, 0, 140, 0)}


def test_what_was_first_published_is_known_after_several_changes_and_new_months(settings: Settings, night: Run):
    night(FIRST)
    night(FIRST | {("a", MAY): (120, 90)})
    # gone from the past, and back in June with another figure after June was published as closed
    july = {key: value for key, value in FIRST.items() if key != ("b", MAY)} | {("a", MAY): (120, 90)}
    night(july, JULY_RUN)
    night(july | {("b", JUNE): (60, 25)}, JULY_RUN)
    assert bases(settings) == {MAY: (150, -30, 120, 2), JUNE: (150, 10, 160, 1)}
    assert (MAY, "mrr", "b", 50, 0, "source") in noted(settings)


def test_a_run_that_was_not_published_leaves_no_second_note(settings: Settings, night: Run):
    night(FIRST)
    night(FIRST | {("a", MAY): (130, 90)}, published=False)
    night(FIRST | {("a", MAY): (120, 90)})
    assert noted(settings) == [(MAY, "mrr", "a", 100, 120, "source")]


def test_after_a_rollback_the_notes_are_about_what_people_read(settings: Settings, night: Run):
    first = night(FIRST)
    night(FIRST | {("a", MAY): (130, 90)})
    rollback(settings, first.run_id)
    night(FIRST | {("a", MAY): (120, 90)})
    assert noted(settings) == [(MAY, "mrr", "a", 100, 120, "source")]


def test_accounts_that_turn_out_to_be_one_are_an_identity_matter_and_keep_the_total(settings: Settings, night: Run):
    night(FIRST)
    night({("a", MAY): (150, 140), ("a", JUNE): (150, 65)}, sources={"cus_1": "a", "cus_2": "a"})
    assert [row for row in noted(settings) if row[1] == "mrr"] == [
        (MAY, "mrr", "a", 100, 150, "identity"),
        (MAY, "mrr", "b", 50, 0, "identity"),
    ]
    assert bases(settings) == {MAY: (150, 0, 150, 1)}


@pytest.mark.parametrize(
    ("policy", "more", "reason"),
    [("v1+mrr_trials=include", {}, "policy"), ("v1", {"time_zone": "Asia/Tokyo"}, "reporting_convention")],
)
def test_what_moves_everything_is_noted_for_the_company(
    settings: Settings, night: Run, policy: str, more: dict[str, Any], reason: str
):
    night(FIRST)
    night({key: (mrr + 10, revenue) for key, (mrr, revenue) in FIRST.items()}, policy=policy, **more)
    assert noted(settings) == [(MAY, "mrr", None, 150, 170, reason)]


def test_neither_another_currency_nor_an_earlier_instant_is_compared(settings: Settings, night: Run):
    night(FIRST)
    night({key: (mrr * 2, revenue) for key, (mrr, revenue) in FIRST.items()}, currency="EUR")
    night(FIRST, datetime(2026, 6, 1, tzinfo=UTC), currency="EUR")
    assert noted(settings) == []


MID_MAY, END_OF_MAY, MID_JUNE = date(2026, 5, 15), date(2026, 5, 31), date(2026, 6, 15)
STAR_OF_MAY: dict[str, list[tuple[Any, ...]]] = {
    "fct_leads": [("a", MID_MAY, None), ("b", MID_MAY, MID_MAY), ("b", MID_JUNE, None)],
    "fct_stage_periods": [
        ("person", "a", "mql", datetime(2026, 5, 31, 23), False),
        ("account", "a", "mql", datetime(2026, 5, 20), True),
        ("account", "b", "customer", datetime(2026, 5, 20), False),
    ],
    "fct_deals": [("b", MID_MAY, True, 500), ("a", MID_MAY, False, 900)],
    "fct_deal_snapshots": [("a", MID_MAY, 700), ("a", END_OF_MAY, 800), ("a", MID_JUNE, 900)],
}


def test_figures_of_the_journey_are_noted_with_what_they_were_before(settings: Settings, night: Run):
    night(FIRST, star=STAR_OF_MAY)
    # a lead came to light, another converted, a stay was not one, a deal was worth less, another was open at the end
    now = {
        "fct_leads": [
            ("a", MID_MAY, MID_MAY),
            ("a", MID_MAY, None),
            *STAR_OF_MAY["fct_leads"][1:],
            ("a", MID_JUNE, None),
        ],
        "fct_stage_periods": STAR_OF_MAY["fct_stage_periods"][1:],
        "fct_deals": [("b", MID_MAY, True, 450), ("a", MID_MAY, False, 900)],
        "fct_deal_snapshots": [("a", MID_MAY, 1), ("a", END_OF_MAY, 850), ("b", END_OF_MAY, 40)],
    }
    night(FIRST, star=now)
    night(FIRST, star=now)
    assert noted(settings) == [
        (MAY, "lead_conversions", "a", 0, 1, "source"),
        (MAY, "leads", "a", 1, 2, "source"),
        (MAY, "open_pipeline", "a", 800, 850, "source"),
        (MAY, "open_pipeline", "b", 0, 40, "source"),
        (MAY, "person_entered_mql", "a", 1, 0, "source"),
        (MAY, "won_deals", "b", 500, 450, "source"),
    ]
    assert bases(settings, "leads") == {MAY: (2, 1, 3, 1)}
    assert bases(settings, "person_entered_mql") == {MAY: (1, -1, 0, 1)}
    assert bases(settings, "open_pipeline") == {MAY: (800, 90, 890, 1)}


def test_months_of_stage_entries_are_those_of_the_reporting_zone(settings: Settings, night: Run):
    """In Tokyo the last hour of May in UTC is June."""
    night(FIRST, star=STAR_OF_MAY)
    night(FIRST, star=STAR_OF_MAY, time_zone="Asia/Tokyo")
    assert noted(settings) == [(MAY, "person_entered_mql", None, 1, 0, "reporting_convention")]
