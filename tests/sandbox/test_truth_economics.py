"""The truth about unit economics agrees with itself and with what the providers show."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest

from sandbox.rates import Rates
from sandbox.world import World

SUMMABLE = (
    *("customers_start", "customers_new", "customers_reactivated", "customers_churned", "customers_end"),
    *("mrr_start", "mrr_end", "mrr_kept", "mrr_kept_and_grown", "recognised_revenue"),
)


@pytest.fixture(scope="module")
def world() -> World:
    return World(19, 40, date(2026, 6, 15))


def cents(amount: Decimal) -> Decimal:
    return amount.quantize(Decimal("0.01"), ROUND_HALF_UP)


def total(rows: list[dict[str, Any]], name: str) -> dict[str, Decimal]:
    out: dict[str, Decimal] = defaultdict(Decimal)
    for row in rows:
        out[row["month"]] += Decimal(row.get(name, 0))
    return out


def test_the_segments_of_each_kind_sum_to_the_company(world: World):
    company, parts = world.truth_economics(), world.truth_segments()
    for kind in ("plan", "channel", "company_size", "country", "owner"):
        rows = [row for row in parts if row["segment_type"] == kind]
        for name in SUMMABLE:
            found = total(rows, name)
            assert {row["month"]: cents(found[row["month"]]) for row in company} == {
                row["month"]: cents(Decimal(row[name])) for row in company
            }, (kind, name)


def test_plans_close_and_transfers_cancel_out(world: World):
    names = [f"mrr_{name}" for name in ("new", "expansion", "contraction", "churn", "reactivation", "fx")]
    names += ["mrr_transfer_in", "mrr_transfer_out"]
    closing: dict[str, Decimal] = defaultdict(Decimal)
    for row in world.truth_plans():
        closing[row["plan"]] += sum(Decimal(row.get(name, 0)) for name in names)
        assert abs(closing[row["plan"]] - Decimal(row.get("mrr_closing", 0))) < Decimal("0.005")
    moved = [total(world.truth_plans(), name) for name in ("mrr_transfer_in", "mrr_transfer_out")]
    assert all(abs(moved[0][month] + moved[1][month]) < Decimal("0.005") for month in moved[0])


def test_payment_fees_are_those_of_the_balance(world: World):
    rates, shown = Rates(19, world.start), defaultdict(Decimal)
    for entry in world.objects("stripe", "balance_transactions").values():
        day = datetime.fromtimestamp(entry["created"], UTC).date()
        fee = Decimal(entry["fee"]) / (1 if entry["currency"] == "jpy" else 100)
        shown[day.replace(day=1).isoformat()] += fee * rates.on(entry["currency"].upper(), day)
    for row in world.truth_economics():
        assert abs(Decimal(row["payment_fees"]) - shown[row["month"]]) < Decimal("0.01")


def test_the_same_accounts_make_mrr_and_economics(world: World):
    mrr = {row["month"]: (row["mrr"], row["customers"]) for row in world.truth_mrr()}
    assert {row["month"]: (row["mrr_end"], row["customers_end"]) for row in world.truth_economics()} == mrr
