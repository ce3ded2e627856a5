"""What the marts have to show of any sandbox company: the figures that its world knows of itself.

pytest looks for tests in `test_*.py` only: each class runs where a `Test...` of its own inherits it, beside a fixture
`refreshed`, a company after its first refresh.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end import layer
from tests.end_to_end.company import Company, money, pair_scores
from warehouse.semantic import BadQuery, open_layer

LAST_MONTH = "{{ TimeDimension('metric_time', 'month') }} = date '2026-05-01'"


class Figures:
    """One test a figure."""

    def test_mrr_of_every_month_is_the_worlds_own_to_the_cent(self, refreshed: Company):
        truth = {row["month"]: row["mrr"] for row in refreshed.truth("mrr")}
        marts = dict(refreshed.query("select strftime(month, '%Y-%m-%d'), mrr_end from metrics.unit_economics_monthly"))
        assert {month: money(value) for month, value in marts.items() if value or month in truth} == truth
        assert float(truth[max(truth)]) > 0

    def test_new_and_churned_customers_of_every_month_are_the_worlds_own(self, refreshed: Company):
        truth = {r["month"]: (r["customers_new"], r["customers_churned"]) for r in refreshed.truth("mrr")}
        marts = {
            month: (new, churned)
            for month, new, churned in refreshed.query(
                "select strftime(month, '%Y-%m-%d'), customers_new, customers_churned "
                "from metrics.unit_economics_monthly"
            )
        }
        assert {month: marts[month] for month in truth} == truth
        assert sum(churned for _, churned in truth.values()) > 0

    def test_recognised_revenue_of_every_month_is_the_worlds_own_to_the_cent(self, refreshed: Company):
        truth = {row["month"]: row["recognised_revenue"] for row in refreshed.truth("revenue")}
        marts = dict(
            refreshed.query(
                "select strftime(month, '%Y-%m-%d'), recognised_revenue from metrics.unit_economics_monthly"
            )
        )
        assert {month: money(marts[month]) for month in truth} == truth

    def test_the_roll_forward_closes_in_every_month(self, refreshed: Company):
        rows = refreshed.query(
            "select month, mrr_opening + mrr_new + mrr_expansion + mrr_contraction + mrr_churn + mrr_reactivation "
            "+ mrr_fx + mrr_restatement - mrr_closing, difference, mrr_closing from metrics.mrr_rollforward"
        )
        assert len(rows) > 24
        assert {(footing, difference) for _, footing, difference, _ in rows} == {(0, 0)}

    def test_every_reconciliation_difference_is_nil(self, refreshed: Company):
        rows = refreshed.query("select month, source, measure, difference, reason from metrics.revenue_reconciliation")
        assert rows and [row for row in rows if row[3] != 0] == []

    def test_unit_economics_of_every_month_are_the_worlds_own(self, refreshed: Company):
        """Money to the cent; rates, lifetimes and ratios to 1e-9; NULL where the world has nothing to divide by."""
        truth = {row.pop("month"): row for row in refreshed.truth("economics")}
        # the smaller of the two marts names each figure once more
        marts = {str(row["month"]): row for row in refreshed.dicts("select * from metrics.growth_efficiency_monthly")}
        for row in refreshed.dicts("select * from metrics.unit_economics_monthly"):
            marts[str(row["month"])] |= row
        wrong = [
            (month, name, marts[month][name], value)
            for month, row in truth.items()
            for name, value in row.items()
            if name != "blended_cost" and not same(marts[month][name], value)
        ]
        assert wrong == []
        assert any(row["ltv_to_cac"] or row["clv"] for row in truth.values())

    @pytest.mark.parametrize(
        ("what", "table", "keys", "tolerance"),
        [
            ("segments", "unit_economics_by_segment_monthly", ("month", "segment_type", "segment"), "0"),
            ("cohorts", "retention_cohorts", ("cohort_month", "age_months", "segment_type", "segment"), "0"),
            ("plans", "gross_margin_by_plan_monthly", ("month", "plan"), "0"),
            # an account with two plans in a foreign currency: its plans are rounded one by one, or sum to it
            ("plans", "mrr_rollforward_by_plan", ("month", "plan"), "0.001"),
        ],
    )
    def test_every_segment_plan_and_cohort_is_the_worlds_own(
        self, refreshed: Company, what: str, table: str, keys: Sequence[str], tolerance: str
    ):
        def keyed(rows: list[dict[str, Any]]) -> dict[tuple[str, ...], dict[str, Any]]:
            return {tuple(str(row[key]) for key in keys): row for row in rows}

        truth, marts = keyed(refreshed.truth(what)), keyed(refreshed.dicts(f"select * from metrics.{table}"))
        if what == "segments":
            marts = {key: row for key, row in marts.items() if key[1] != "all"}
        names = {name for row in truth.values() for name in row} & {name for row in marts.values() for name in row}
        wrong = [
            (key, name, marts.get(key, {}).get(name), truth.get(key, {}).get(name))
            for key in truth.keys() | marts.keys()
            for name in names - set(keys)
            if abs(Decimal(marts.get(key, {}).get(name) or 0) - Decimal(truth.get(key, {}).get(name, 0)))
            > Decimal(tolerance)
        ]
        assert sorted(wrong, key=str) == []
        assert len(names) > len(keys) + 2 and len(truth) > 50

    def test_what_a_customer_of_a_segment_is_worth_is_the_worlds_own(self, refreshed: Company):
        """Nothing where few accounts stand behind it; shared costs are split in ten-thousandths: a cent or two off."""
        keys = ("month", "segment_type", "segment")
        truth = {tuple(row[key] for key in keys): row for row in refreshed.truth("lifetimes")}
        marts = {
            tuple(str(row[key]) for key in keys): row
            for row in refreshed.dicts(
                "select * from metrics.unit_economics_by_segment_monthly "
                "where segment_type <> 'all' and customers_end > 0"
            )
        }
        wrong = [
            (key, row["clv"], marts[key]["clv"])
            for key, row in truth.items()
            if not same(marts[key]["clv_lifetime_months"], row["clv_lifetime_months"])
            or (row["clv"] is None) != (marts[key]["clv"] is None)
            or abs(Decimal(row["clv"] or 0) - (marts[key]["clv"] or 0)) > Decimal("0.05")
        ]
        assert marts.keys() == truth.keys() and wrong == []
        assert sum(row["clv"] is not None for row in truth.values()) > 50

    def test_the_margin_of_every_account_is_the_worlds_own(self, refreshed: Company):
        account = refreshed.accounts_by_key()
        truth = {(row.pop("month"), row.pop("truth_id")): row for row in refreshed.truth("margins")}
        marts = {
            (str(row["month"]), account[row["account_key"]]): row
            # costs of months without revenue are nobody's
            for row in refreshed.dicts(
                "select * from metrics.gross_margin_by_account_monthly where account_key <> 'unknown'"
            )
        }
        assert marts.keys() == truth.keys() and len(truth) > 300
        for key, row in truth.items():
            for name, value in row.items():
                # shared costs are split in ten-thousandths, account by account
                assert abs(Decimal(value) - marts[key][name]) <= Decimal("0.0005" if name == "shared_cost" else 0), key

    def test_invoices_lead_to_revenue_and_cash_and_mrr_to_revenue_by_named_reasons(self, refreshed: Company):
        bridges = "metrics.revenue_reconciliation_bridges"
        unexplained = f"select * from {bridges} where side = 'unexplained' and bridge <> 'crm_to_mrr'"
        assert refreshed.query(unexplained) == []
        # deals are what people typed: few of them fit no reason
        by_deals = refreshed.query(
            f"select count(distinct account_key) filter (side = 'unexplained'), count(distinct account_key) "
            f"from {bridges} where bridge = 'crm_to_mrr'"
        )
        assert by_deals[0][0] <= 0.2 * by_deals[0][1]

    @pytest.mark.parametrize("entity", ["people", "accounts"])
    def test_people_and_accounts_resolve(self, refreshed: Company, entity: str):
        table, column = {"people": ("person_sources", "person_id"), "accounts": ("account_sources", "account_id")}[
            entity
        ]
        resolved = {
            (system, kind, str(source)): found
            for system, kind, source, found in refreshed.query(
                f"select source_system, source_type, source_id, {column} from journey.{table}"
            )
        }
        precision, recall = pair_scores(refreshed.truth(entity), resolved)
        assert 2 * precision * recall / (precision + recall) >= 0.97, (precision, recall)

    def test_the_promised_tables_and_columns_are_published(self, refreshed: Company):
        promised = json.loads((Path(__file__).parent / "promised_columns.json").read_text())
        found: dict[str, set[str]] = {}
        for table, column in refreshed.query(
            "select schema_name || '.' || table_name, column_name from duckdb_columns() where not internal"
        ):
            found.setdefault(table, set()).add(column)
        assert {t: sorted(set(columns) - found.get(t, set())) for t, columns in promised.items()} == {
            table: [] for table in promised
        }

    def test_the_report_needs_no_network_and_shows_the_last_complete_month(self, refreshed: Company):
        pages = list(refreshed.data_dir.rglob("*.html"))
        assert len(pages) == 1
        html = pages[0].read_text()
        assert "Revenue in May 2026" in html
        assert 'src="http' not in html and 'href="http' not in html

    def test_the_semantic_layer_says_what_the_marts_say(self, refreshed: Company):
        with open_layer(refreshed.data_dir / "dbt" / "semantic_manifest.json", refreshed.published) as asked:
            assert layer.differences(asked, refreshed.query) == []
            # a stock is never summed over time: a quarter shows its last month
            months = dict(asked.ask(["mrr"], ["metric_time__month"]).rows)
            quarters = dict(asked.ask(["mrr"], ["metric_time__quarter"]).rows)
            assert quarters == {
                start: months[max(month for month in months if 0 <= (month - start).days < 90)] for start in quarters
            }
            # its segments sum to the whole
            for dimension in ("account__country", "account__company_size", "account__owner__owner_name"):
                parts = asked.ask(["mrr"], ["metric_time__month", dimension], where=[LAST_MONTH]).rows
                assert sum(amount for *_, amount in parts) == asked.ask(["mrr"], where=[LAST_MONTH]).rows[0][0]
            with pytest.raises(BadQuery, match="near: mrr"):
                asked.ask(["mrrr"])
            with pytest.raises(BadQuery, match="mrr cannot be shown by spend_row__spent_on; by: account__"):
                asked.ask(["mrr"], ["spend_row__spent_on"])


def same(mart: Any, truth: Any) -> bool:
    """Whether a figure is that of the truth: whole, in cents as text, or a number to 1e-9."""
    if mart is None or truth is None:
        return mart is None and truth is None
    if isinstance(truth, str):
        return Decimal(mart) == Decimal(truth)
    return mart == pytest.approx(truth, rel=1e-9, abs=1e-9)


def _same(found: dict, truth: dict) -> None:
    """Counts and money equal, shares to 1e-9."""
    assert set(found) == set(truth)
    for key, expected in truth.items():
        for one, other in zip(found[key], expected, strict=True):
            if isinstance(one, float) and isinstance(other, float):
                assert abs(one - other) <= 1e-9, (key, found[key], expected)
            else:
                assert one == other, (key, found[key], expected)


class Conversion:
    """Leads, deals and hand-offs, against what the world's people did."""

    def test_lead_conversion_by_cohort_period_and_age(self, refreshed: Company):
        """Of the whole, and by channel, size of company and country."""
        truth = refreshed.truth("leads")
        cut = "segment_type <> 'owner'"
        _same(
            {
                (kind, segment, month, days): tuple(values)
                for kind, segment, month, days, *values in refreshed.query(
                    "select segment_type, segment, strftime(cohort_month, '%Y-%m-%d'), within_days, leads, "
                    "leads_at_customers, leads_converted, conversion_rate "
                    f"from metrics.lead_conversion_cohorts where {cut}"
                )
            },
            {
                (row["segment_type"], row["segment"], row["month"], row["within_days"]): tuple(
                    row[name] for name in ("leads", "at_customers", "converted", "rate")
                )
                for row in truth
                if row["table"] == "cohort"
            },
        )
        _same(
            {
                (kind, segment, month): tuple(values)
                for kind, segment, month, *values in refreshed.query(
                    "select segment_type, segment, strftime(month, '%Y-%m-%d'), leads_created_in_month, "
                    "leads_converted_in_month, period_conversion_ratio "
                    f"from metrics.lead_conversion_monthly where {cut}"
                )
            },
            {
                (r["segment_type"], r["segment"], r["month"]): (r["created"], r["converted"], r["ratio"])
                for r in truth
                if r["table"] == "month"
            },
        )
        _same(
            {
                (kind, segment, cohort, age): tuple(values)
                for kind, segment, cohort, age, *values in refreshed.query(
                    "select segment_type, segment, coalesce(strftime(cohort_start, '%Y-%m-%d'), 'all'), age_days, "
                    "at_risk, leads_converted, leads_censored, share_converted "
                    f"from metrics.lead_conversion_survival where {cut}"
                )
            },
            {
                (r["segment_type"], r["segment"], r["cohort"], r["age_days"]): (
                    r["at_risk"],
                    r["converted"],
                    r["censored"],
                    r["share"],
                )
                for r in truth
                if r["table"] == "curve"
            },
        )
        assert len({row["segment"] for row in truth}) > 20

    def test_pipeline_win_rates_cycles_and_velocity_of_every_month(self, refreshed: Company):
        """Of all deals, and by the channel that the CRM names."""
        counts = ("created", "won", "lost", "open", "moved")
        amounts = ("created_amount", "won_amount", "lost_amount", "changed_amount", "open_amount")
        rates = ("win_rate", "win_rate_value")
        days = ("median_days_won", "p90_days_won", "median_days_lost", "p90_days_lost", "velocity_per_day")
        columns = counts + amounts + rates + days
        truth = {
            (row["segment_type"], row["segment"], row["month"]): tuple(
                money(float(row[name])) if name.endswith("_amount") else row[name] and float(row[name])
                for name in columns
            )
            for row in refreshed.truth("deals")
            if row["table"] == "month"
        }
        rows = refreshed.query("""
            select
                w.segment_type, w.segment, strftime(w.month, '%Y-%m-%d'),
                deals_created, w.deals_won, w.deals_lost, deals_closing, deals_moved_in,
                amount_created, w.amount_won, w.amount_lost, amount_changed, amount_closing,
                r.win_rate, win_rate_value, median_days_won, p90_days_won, median_days_lost, p90_days_lost,
                velocity_per_day
            from metrics.pipeline_waterfall as w
            left join metrics.win_rates as r
                on r.basis = 'closed' and (w.month, w.segment_type, w.segment) = (r.month, r.segment_type, r.segment)
            left join metrics.sales_cycles as c
                on (w.month, w.segment_type, w.segment) = (c.month, c.segment_type, c.segment)
            left join metrics.pipeline_velocity as v
                on (w.month, w.segment_type, w.segment) = (v.month, v.segment_type, v.segment)
            where w.segment_type in ('all', 'channel')
        """)
        _same(
            {
                (kind, segment, month): tuple(
                    money(value) if name.endswith("_amount") else None if value is None else float(value)
                    for name, value in zip(columns, values, strict=True)
                )
                for kind, segment, month, *values in rows
            },
            truth,
        )
        assert sum(row[1] for (kind, *_), row in truth.items() if kind == "channel") > 5

    def test_win_rates_by_month_of_creation_and_coverage(self, refreshed: Company):
        truth = refreshed.truth("deals")
        _same(
            {
                month: tuple(values)
                for month, *values in refreshed.query(
                    "select strftime(month, '%Y-%m-%d'), deals_won, deals_lost, deals_open, win_rate "
                    "from metrics.win_rates where basis = 'created' and segment_type = 'all'"
                )
            },
            {
                row["month"]: (row["won"], row["lost"], row["open"], row["win_rate"])
                for row in truth
                if row["table"] == "created" and row["won"] + row["lost"] + row["open"]
            },
        )
        _same(
            {
                (month, measured): (deals, money(amount), money(won), coverage)
                for month, measured, deals, amount, won, coverage in refreshed.query(
                    "select strftime(month, '%Y-%m-%d'), measured, deals_open, amount_open, amount_won, "
                    "pipeline_coverage from metrics.pipeline_coverage"
                )
            },
            {
                (row["month"], row["measured"]): (
                    row["open"],
                    money(float(row["open_amount"])),
                    money(float(row["won_amount"])),
                    row["coverage"],
                )
                for row in truth
                if row["table"] == "coverage"
            },
        )

    def test_stages_of_deals_with_open_stays_censored(self, refreshed: Company):
        truth = refreshed.truth("deals")
        counts = ("entered", "skipped", "forward", "regressed", "left", "still_open", "rate")
        _same(
            {
                (stage, month, again): tuple(values)
                for stage, month, again, *values in refreshed.query(
                    "select stage, strftime(cohort_month, '%Y-%m-%d'), is_reentry, entered, skipped, moved_forward, "
                    "regressed, left_funnel, still_open, conversion_rate from metrics.stage_conversion "
                    "where entity_type = 'deal' and segment_type = 'all'"
                )
            },
            {
                (row["stage"], row["month"], row["again"]): tuple(row[name] for name in counts)
                for row in truth
                if row["table"] == "stage"
            },
        )
        _same(
            {
                (stage, again): (stays, still_open, median and round(median * 24, 6), p90 and round(p90 * 24, 6))
                for stage, again, stays, still_open, median, p90 in refreshed.query(
                    "select stage, is_reentry, stays, still_open, median_days, p90_days from metrics.stage_velocity "
                    "where entity_type = 'deal' and segment_type = 'all' and cohort_type = 'all'"
                )
            },
            {
                (row["stage"], row["again"]): (row["stays"], row["still_open"], row["median_hours"], row["p90_hours"])
                for row in truth
                if row["table"] == "velocity"
            },
        )

    @pytest.mark.parametrize("segment", ["all", "owner"])
    def test_lead_handoffs_by_month_and_owner(self, refreshed: Company, segment: str):
        columns = (
            "assignments, answered, within_sla, within_business_sla, within_sla_share, unanswered_share, "
            "median_minutes, p90_minutes, median_business_minutes, p90_business_minutes"
        )
        truth = {
            (row["month"], row["owner"] or "all"): tuple(row[name] for name in columns.split(", "))
            for row in refreshed.truth("handoffs")
            if row["table"] == {"all": "month"}.get(segment, segment)
        }
        rows = refreshed.query(
            f"select strftime(month, '%Y-%m-%d'), segment, {columns} from metrics.lead_handoffs "
            f"where segment_type = '{segment}'"
        )
        _same({(month, name): tuple(values) for month, name, *values in rows}, truth)

    def test_stages_of_people_from_lead_on(self, refreshed: Company):
        truth = refreshed.truth("stages")
        counts = ("entered", "skipped", "forward", "regressed", "still_open")
        stages = "('lead', 'mql', 'sql', 'opportunity', 'customer')"
        _same(
            {
                (stage, month, again): tuple(values)
                for stage, month, again, *values in refreshed.query(
                    "select stage, strftime(cohort_month, '%Y-%m-%d'), is_reentry, entered, skipped, moved_forward, "
                    "regressed, still_open from metrics.stage_conversion "
                    f"where entity_type = 'person' and segment_type = 'all' and stage in {stages}"
                )
            },
            {
                (row["stage"], row["month"], row["again"]): tuple(row[name] for name in counts)
                for row in truth
                if row["table"] == "stage"
            },
        )
        _same(
            {
                (month, stage): tuple(values)
                for month, stage, *values in refreshed.query(
                    "select strftime(cohort_month, '%Y-%m-%d'), stage, entered, reached, skipped "
                    "from metrics.funnel_cohorts where entity_type = 'person' and reached > 0"
                )
            },
            {
                (row["month"], row["stage"]): (row["entered"], row["reached"], row["skipped"])
                for row in truth
                if row["table"] == "funnel"
            },
        )

    def test_lives_of_accounts_from_their_first_payment_on(self, refreshed: Company):
        """Who pays and who is lost, from which day to which; at risk is a part of paying."""
        owner = refreshed.accounts_by_key()
        lives: dict[str, list[list[Any]]] = {}
        for account, pays, entered, left in refreshed.query(
            "select entity_key, stage <> 'churned', strftime(entered_at, '%Y-%m-%d'), "
            "strftime(exited_at, '%Y-%m-%d') from journey.fct_stage_periods where entity_type = 'account' "
            "and stage in ('customer', 'at_risk', 'won_back', 'churned') order by entered_at, exited_at nulls last"
        ):
            own = lives.setdefault(owner[account], [])
            if own and own[-1][0] == pays and own[-1][2] == entered:
                own[-1][2] = left
            else:
                own.append([pays, entered, left])
        truth: dict[str, list[list[Any]]] = {}
        for row in refreshed.truth("stages"):
            if row["table"] == "account":
                truth.setdefault(row["truth_id"], []).append([row["pays"], row["from"], row["until"]])
        assert lives == truth
        assert sum(len(own) for own in truth.values()) > len(truth) > 20
