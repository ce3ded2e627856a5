"""The figures of the marts are the sandbox world's own, on three companies, over HTTP from end to end."""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end import layer
from tests.end_to_end.company import DATE, Company, company, money, pair_scores
from warehouse.semantic import BadQuery, open_layer

ACCOUNTS = 60
SEEDS = (7, 11, 23)
LAST_MONTH = "{{ TimeDimension('metric_time', 'month') }} = date '2026-05-01'"


@pytest.fixture(scope="module", params=SEEDS, ids=lambda seed: f"seed{seed}")
def refreshed(request, tmp_path_factory):
    """A company after its first refresh, one for each seed."""
    with company(tmp_path_factory.mktemp("company"), seed=request.param, accounts=ACCOUNTS, date=DATE) as running:
        running.refresh()
        yield running


class TestFigures:
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
            marts = {key: row for key, row in marts.items() if key[1] != "total"}
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

    def test_the_margin_of_every_account_is_the_worlds_own(self, refreshed: Company):
        owner = {row["source_id"]: row["truth_id"] for row in refreshed.truth("accounts")}
        account = {
            key: owner[source]
            for source, key in refreshed.query(
                "select source_id, account_key from journey.account_sources where source_type = 'customer'"
            )
        }
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
