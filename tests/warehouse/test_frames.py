"""Small tables between the warehouse and pandas."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pandas as pd
import pytest

from warehouse.connections import NoWarehouse
from warehouse.frames import read, write
from warehouse.settings import Settings

TYPES = {"month": "date", "amount": "decimal(18, 4)", "model": "varchar"}


def test_what_is_written_is_read_again_to_the_last_digit(settings: Settings):
    frame = pd.DataFrame(
        {
            "model": ["ets", None],
            "amount": [Decimal("12345678901234.5678"), Decimal("-0.0001")],
            "month": [date(2026, 1, 1), date(2026, 2, 1)],
        }
    )
    assert write(settings, "insights.forecast", frame, TYPES) == 2
    found = read(settings, "insights.forecast")
    assert list(found.columns) == list(TYPES)
    assert list(found["amount"]) == list(frame["amount"]) and list(found["month"]) == list(frame["month"])
    assert list(read(settings, "select sum(amount) as s from insights.forecast")["s"]) == [
        Decimal("12345678901234.5677")
    ]


def test_an_empty_frame_has_the_same_table_as_a_full_one(settings: Settings):
    assert write(settings, "insights.forecast", pd.DataFrame(columns=list(TYPES)), TYPES) == 0
    types = read(settings, "select column_name, column_type from (describe insights.forecast)")
    assert list(types["column_type"]) == ["DATE", "DECIMAL(18,4)", "VARCHAR"]


def test_an_undeclared_column_is_refused_and_the_table_stays(settings: Settings):
    write(settings, "insights.forecast", pd.DataFrame({"month": [], "amount": [], "model": ["x"][:0]}), TYPES)
    with pytest.raises(ValueError, match="surprise"):
        write(settings, "insights.forecast", pd.DataFrame(columns=[*TYPES, "surprise"]), TYPES)
    assert len(read(settings, "insights.forecast")) == 0


def test_reading_before_the_first_run_says_what_to_do(settings: Settings):
    with pytest.raises(NoWarehouse, match="throughline refresh"):
        read(settings, "insights.forecast")
