"""Every expectation passes on a sound warehouse, and fails, with the rows that are wrong, on one that is not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from quality.marts import mart_frames
from quality.raw import raw_frames
from quality.run import run_frames
from quality.star import KEYS, RANGES, REFERENCES, star_frames
from warehouse import meta
from warehouse.connections import open_duckdb
from warehouse.settings import Settings

AS_OF = datetime(2026, 6, 15, tzinfo=UTC)
STREAMS = {"stripe": ("charges", "invoices")}

LEDGER = (
    "id varchar, modified_at timestamptz, is_deleted boolean, content_hash varchar, version_hash varchar, "
    "extracted_at timestamptz, payload varchar, _dlt_load_id varchar"
)
VERSIONS = (
    "select range::varchar, timestamptz '2026-06-14 12:00:00+00', false, 'h', 'v' || range, "
    "timestamptz '2026-06-15 00:00:00+00', '{}', 'load' from range(20)"
)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data", as_of=AS_OF, _env_file=None)


@pytest.fixture
def sql(settings: Settings) -> Callable[..., None]:
    def execute(*statements: str) -> None:
        with open_duckdb(settings.warehouse_path) as connection:
            for statement in statements:
                connection.execute(statement)

    return execute


def failed(settings: Settings, frames) -> dict[str, meta.Check]:
    """The checks that did not pass, by name."""
    return {
        check.name: check for checks in run_frames(settings, frames).values() for check in checks if not check.passed
    }


class TestRaw:
    @pytest.fixture(autouse=True)
    def ledger(self, settings: Settings, sql):
        """Two sound streams, and a run before this one that saw the same rows."""
        first = meta.new_run(AS_OF)
        meta.begin_run(settings, first)
        for stream in STREAMS["stripe"]:
            sql(
                "create schema if not exists raw_stripe",
                f"create table raw_stripe.{stream} ({LEDGER})",
                f"insert into raw_stripe.{stream} {VERSIONS}",
            )
        sql("create table raw_stripe.quarantine (stream varchar, id varchar, reason varchar, payload varchar)")
        meta.record_loads(settings, first.run_id, "stripe", [meta.StreamLoad(s, 20, 0) for s in STREAMS["stripe"]])
        meta.record_row_counts(settings, first.run_id, ["raw_stripe"])
        meta.end_run(settings, first.run_id, "passed")
        meta.begin_run(settings, meta.new_run(AS_OF))

    def test_a_sound_ledger_passes(self, settings: Settings):
        results = run_frames(settings, raw_frames(STREAMS))
        assert failed(settings, raw_frames(STREAMS)) == {}
        assert set(results) == {
            *(("raw_streams", f"raw_stripe.{stream}") for stream in STREAMS["stripe"]),
            ("raw_pulses", "raw_stripe.invoices"),
        }

    @pytest.mark.parametrize(
        ("statement", "name", "severity"),
        [
            ("delete from raw_stripe.charges where id = '3'", "volume", "error"),
            ("update raw_stripe.charges set payload = null where id = '3'", "keys", "error"),
            ("update raw_stripe.charges set modified_at = timestamptz '1970-01-20 12:00:00+00'", "instants", "error"),
            ("update raw_stripe.charges set modified_at = timestamptz '58423-01-20 12:00:00+00'", "instants", "error"),
            ("alter table raw_stripe.charges alter modified_at type timestamp", "types", "error"),
            (
                "insert into raw_stripe.quarantine select 'charges', 'q' || range, 'r', '' from range(11)",
                "quarantine",
                "error",
            ),
            ("insert into raw_stripe.quarantine values ('charges', null, 'r', 'x')", "rejected", "warning"),
            ("update meta.freshness set loaded_at = loaded_at - interval 27 hours", "freshness", "warning"),
        ],
    )
    def test_a_fault_is_found_in_its_stream(self, settings: Settings, sql, statement: str, name: str, severity: str):
        sql(statement)
        found = failed(settings, raw_frames(STREAMS))
        check = found[f"raw_stripe.charges: {name}"]
        assert check.severity == severity and check.failing_rows == 1 and check.error is None
        if name != "freshness":
            assert not any(other.startswith("raw_stripe.invoices") for other in found)

    def test_an_object_that_was_put_right_is_no_longer_counted_as_rejected(self, settings: Settings, sql):
        sql("insert into raw_stripe.quarantine values ('charges', '7', 'r', 'x')")
        assert failed(settings, raw_frames(STREAMS)) == {}

    def test_a_source_that_fell_silent_warns_and_one_that_is_off_does_not(self, settings: Settings, sql):
        sql("update raw_stripe.invoices set modified_at = timestamptz '2026-04-01 00:00:00+00'")
        assert list(failed(settings, raw_frames(STREAMS))) == ["raw_stripe.invoices: silence"]
        sql("update meta.freshness set is_configured = false, loaded_at = null")
        assert failed(settings, raw_frames(STREAMS)) == {}

    def test_a_stream_without_its_table_is_a_check_that_could_not_run(self, settings: Settings, sql):
        sql("drop table raw_stripe.charges")
        found = failed(settings, raw_frames(STREAMS))
        assert "charges" in found["raw_stripe.charges: volume"].error
        assert found["raw_stripe.charges: volume"].is_blocking

    def test_only_what_is_asked_for_runs(self, settings: Settings):
        only = {("raw_streams", "raw_stripe.charges")}
        assert set(run_frames(settings, raw_frames(STREAMS), only)) == only


class TestStar:
    @pytest.fixture(autouse=True)
    def star(self, settings: Settings, sql):
        """Every table of the suites with one row, and the dimensions with `unknown` beside it."""
        columns: dict[str, dict[str, str]] = {table: {key: "'k'"} for table, key in KEYS.items()}
        for fact, references in REFERENCES.items():
            columns[fact] |= dict.fromkeys(references, "'unknown'")
        for table in RANGES:
            columns.setdefault(table, {})
        columns["journey.fct_journey_events"] |= {"occurred_at": "timestamp '2026-06-01'"}
        columns["journey.fct_stage_periods"] |= {
            "entered_at": "timestamp '2026-06-01'",
            "exited_at": "cast(null as timestamp)",
        }
        columns["journey.fct_account_months"] |= {"mrr": "1.0"}
        columns["journey.fct_subscription_periods"] |= {
            "mrr_native": "1.0",
            "quantity": "1",
            "starts_on": "date '2026-01-01'",
            "ends_on": "date '2026-02-01'",
        }
        columns["journey.fct_mrr_movements"] |= {"movement": "'churn'", "amount": "-1.0"}
        columns["journey.fct_handoffs"] |= {"wall_clock_minutes": "5"}
        tables = []
        for table, values in columns.items():
            listed = ", ".join(f"{value} as {name}" for name, value in values.items())
            more = " union all select 'unknown'" if ".dim_" in table else ""
            tables.append(f"create table {table} as select {listed}{more}")
        sql("create schema journey", "begin", *tables, "commit")
        meta.begin_run(settings, meta.new_run(AS_OF))

    def test_a_sound_star_passes(self, settings: Settings):
        assert failed(settings, star_frames()) == {}

    @pytest.mark.parametrize(
        ("statement", "name"),
        [
            ("insert into journey.dim_people values ('k')", "journey.dim_people: key is unique"),
            ("insert into journey.dim_people values (null)", "journey.dim_people: key is known"),
            ("delete from journey.dim_owners where owner_key = 'unknown'", "journey.dim_owners: unknown member"),
            ("update journey.fct_deals set account_key = 'ghost'", "journey.fct_deals: references"),
            ("update journey.fct_deals set owner_key = null", "journey.fct_deals: references"),
            ("update journey.fct_mrr_movements set amount = 1", "journey.fct_mrr_movements: plausible"),
            (
                "update journey.fct_journey_events set occurred_at = '2026-06-17'",
                "journey.fct_journey_events: plausible",
            ),
            ("update journey.fct_stage_periods set exited_at = '2026-01-01'", "journey.fct_stage_periods: plausible"),
        ],
    )
    def test_a_fault_is_found(self, settings: Settings, sql, statement: str, name: str):
        sql(statement)
        check = failed(settings, star_frames())[name]
        assert check.is_blocking and check.failing_rows == 1 and check.sample

    def test_a_table_that_lost_most_of_its_rows_warns(self, settings: Settings, sql):
        before = meta.new_run(AS_OF)
        meta.begin_run(settings, before)
        sql("insert into journey.dim_people select 'p' || range from range(300)")
        meta.record_row_counts(settings, before.run_id, ["journey"])
        meta.end_run(settings, before.run_id, "passed")
        sql("delete from journey.dim_people where person_key like 'p%'")
        assert list(failed(settings, star_frames())) == ["journey.dim_people: volume"]
        assert failed(settings, star_frames())["journey.dim_people: volume"].severity == "warning"


class TestMarts:
    @pytest.fixture(autouse=True)
    def marts(self, sql):
        """Two months that close."""
        sql(
            "create schema metrics",
            """
            create table metrics.unit_economics_monthly as
            select month, 'v1' as policy_version, 'USD' as currency, 0.10 as customer_churn_rate,
                null::decimal(9, 4) as lead_conversion_rate, -0.2 as gross_margin, 0.9 as gross_revenue_retention,
                0.9 as net_revenue_retention, 10 as customers_start, 2 as customers_new, 0 as customers_reactivated,
                1 as customers_churned, 11 as customers_end, 100.0 as mrr_start, mrr as mrr_end,
                5.0 as cost_of_revenue, 5.0 as sales_marketing_cost
            from (values (date '2026-04-01', 110.00), (date '2026-05-01', 115.00)) as t(month, mrr)
            """,
            """
            create table metrics.mrr_rollforward as
            select * from (values (date '2026-04-01', 100.00, 110.00, 0.00), (date '2026-05-01', 110.00, 115.00, 0.00))
                as t(month, mrr_opening, mrr_closing, difference)
            """,
            """
            create table metrics.mrr_movements_monthly as
            select * from (values (date '2026-04-01', 'new', 10.00), (date '2026-05-01', 'new', 7.00),
                (date '2026-05-01', 'churn', -2.00)) as t(month, movement, amount)
            """,
            "create table metrics.revenue_reconciliation as select date '2026-05-01' as month, 'stripe' as source, "
            "'recognised_revenue' as measure, 0.00 as difference, null::varchar as reason",
            """
            create table metrics.pipeline_waterfall as
            select *, 'all' as segment_type, 1 as deals_created, 0 as deals_reopened, 1 as deals_won, 0 as deals_lost,
                20.00 as amount_created, 0.00 as amount_reopened, 5.00 as amount_won, 0.00 as amount_lost,
                -5.00 as amount_changed
            from (values (date '2026-04-01', 2, 2, 40.00, 50.00), (date '2026-05-01', 2, 2, 50.00, 60.00))
                as t(month, deals_opening, deals_closing, amount_opening, amount_closing)
            """,
            """
            create table metrics.lead_conversion_cohorts as
            select *, 'all' as segment_type
            from (values (date '2026-02-01', true, 0.25), (date '2026-05-01', false, null))
                as t(cohort_month, is_mature, conversion_rate)
            """,
        )

    def test_sound_marts_pass(self, settings: Settings):
        assert failed(settings, mart_frames()) == {}

    @pytest.mark.parametrize(
        ("statement", "names"),
        [
            ("update metrics.mrr_rollforward set difference = 0.01 where month = '2026-05-01'", {"closes"}),
            (
                "update metrics.mrr_rollforward set mrr_opening = 109.99 where month = '2026-05-01'",
                {"opens where it closed", "sum"},
            ),
            (
                "update metrics.unit_economics_monthly set mrr_end = 115.01 where month = '2026-05-01'",
                {"equals the headline"},
            ),
            ("delete from metrics.mrr_movements_monthly where movement = 'churn'", {"sum"}),
            ("update metrics.revenue_reconciliation set difference = -0.01", {"agrees"}),
            (
                "update metrics.pipeline_waterfall set amount_closing = 49.99 where month = '2026-04-01'",
                {"pipeline foots", "pipeline opens where it closed"},
            ),
            (
                "update metrics.pipeline_waterfall set deals_won = 4, deals_closing = -1 where month = '2026-05-01'",
                {"pipeline is not negative"},
            ),
            (
                "update metrics.lead_conversion_cohorts set conversion_rate = 1.01 where month(cohort_month) = 5",
                {"cohort conversion", "immature cohorts"},
            ),
            (
                "update metrics.unit_economics_monthly set customer_churn_rate = 1.01 where month = '2026-05-01'",
                {"churn rate"},
            ),
            ("update metrics.unit_economics_monthly set gross_revenue_retention = 0.95", {"net and gross retention"}),
            (
                "update metrics.unit_economics_monthly set customers_end = 13 where month = '2026-05-01'",
                {"customers add up"},
            ),
            (
                "update metrics.unit_economics_monthly set customers_end = 8 where month = '2026-05-01'",
                {"customers add up"},
            ),
            ("update metrics.unit_economics_monthly set currency = 'EUR'", {"currency"}),
            ("update metrics.unit_economics_monthly set policy_version = null", {"policy is named"}),
            (
                "insert into metrics.unit_economics_monthly select * from metrics.unit_economics_monthly",
                {"one row a month", "opens where it closed"},
            ),
        ],
    )
    def test_a_fault_is_found_with_its_month(self, settings: Settings, sql, statement: str, names: set[str]):
        sql(statement)
        found = failed(settings, mart_frames())
        assert {name.split(": ")[1] for name in found} == names
        assert all(check.is_blocking and "2026" in str(check) for check in found.values())
