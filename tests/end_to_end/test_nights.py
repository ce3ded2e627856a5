"""Nights in a company's life, over HTTP from end to end: the first one's figures, nothing new, a day later, faults and
broken files, and how it all comes right again."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys

import duckdb
import pytest

from tests.end_to_end.company import ACCOUNTS, DATE, Company, company, money, published_rows
from tests.end_to_end.figures import Conversion, Figures


@pytest.fixture(scope="module")
def steady(tmp_path_factory):
    """One company that lives through nights, faults and broken files; every test leaves it publishable."""
    with company(tmp_path_factory.mktemp("steady"), seed=7, accounts=ACCOUNTS, date=DATE) as running:
        running.refresh()
        yield running


def provider_counts(steady: Company) -> dict[str, int]:
    """Rows of the streams that come from providers: a file that was cut and restored is loaded again."""
    return {table: n for table, n in steady.raw_counts().items() if not table.startswith("raw_ledger.")}


@pytest.fixture(scope="module")
def refreshed(steady: Company) -> Company:
    """What the classes of `figures` look at: before `TestNights`, which moves the time."""
    return steady


class TestFigures(Figures):
    """After the first night."""


class TestConversion(Conversion):
    """After the first night."""


class TestNights:
    """In the order of a company's life: nothing new, then things go wrong, and come right again a day later."""

    def test_a_second_refresh_adds_no_row_and_moves_no_number(self, steady: Company):
        counts, rows = steady.raw_counts(), published_rows(steady.published)
        before = steady.published.resolve()
        steady.refresh()
        assert steady.published.resolve() != before
        assert steady.raw_counts() == counts
        again = published_rows(steady.published)
        assert [table for table in rows if rows[table] != again.get(table)] == []
        assert set(again) == set(rows) and sum(counts.values()) > 1000

    @pytest.mark.parametrize(
        ("fault", "words"),
        [
            ({"path": "/stripe/v1/events", "kind": "401", "times": 1000}, ("stripe",)),
            ({"path": "/hubspot/crm/v3/owners", "kind": "403", "times": 1000}, ("hubspot", "owners")),
        ],
        ids=["wrong key", "missing scope"],
    )
    def test_a_refused_source_fails_the_run_and_leaves_what_is_published(self, steady: Company, fault, words):
        before = steady.published.resolve()
        steady.faults(fault)
        result = steady.throughline("refresh")
        steady.faults()
        last = result.stdout.strip().splitlines()[-1]
        assert result.returncode == 1
        assert all(word in last.lower() for word in words), last
        assert "sandbox" not in last.replace("/sandbox", ""), "the key is never shown"
        assert steady.published.resolve() == before

    def test_a_malformed_csv_names_file_line_and_field(self, steady: Company):
        costs = steady.data_dir / "ledger" / "costs.csv"
        kept, before = costs.read_text(), steady.published.resolve()
        costs.write_text(kept + "2026-05-01,hosting,acme,twelve,USD\n")
        result = steady.throughline("refresh")
        costs.write_text(kept)
        last = result.stdout.strip().splitlines()[-1]
        assert result.returncode == 1
        assert "costs.csv" in last and "amount" in last and "twelve" in last and str(kept.count("\n") + 1) in last
        assert steady.published.resolve() == before

    def test_a_failed_check_blocks_the_publish_and_names_itself(self, steady: Company):
        rates = steady.data_dir / "ledger" / "exchange_rates.csv"
        kept, before = rates.read_text(), steady.published.resolve()
        rates.write_text("\n".join(line for line in kept.splitlines() if ",EUR," not in line) + "\n")
        result = steady.throughline("refresh")
        rates.write_text(kept)
        last = result.stdout.strip().splitlines()[-1]
        assert result.returncode == 1 and "EUR" in last, last
        assert steady.published.resolve() == before

    def test_a_second_run_is_refused_in_one_line(self, steady: Company):
        holder = subprocess.Popen(
            [
                *(sys.executable, "-c"),
                "import sys, time; from pathlib import Path; from warehouse.lock import writer_lock\n"
                "with writer_lock(Path(sys.argv[1])):\n    print('held', flush=True); time.sleep(60)",
                str(steady.data_dir),
            ],
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert holder.stdout.readline().strip() == "held"
            result = steady.throughline("refresh")
        finally:
            holder.kill()
            holder.wait()
        assert result.returncode == 75
        assert str(holder.pid) in result.stdout.strip().splitlines()[-1]

    def test_a_day_later_it_recovers_and_only_what_changed_is_loaded(self, steady: Company):
        counts, before = provider_counts(steady), steady.published.resolve()
        changes = steady.advance(1)["changes"]
        steady.refresh()
        assert steady.published.resolve() != before
        now = provider_counts(steady)
        grown = {table: n - counts.get(table, 0) for table, n in now.items() if n != counts.get(table)}
        assert grown and all(n > 0 for n in grown.values())
        assert sum(grown.values()) < 0.05 * sum(counts.values())
        for stream in ("raw_stripe.customers", "raw_stripe.charges", "raw_hubspot.deals"):
            assert grown.get(stream, 0) == changes.get(stream.removeprefix("raw_").replace(".", "/"), 0), stream

    def test_after_an_incremental_night_the_figures_are_still_the_worlds_own(self, steady: Company):
        truth = {row["month"]: row["mrr"] for row in steady.truth("mrr")}
        marts = dict(steady.query("select strftime(month, '%Y-%m-%d'), mrr_end from metrics.unit_economics_monthly"))
        assert {month: money(marts[month]) for month in truth} == truth
        revenue = {row["month"]: row["recognised_revenue"] for row in steady.truth("revenue")}
        marts = dict(
            steady.query("select strftime(month, '%Y-%m-%d'), recognised_revenue from metrics.unit_economics_monthly")
        )
        assert {month: money(marts[month]) for month in revenue} == revenue

    def test_rollback_points_back_and_the_manifest_is_true(self, steady: Company):
        newest = steady.published.resolve()
        manifest = json.loads(newest.with_suffix(".json").read_text())
        assert manifest["sha256"] == hashlib.sha256(newest.read_bytes()).hexdigest()
        result = steady.throughline("rollback")
        assert result.returncode == 0, result.stdout + result.stderr
        assert steady.published.resolve() < newest
        steady.query("select * from metrics.unit_economics_monthly")

    def test_a_version_is_readable_by_old_clients_and_leaves_no_wal(self, steady: Company):
        assert list(steady.published.resolve().parent.glob("*.wal")) == []
        with duckdb.connect(str(steady.published), read_only=True) as connection:
            tags = connection.execute("select tags from duckdb_databases() where not internal").fetchone()[0]
        assert tags["storage_version"].startswith("v1.0")
