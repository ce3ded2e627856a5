"""Settings: where values come from, what is refused and how it is said."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from pydantic import SecretStr

from warehouse.settings import BadSettings, Settings, get_settings, process_environment, unknown_variables


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """No setting of the test run leaks in, and `.env` is that of an empty folder."""
    import os

    for name in [name for name in os.environ if name.startswith("THROUGHLINE_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return monkeypatch


def test_the_defaults_need_nothing(tmp_path: Path):
    settings = get_settings()
    assert settings.data_dir == tmp_path / "data"
    assert settings.ledger_dir == tmp_path / "data" / "ledger"
    assert settings.sources_on == []
    assert settings.as_of.tzinfo == UTC and settings.as_of.microsecond == 0 and not settings.as_of_is_set


def test_a_source_is_on_with_its_key_and_the_ledger_with_its_folder(clean: pytest.MonkeyPatch, tmp_path: Path):
    clean.setenv("THROUGHLINE_STRIPE_API_KEY", "  sk_test_1\n")
    clean.setenv("THROUGHLINE_STRIPE_BASE_URL", "http://127.0.0.1:1/stripe/")
    clean.setenv("THROUGHLINE_STRIPE_START_DATE", "2024-02-29")
    clean.setenv("THROUGHLINE_HUBSPOT_API_KEY", " ")
    (tmp_path / "data" / "ledger").mkdir(parents=True)
    settings = get_settings()
    assert settings.sources_on == ["stripe", "ledger"]
    stripe = settings.source("stripe")
    assert stripe.api_key == SecretStr("sk_test_1")
    assert (stripe.base_url, stripe.start_date) == ("http://127.0.0.1:1/stripe", date(2024, 2, 29))
    with pytest.raises(KeyError):
        settings.source("sap")


def test_the_environment_wins_over_dotenv_and_that_over_the_secrets_file(clean: pytest.MonkeyPatch, tmp_path: Path):
    (tmp_path / ".dlt").mkdir()
    (tmp_path / ".dlt/secrets.toml").write_text(
        'THROUGHLINE_CURRENCY = "CHF"\nTHROUGHLINE_TIME_ZONE = "Asia/Tokyo"\nTHROUGHLINE_STRIPE_API_KEY = "sk"\n'
    )
    (tmp_path / ".env").write_text("THROUGHLINE_CURRENCY=GBP\nTHROUGHLINE_TIME_ZONE=Europe/Paris\n")
    clean.setenv("THROUGHLINE_CURRENCY", "EUR")
    settings = get_settings()
    assert (settings.currency, settings.time_zone, settings.sources_on) == ("EUR", "Europe/Paris", ["stripe"])


def test_no_secret_is_printed():
    assert "sk_live" not in repr(Settings(stripe_api_key="sk_live_1", landing_secret="sk_live_2", _env_file=None))


@pytest.mark.parametrize(
    ("value", "instant"),
    [
        ("2026-06-15", datetime(2026, 6, 15, tzinfo=UTC)),
        ("2026-06-15T12:30:00.7Z", datetime(2026, 6, 15, 12, 30, tzinfo=UTC)),
        ("2026-06-15T02:00:00+02:00", datetime(2026, 6, 15, tzinfo=UTC)),
        ("2026-06-15 02:00:00", datetime(2026, 6, 15, 2, tzinfo=UTC)),
    ],
)
def test_the_instant_is_utc_whatever_its_offset(clean: pytest.MonkeyPatch, value: str, instant: datetime):
    clean.setenv("THROUGHLINE_AS_OF", value)
    assert get_settings().as_of == instant
    assert get_settings().dbt_vars()["as_of"] == instant.strftime("%Y-%m-%d %H:%M:%S")


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("TARGET", "oracle", "duckdb"),
        ("AS_OF", "yesterday", "ISO 8601"),
        ("TIME_ZONE", "Mars/Olympus", "IANA"),
        ("TIME_ZONE", "../../etc/passwd", "IANA"),
        ("CURRENCY", "eur", "three capitals"),
        ("FISCAL_YEAR_START", "13", "12"),
        ("STRIPE_BASE_URL", "ftp://api", "http"),
        ("STRIPE_START_DATE", "2024-02-30", "date"),
        ("KEEP_VERSIONS", "0", "1"),
        ("MRR_PAST_DUE", "perhaps", "'include' or 'exclude'"),
        ("MRR_METERED_USAGE", "maybe", "'out' or 'in'"),
        ("REACTIVATION_GAP_DAYS", "-1", "0"),
        ("LANDING_PORT", "eighty", "integer"),
        ("QUARANTINE_LIMIT", "2", "1"),
    ],
)
def test_a_bad_value_is_refused_in_one_line_that_names_it(clean, name: str, value: str, allowed: str):
    clean.setenv(f"THROUGHLINE_{name}", value)
    with pytest.raises(BadSettings) as refused:
        get_settings()
    message = str(refused.value)
    assert message.startswith(f"THROUGHLINE_{name}: ") and allowed in message and "\n" not in message


def test_choices_of_the_revenue_policy_are_passed_where_they_are_set(clean: pytest.MonkeyPatch, tmp_path: Path):
    assert "mrr_trials" not in get_settings().dbt_vars()
    (tmp_path / ".env").write_text("THROUGHLINE_MRR_TRIALS=include\nTHROUGHLINE_CHURN_DATE=request\n")
    clean.setenv("THROUGHLINE_REACTIVATION_GAP_DAYS", "30")
    chosen = get_settings().dbt_vars()
    assert (chosen["mrr_trials"], chosen["churn_date"], chosen["reactivation_gap_days"]) == ("include", "request", 30)


def test_an_empty_variable_is_no_variable(clean: pytest.MonkeyPatch):
    for name in ("AS_OF", "CURRENCY", "DATA_DIR", "STRIPE_API_KEY", "KEEP_VERSIONS"):
        clean.setenv(f"THROUGHLINE_{name}", "")
    assert get_settings().currency == "USD" and get_settings().sources_on == []


def test_a_misspelt_variable_is_found_with_the_name_that_was_meant(clean: pytest.MonkeyPatch):
    clean.setenv("THROUGHLINE_STRIPE_APIKEY", "sk")
    assert unknown_variables() == {"THROUGHLINE_STRIPE_APIKEY": "THROUGHLINE_STRIPE_API_KEY"}


def test_processes_that_we_start_report_home_to_nobody():
    environment = process_environment({"X": "1"})
    assert environment["X"] == "1" and environment["DO_NOT_TRACK"] == "1"
    assert environment["GX_ANALYTICS_ENABLED"] == "false"
