"""The command, as a person types it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.warehouse.conftest import make_run
from warehouse.connections import open_duckdb
from warehouse.lock import writer_lock
from warehouse.publish import current, publish
from warehouse.settings import Settings

THROUGHLINE = Path(sys.executable).with_name("throughline")


def throughline(settings: Settings, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("THROUGHLINE_")}
    own |= {"THROUGHLINE_DATA_DIR": str(settings.data_dir), **environment}
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    return subprocess.run(
        [THROUGHLINE, *arguments], env=own, cwd=settings.data_dir, capture_output=True, text=True, timeout=120
    )


@pytest.fixture
def published(settings: Settings) -> Settings:
    """Two versions, the newer one current, with a warning."""
    from warehouse import meta

    for month in ("2026-04-01", "2026-05-01"):
        run = make_run(settings)
        with open_duckdb(settings.warehouse_path) as connection:
            connection.execute(
                f"""
                create or replace table metrics.unit_economics_monthly as
                select date '{month}' as month, true as is_complete, 'USD' as currency, 1200.5 as cac_fully_loaded,
                    null::decimal(18, 4) as clv, 2 as customers_churned, 0.0125 as customer_churn_rate,
                    0.2 as lead_conversion_rate, 99.5 as revenue_per_customer, 0.8 as gross_margin,
                    160 as customers_end, 15920.5 as mrr_end
                union all select date '2026-06-01', false, 'USD', null, null, 0, 0, null, 1, null, 161, 16000
                """
            )
        meta.record_checks(settings, run.run_id, [meta.Check("growth", "raw", "raw_x.y", "warning", False, 1)])
        publish(settings)
    return settings


def test_it_says_its_version(settings: Settings):
    assert throughline(settings, "--version").stdout.startswith("throughline 0.")


def test_help_lists_the_commands(settings: Settings):
    said = throughline(settings, "--help").stdout
    for command in ("doctor", "refresh", "sandbox", "landing", "publish", "rollback", "status", "metrics"):
        assert f"\n  {command} " in said


@pytest.mark.parametrize("command", ["refresh", "status", "publish", "rollback", "metrics", "landing", "doctor"])
def test_bad_configuration_is_one_line_that_names_the_variable(settings: Settings, command: str):
    done = throughline(settings, command, THROUGHLINE_CURRENCY="dollars")
    said = done.stdout + done.stderr
    assert done.returncode == 1 and "Traceback" not in said
    assert "THROUGHLINE_CURRENCY: must be a currency code of three capitals" in said


@pytest.mark.parametrize("command", ["publish", "rollback"])
def test_before_the_first_refresh_it_says_what_to_do(settings: Settings, command: str):
    done = throughline(settings, command)
    assert done.returncode == 1 and "throughline refresh" in done.stderr and "Traceback" not in done.stderr


def test_a_second_writer_is_refused_with_75(settings: Settings):
    settings.data_dir.mkdir(parents=True)
    with writer_lock(settings.data_dir, "a long refresh"):
        for command in ("refresh", "publish", "rollback"):
            done = throughline(settings, command)
            lines = (done.stdout + done.stderr).strip().splitlines()
            assert done.returncode == 75 and len(lines) == 1
            assert str(os.getpid()) in lines[0] and "since" in lines[0]


def test_the_status_tells_versions_runs_rows_and_warnings(published: Settings):
    said = throughline(published, "status").stdout
    assert current(published).run_id in said
    assert "metrics.unit_economics_monthly" in said and "growth: 1 failing row" in said


def test_the_metrics_are_a_table_by_month(published: Settings):
    lines = throughline(published, "metrics").stdout.splitlines()
    assert "CAC USD" in lines[0] and "gross margin" in lines[0]
    assert lines[1].split() == ["2026-05", "1,201", "-", "2", "1.2%", "20.0%", "100", "80.0%", "160", "15,921"]
    assert lines[2].split()[0] == "2026-06*" and "not over" in lines[3]
    assert len(throughline(published, "metrics", "--months", "1").stdout.splitlines()) == 3


def test_rollback_and_publish_point_back_and_forth(published: Settings):
    newest = current(published).run_id
    done = throughline(published, "rollback")
    assert done.returncode == 0 and current(published).run_id in done.stdout
    assert current(published).run_id != newest
    done = throughline(published, "rollback", "--to", "nonsense")
    assert done.returncode == 1 and "nonsense" in done.stderr and newest in done.stderr
    done = throughline(published, "publish", "--parquet")
    assert done.returncode == 0 and current(published).run_id == newest
    assert (published.published_dir / "parquet" / "metrics").is_dir()


def test_the_doctor_finds_nothing_wrong_with_a_new_folder_and_says_where_to_begin(settings: Settings):
    done = throughline(settings, "doctor")
    assert done.returncode == 0
    assert "off: set THROUGHLINE_STRIPE_API_KEY" in done.stdout
    assert done.stdout.strip().splitlines()[-1].startswith("next: set THROUGHLINE_")


def test_the_doctor_finds_misspelt_names_unreachable_sources_and_damaged_versions(published: Settings):
    version = current(published)
    content = bytearray(version.path.read_bytes())
    content[4096] ^= 0xFF
    version.path.write_bytes(content)
    done = throughline(
        published,
        "doctor",
        THROUGHLINE_STRIPE_API_KEY="sk_secret",
        THROUGHLINE_STRIPE_BASE_URL="http://127.0.0.1:9/stripe",
        THROUGHLINE_HUBSPOT_APIKEY="x",
    )
    assert done.returncode == 1 and "sk_secret" not in done.stdout
    assert "FAIL  stripe" in done.stdout and "127.0.0.1:9" not in done.stdout.split("next:")[1]
    assert "FAIL  published" in done.stdout and "sha256" in done.stdout
    assert "THROUGHLINE_HUBSPOT_API_KEY is meant" in done.stdout
    assert "THROUGHLINE_STRIPE_API_KEY" in done.stdout.strip().splitlines()[-1]


def test_signals_reach_the_process_that_serves(settings: Settings):
    settings.data_dir.mkdir(parents=True)
    own = {**os.environ, "THROUGHLINE_DATA_DIR": str(settings.data_dir), "THROUGHLINE_LANDING_PORT": "0"}
    own["THROUGHLINE_LANDING_SECRET"] = "a-long-random-value-of-many-letters"
    process = subprocess.Popen([THROUGHLINE, "landing"], env=own, stdout=subprocess.PIPE, text=True)
    try:
        assert "landing receiver" in process.stdout.readline()
        started = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0 and time.monotonic() - started < 15
    finally:
        process.kill()
        process.wait()


def test_the_options_of_the_sandbox_are_its_own(settings: Settings):
    done = throughline(settings, "sandbox", "--help")
    assert done.returncode == 0 and "--accounts" in done.stdout and "--scenario" in done.stdout
