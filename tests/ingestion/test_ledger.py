"""The ledger's CSV files: what is read, what is refused and in which words, what removing a row means."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from ingestion.ledger.calendar import UnknownCountry, public_holidays
from ingestion.ledger.schema import FILES, STREAMS
from ingestion.ledger.source import LedgerError, build, read_file
from ingestion.load import run_source
from tests.ingestion.raw_harness import Harness
from warehouse.settings import Settings

Write = Callable[[str, str], None]
COSTS = "month,category,vendor,amount,currency\n"


@pytest.fixture
def raw(tmp_path: Path) -> Harness:
    (tmp_path / "ledger").mkdir()
    return Harness(tmp_path, "ledger")


@pytest.fixture
def write(tmp_path: Path, raw: Harness) -> Write:
    def to_file(name: str, text: str) -> None:
        (tmp_path / "ledger" / f"{name}.csv").write_text(text, encoding="utf-8")

    return to_file


def run(raw: Harness) -> dict[str, int]:
    return raw.run(lambda context: build(context.settings, context))


def fault(folder: Path, name: str, text: str | bytes) -> str:
    path = folder / f"{name}.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(LedgerError) as caught:
        read_file(path, name)
    return str(caught.value)


def test_every_file_is_read_into_typed_rows(raw: Harness, write: Write) -> None:
    write("targets", "metric,month,amount,currency\nmrr,2026-01,1000.50,eur\nnew_customers,2026-02-01,12,\n")
    write("costs", COSTS + '2026-01-01,hosting,"Cloud, Inc.",-12.5,USD\n2026-01,hosting,,7,USD\n')
    write(
        "ad_spend", "date,channel,campaign,amount,currency,clicks,impressions\n2026-01-31,paid_search,Brand,9,JPY,5,\n"
    )
    write("exchange_rates", "date,currency,to_currency,rate\n2026-01-01,EUR,USD,1.0842\n")
    left, right = "hubspot,contact,51", "stripe,customer,cus_1"
    header = "action,entity,left_system,left_type,left_id,right_system,right_type,right_id"
    write("identity_overrides", f"{header},reason\njoin,person,{left},{right},same person\n")

    write("holidays", "date,name\n2026-12-24,Company closed\n")

    assert run(raw) == {
        "targets": 2,
        "costs": 2,
        "ad_spend": 1,
        "exchange_rates": 1,
        "holidays": 1,
        "identity_overrides": 1,
    }
    first, second = sorted(raw.versions("targets"), key=lambda row: row["metric"])
    assert (first["month"], first["amount"], first["currency"]) == (date(2026, 1, 1), Decimal("1000.50"), "EUR")
    assert (second["month"], second["currency"]) == (date(2026, 2, 1), None)
    assert {row["vendor"] for row in raw.versions("costs")} == {"Cloud, Inc.", None}
    (row,) = raw.versions("ad_spend")
    assert (row["date"], row["clicks"], row["impressions"]) == (date(2026, 1, 31), 5, None)
    assert run(raw) == {}


def test_public_holidays_of_a_region_and_days_by_hand() -> None:
    as_of = datetime(2026, 6, 15, tzinfo=UTC)
    bavaria = {row["date"]: row["name"] for row in public_holidays("DE-BY", as_of)}
    assert (bavaria["2026-05-01"], bavaria["2026-01-06"]) == ("Labor Day", "Epiphany")
    assert (min(bavaria)[:4], max(bavaria)[:4]) == ("2000", "2029")
    # what one region has another has not
    assert "2026-01-06" not in {row["date"] for row in public_holidays("DE-BE", as_of)}
    assert public_holidays("", as_of) == []
    for place, words in (("XX", "there is no country XX"), ("DE-XX", "its regions are BB, BE,")):
        with pytest.raises(UnknownCountry, match=words):
            public_holidays(place, as_of)


def test_a_day_by_hand_keeps_its_name(tmp_path: Path) -> None:
    (tmp_path / "ledger").mkdir()
    (tmp_path / "ledger" / "holidays.csv").write_text("date,name\n2026-12-25,Party\n2026-12-28,Closed\n")
    raw = Harness(tmp_path, "ledger", {"holidays_country": "US"})
    run(raw)
    names = {row["date"]: row["name"] for row in raw.versions("holidays")}
    assert [names[date(2026, 12, day)] for day in (25, 28)] == ["Party", "Closed"]
    assert names[date(2026, 7, 4)] == "Independence Day"


def test_changed_removed_and_returned_rows(raw: Harness, write: Write) -> None:
    write("costs", COSTS + "2026-01,hosting,A,1,USD\n2026-01,support,B,2,USD\n")
    run(raw)
    write("costs", COSTS + "2026-01,hosting,A,5,USD\n")
    assert run(raw) == {"costs": 2}
    newest = {row["vendor"]: row for row in raw.newest("costs").values()}
    assert (newest["A"]["amount"], newest["A"]["is_deleted"]) == (5, False)
    assert (newest["B"]["amount"], newest["B"]["is_deleted"]) == (2, True)
    assert run(raw) == {}
    write("costs", COSTS + "2026-01,hosting,A,5,USD\n2026-01,support,B,2,USD\n")
    assert run(raw) == {"costs": 1}
    (raw.folder / "ledger" / "costs.csv").unlink()
    assert run(raw) == {"costs": 2}
    assert raw.live("costs") == set()


def test_missing_files_are_empty_and_order_columns_and_spacing_do_not_matter(raw: Harness, write: Write) -> None:
    assert run(raw) == {}
    write("costs", "﻿amount, currency,category,month\r\n 1 ,usd,hosting,2026-01\r\n\r\n,,,\r\n")
    assert run(raw) == {"costs": 1}
    write("costs", COSTS + "2026-01-01,hosting,,1,USD\n")
    assert run(raw) == {}


def test_nothing_is_read_when_any_file_is_malformed(raw: Harness, write: Write) -> None:
    write("costs", COSTS + "2026-01,hosting,A,1,USD\n")
    run(raw)
    write("costs", COSTS + "2026-01,hosting,A,2,USD\n")
    write("targets", "metric,month,amount,currency\nmrr,2026-01,lots,EUR\n")
    with pytest.raises(LedgerError, match=r"targets\.csv, line 2: amount 'lots'"):
        run(raw)
    assert [row["amount"] for row in raw.versions("costs")] == [1]


@pytest.mark.parametrize(
    ("name", "text", "parts"),
    [
        ("costs", "", ["costs.csv: no header line", "month,category,vendor,amount,currency"]),
        ("costs", "month,category,amount\n", ["line 1", "'currency' is missing"]),
        ("costs", "month,category,amuont,currency\n", ["line 1", "unknown column 'amuont'", "did you mean amount?"]),
        ("costs", "month,category,amount,currency,x1\n", ["unknown column 'x1'", "remove the column"]),
        ("costs", "month,month,category,amount,currency\n", ["'month' occurs twice"]),
        ("costs", "month;category;vendor;amount;currency\n", ["line 1", "not separated by commas"]),
        ("costs", COSTS + "2026-01,hosting,1,USD\n", ["line 2", "4 fields where the header has 5", "quotes"]),
        ("costs", COSTS + "2026-01,hosting,a,1,234,USD\n", ["line 2", "6 fields"]),
        ("costs", COSTS + "\n2026-1,hosting,a,1,USD\n", ["line 3", "month '2026-1'", "YYYY-MM"]),
        ("costs", COSTS + "2026-01-15,hosting,a,1,USD\n", ["month '2026-01-15'"]),
        ("costs", COSTS + "2026-13,hosting,a,1,USD\n", ["month '2026-13'"]),
        ("costs", COSTS + "01.01.2026,hosting,a,1,USD\n", ["month '01.01.2026'"]),
        ("costs", COSTS + "2026-01,servers,a,1,USD\n", ["category 'servers'", "hosting, support"]),
        ("costs", COSTS + '2026-01,hosting,a,"1,5",USD\n', ["amount '1,5'", "decimal point"]),
        ("costs", COSTS + "2026-01,hosting,a,1e3,USD\n", ["amount '1e3'"]),
        ("costs", COSTS + "2026-01,hosting,a,NaN,USD\n", ["amount 'NaN'"]),
        ("costs", COSTS + "2026-01,hosting,a,$5,USD\n", ["amount '$5'"]),
        ("costs", COSTS + "2026-01,hosting,a,0.1234567890123,USD\n", ["amount '0.1234567890123'"]),
        ("costs", COSTS + "2026-01,hosting,a,,USD\n", ["amount is empty"]),
        ("costs", COSTS + "2026-01,hosting,a,1,US$\n", ["currency 'US$'", "three letters"]),
        ("costs", COSTS + "2026-01,hosting,a,1,USD\n2026-01-01,hosting,a,2,EUR\n",
         ["line 3", "same row as line 2", "month=2026-01-01", "vendor=a"]),
        ("costs", COSTS + '2026-01,hosting,"a,1,USD\n', ["line 2", "not valid CSV"]),
        ("costs", COSTS + '2026-01,hosting,"two\nlines",1,USD\n2026-01,nothing,a,1,USD\n', ["line 4", "'nothing'"]),
        ("costs", COSTS.encode() + b"2026-01,hosting,caf\xe9,1,USD\n", ["line 2", "not UTF-8", "CSV UTF-8"]),
        ("targets", "metric,month,amount,currency\nmrr,2026-01,5,\n", ["line 2", "currency is empty", "ISO code"]),
        ("targets", "metric,month,amount,currency\nprofit,2026-01,5,USD\n", ["metric 'profit'", "mrr,"]),
        ("ad_spend", "date,channel,campaign,amount,currency,clicks\n2026-02-30,a,b,1,USD,1\n", ["date '2026-02-30'"]),
        ("ad_spend", "date,channel,campaign,amount,currency,clicks\n2026-02-01,a,b,1,USD,1.5\n", ["clicks '1.5'"]),
        ("exchange_rates", "date,currency,to_currency,rate\n2026-01-01,EUR,USD,0\n", ["rate '0'", "above zero"]),
        ("exchange_rates", "date,currency,to_currency,rate\n2026-01-01,EUR,EUR,1\n", ["to_currency 'EUR'"]),
        ("identity_overrides", ",".join(f.name for f in FILES["identity_overrides"]) + "\nmerge,person,hubspot,"
         "contact,1,stripe,customer,2,x\n", ["action 'merge'", "join, split"]),
    ],
)  # fmt: skip
def test_faults_are_named_with_file_line_field_value_and_remedy(
    tmp_path: Path, name: str, text: str | bytes, parts: list[str]
) -> None:
    message = fault(tmp_path, name, text)
    assert message.startswith(f"{name}.csv")
    for part in parts:
        assert part in message


def test_the_id_is_that_of_the_key_columns() -> None:
    (costs,) = (stream for stream in STREAMS if stream.name == "costs")
    assert callable(costs.id_path)
    row = {"month": "2026-01-01", "category": "hosting", "vendor": None, "amount": "1", "currency": "USD"}
    assert costs.id_path(row) == costs.id_path({**row, "amount": "2", "vendor": ""})
    assert costs.id_path(row) != costs.id_path({**row, "vendor": "A"})


def test_through_the_loader(tmp_path: Path) -> None:
    (tmp_path / "ledger").mkdir()
    (tmp_path / "ledger" / "costs.csv").write_text(COSTS + "2026-01,hosting,A,1,USD\n")
    (tmp_path / "ledger" / "notes.csv").write_text("nothing of ours\n")
    settings = Settings(data_dir=tmp_path, _env_file=None)
    report = run_source("ledger", settings)
    assert report.rows_loaded["costs"] == 1
    (tmp_path / "ledger" / "costs.csv").write_text(COSTS + "2026-01,hosting,A,x,USD\n")
    with pytest.raises(LedgerError, match=r"costs\.csv, line 2: amount 'x'"):
        run_source("ledger", settings)
    elsewhere = Settings(data_dir=tmp_path, ledger_dir=tmp_path / "none", _env_file=None)
    assert not run_source("ledger", elsewhere).is_configured
