"""What `throughline query` shows, and what it says when it cannot. Queries themselves: `tests/end_to_end`."""

from __future__ import annotations

import json
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from tests.warehouse.test_cli import throughline
from warehouse.connections import NoWarehouse
from warehouse.semantic import Answer, Metric, as_list, as_table, metrics_of, warehouse_to_read
from warehouse.settings import Settings


def touched(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


class TestWarehouseToRead:
    def test_the_published_version_comes_first_then_the_demo_then_the_build_file(self, settings: Settings):
        build = touched(settings.warehouse_path)
        assert warehouse_to_read(settings) == build
        demo = touched(settings.data_dir / "demo" / "published" / "throughline.duckdb")
        assert warehouse_to_read(settings) == demo
        assert warehouse_to_read(settings) != touched(settings.published_path)
        assert warehouse_to_read(settings) == settings.published_path

    def test_without_a_warehouse_it_says_so(self, settings: Settings):
        with pytest.raises(NoWarehouse, match="make demo"):
            warehouse_to_read(settings)

    def test_the_command_says_so_in_one_line(self, settings: Settings):
        asked = throughline(settings, "query", "mrr", "--by", "metric_time__month")
        assert (asked.returncode, asked.stderr.count("\n")) == (1, 1)
        assert "no warehouse in" in asked.stderr


def test_metrics_are_read_from_the_manifest_with_their_inputs(tmp_path: Path):
    manifest = tmp_path / "semantic_manifest.json"
    entry = {"label": None, "type": "ratio", "description": "Each\n  month."}
    parts = {"numerator": {"name": "mrr"}, "denominator": {"name": "customers"}, "metrics": []}
    manifest.write_text(json.dumps({"metrics": [{"name": "arpa", "type_params": parts, **entry}]}))
    assert metrics_of(manifest) == {"arpa": Metric("arpa", "arpa", "ratio", "Each month.", ("mrr", "customers"))}


def test_a_list_stands_in_columns():
    metrics = [Metric("mrr", "MRR", "simple", "Money."), Metric("customers", "Customers", "simple", "Accounts.")]
    assert as_list(metrics).splitlines() == ["mrr        Money.", "customers  Accounts."]


def test_a_table_shows_money_counts_ratios_and_what_is_unknown():
    rows = [
        (datetime(2026, 5, 1), "Japan", Decimal("1234.5"), 1200, 0.98765),
        (datetime(2026, 6, 1, 8), None, None, None, None),
    ]
    assert as_table(Answer(("metric_time__day", "country", "mrr", "n", "share"), rows, "")).splitlines() == [
        "metric_time__day     country       mrr      n   share",
        "-------------------  -------  --------  -----  ------",
        "2026-05-01           Japan    1,234.50  1,200  0.9877",
        "2026-06-01 08:00:00  -               -      -       -",
    ]
    assert as_table(Answer(("day", "is_open"), [(date(2026, 5, 1), True)], "")).splitlines()[-1] == "2026-05-01  True"
    assert as_table(Answer(("mrr",), [], "")).splitlines() == ["mrr", "---"]
