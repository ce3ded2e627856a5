"""What models say of themselves so that a night carries them on.

That it gives what a full build gives is tested on lives of companies (`tests/journey/test_many_lives.py`), on histories
of records, and in the nights of whole companies.
"""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.dbt.conftest import DbtWarehouse, _models_alone
from warehouse.carry import Spec
from warehouse.dbt_nights import _is_timed


def carried() -> dict[str, Any]:
    """The models that carry on, or say when time changes them."""
    nodes = _models_alone().nodes.values()
    return {node.name: node for node in nodes if node.config.meta.get("carried")}


def test_the_models_that_cost_most_carry_on() -> None:
    assert len(carried()) > 60


def test_what_a_model_says_is_about_what_it_reads() -> None:
    known = _models_alone()
    for name, node in carried().items():
        said = node.config.meta["carried"]
        inputs = {known.nodes[one].name for one in node.depends_on.nodes if one in known.nodes}
        inputs |= {f"{source}.{stream}" for source, stream in node.sources}
        named = {*said["keyed"], *said["lookups"], *(said["due"] or {})} - {"this"}
        assert named <= inputs, f"{name} says something of {named - inputs}, which it does not read"
        for lookup, how in said["lookups"].items():
            through = set(how["through"]) - {"this"}
            assert through <= {*said["keyed"], *said["lookups"]}, (
                f"{name} finds {lookup} through an input it says nothing of"
            )


def test_an_input_is_taken_after_those_that_it_is_found_through() -> None:
    for name, node in carried().items():
        spec = Spec(**node.config.meta["carried"])
        order = spec.names()
        for lookup, how in spec.lookups.items():
            for through in set(how["through"]) - {"this"}:
                if lookup in order and through in order:
                    assert order.index(through) < order.index(lookup), f"{name}: {through} has to come before {lookup}"


def test_no_query_tells_rows_apart_by_columns_that_it_does_not_name() -> None:
    """A night looks at the columns alone that a query names: `distinct *` would see the others."""
    found = [
        node.name
        for node in _models_alone().nodes.values()
        if str(node.resource_type) == "model" and re.search(r"distinct\s+\*|\bexcept\b|\bintersect\b", node.raw_code)
    ]
    assert found == []


@pytest.fixture
def carried_on(dbt: DbtWarehouse) -> DbtWarehouse:
    """Two invoice lines of two customers, on two nights that brought nothing in between."""
    for number in (1, 2):
        dbt.raw("stripe", "customers", [customer(number)])
        dbt.raw("stripe", "invoices", [invoice(number)])
        dbt.raw("stripe", "invoice_lines", [line(number)])
    build(dbt, "2026-01-02 00:00:00")
    return dbt


def customer(number: int) -> dict[str, object]:
    known = {"id": f"cus_{number}", "email": f"billing@c{number}.example", "created_at": "2025-11-01"}
    return known | {"extracted_at": "2026-01-01 00:00:00+00", "version_hash": f"cus_{number}"}


def invoice(number: int, **changed: object) -> dict[str, object]:
    known = {"id": f"in_{number}", "customer_id": f"cus_{number}", "currency": "usd", "status": "paid", "total": 3100}
    known |= {"total_excluding_tax": 3100, "created_at": "2025-12-01", "finalized_at": "2025-12-01"}
    return known | {"extracted_at": "2026-01-01 00:00:00+00", "version_hash": f"in_{number}"} | changed


def line(number: int) -> dict[str, object]:
    known = {"id": f"il_{number}", "invoice_id": f"in_{number}", "customer_id": f"cus_{number}", "currency": "usd"}
    known |= {"amount": 3100, "period_start_at": "2025-12-20", "period_end_at": "2026-01-20", "quantity": 1}
    return known | {"extracted_at": "2026-01-01 00:00:00+00", "version_hash": f"il_{number}"}


def build(dbt: DbtWarehouse, as_of: str) -> None:
    dbt.carry("+fct_revenue", as_of=as_of)


def changed(dbt: DbtWarehouse) -> dict[str, int]:
    """Changed rows by model of the last night, those without any left out."""
    return {
        relation.partition(".")[2]: count
        for relation, count in dbt.rows("select relation, changed from changes.log where changed > 0")
        if not relation.startswith("raw_")
    }


def revenue(dbt: DbtWarehouse) -> list[tuple]:
    return dbt.rows("select source_id, month, is_future, amount from journey.fct_revenue order by all")


def test_a_night_on_which_only_time_passes_makes_again_what_is_due(carried_on: DbtWarehouse) -> None:
    build(carried_on, "2026-01-03 00:00:00")
    assert changed(carried_on) == {"fct_revenue": 8}
    night = revenue(carried_on)
    carried_on.rebuild("+fct_revenue", as_of="2026-01-03 00:00:00")
    assert revenue(carried_on) == night


def test_when_all_service_is_over_nothing_is_due(carried_on: DbtWarehouse) -> None:
    build(carried_on, "2026-02-03 00:00:00")
    build(carried_on, "2026-02-04 00:00:00")
    assert changed(carried_on) == {}


def test_a_correction_makes_again_what_rests_on_it_alone(carried_on: DbtWarehouse) -> None:
    build(carried_on, "2026-02-03 00:00:00")
    carried_on.execute("update journey.fct_revenue set policy_version = 'marked' where source_id = 'il_1'")
    void = invoice(
        2, status="void", extracted_at="2026-02-03 12:00:00+00", modified_at="2026-02-03", version_hash="void"
    )
    carried_on.raw("stripe", "invoices", [void])
    build(carried_on, "2026-02-04 00:00:00")
    # a mark that rows which are made again would lose
    assert carried_on.rows("select distinct source_id, policy_version from journey.fct_revenue") == [("il_1", "marked")]
    assert changed(carried_on)["fct_revenue"] == 2


def test_a_column_that_a_model_does_not_read_makes_nothing_again(carried_on: DbtWarehouse) -> None:
    build(carried_on, "2026-02-03 00:00:00")
    again = {"modified_at": "2026-02-03", "extracted_at": "2026-02-03 12:00:00+00", "version_hash": "seen again"}
    carried_on.raw("stripe", "invoices", [invoice(2, **again)])
    build(carried_on, "2026-02-04 00:00:00")
    assert set(changed(carried_on)) == {"stg_stripe__invoices"}


def test_a_night_that_carries_nothing_on_logs_nothing(carried_on: DbtWarehouse) -> None:
    build(carried_on, "2026-02-03 00:00:00")
    carried_on.execute("delete from changes.standing")
    build(carried_on, "2026-02-04 00:00:00")
    assert carried_on.rows("select * from changes.log") == []


def view(dbt: DbtWarehouse, name: str) -> str:
    return dbt.value(f"select sql from duckdb_views() where view_name = '{name}'")


def test_a_view_of_a_stream_that_brought_nothing_is_not_made_again(carried_on: DbtWarehouse) -> None:
    build(carried_on, "2026-02-03 00:00:00")
    assert "2026-01-02" in view(carried_on, "stg_stripe__invoice_lines")


def test_a_view_that_was_left_alone_for_nights_knows_what_comes_then(carried_on: DbtWarehouse) -> None:
    build(carried_on, "2026-02-03 00:00:00")
    build(carried_on, "2026-02-04 00:00:00")
    more = line(2) | {"amount": 6200, "version_hash": "more", "extracted_at": "2026-02-04 12:00:00+00"}
    carried_on.raw("stripe", "invoice_lines", [more])
    build(carried_on, "2026-02-05 00:00:00")
    assert "2026-02-05" in view(carried_on, "stg_stripe__invoice_lines")
    night = revenue(carried_on)
    carried_on.rebuild("+fct_revenue", as_of="2026-02-05 00:00:00")
    assert revenue(carried_on) == night
    assert sum(row[3] for row in night) == 93


def test_a_model_that_holds_the_instant_of_the_run_is_known_by_its_macros(dbt: DbtWarehouse) -> None:
    """What is not known to is left alone on nights that change nothing that it reads."""
    project = _models_alone()
    compiled = dbt._dbt(project, ["compile", "--select", "resource_type:model"], {"as_of": "2031-07-05 04:03:02"})
    holding = [found.node for found in compiled.results if "2031-07-05" in found.node.compiled_code]
    assert len(holding) > 100
    assert [node.name for node in holding if not _is_timed(node, project)] == []


def test_a_table_does_not_grow_by_the_rows_that_nights_have_replaced(carried_on: DbtWarehouse) -> None:
    for day in range(3, 12):
        build(carried_on, f"2026-01-{day:02} 00:00:00")
    rows, room = carried_on.rows("select count(*), max(rowid) + 1 from journey.fct_revenue")[0]
    assert room < 3 * rows
    night = revenue(carried_on)
    carried_on.rebuild("+fct_revenue", as_of="2026-01-11 00:00:00")
    assert revenue(carried_on) == night


def cost(key: str, month: str, currency: str = "USD") -> dict[str, object]:
    return {"id": key, "month": month, "category": "hosting", "vendor": key, "amount": 100, "currency": currency}


def rate(day: str, to_usd: str) -> dict[str, object]:
    return {"id": day, "date": day, "currency": "EUR", "to_currency": "USD", "rate": to_usd}


def test_a_model_that_time_changes_stands_on_a_night_on_which_nothing_is_due(dbt: DbtWarehouse) -> None:
    dbt.raw("ledger", "costs", [cost("over", "2025-12-01")])
    dbt.carry("+fct_costs", as_of="2026-01-02 00:00:00")
    # a mark that a row which is made again would lose
    dbt.execute("update journey.fct_costs set vendor = 'marked'")
    dbt.carry("+fct_costs", as_of="2026-01-03 00:00:00")
    assert dbt.rows("select vendor from journey.fct_costs") == [("marked",)]
    assert changed(dbt) == {}


def test_a_model_is_made_again_while_its_month_lasts_and_stands_when_it_is_over(dbt: DbtWarehouse) -> None:
    """What a month costs is converted at the day's rate until it is over."""
    rates = {"2026-01-02": "1.1", "2026-01-03": "1.2", "2026-01-30": "1.2", "2026-01-31": "1.5", "2026-02-01": "1.6"}
    dbt.raw("ledger", "exchange_rates", [rate(*one) for one in rates.items()])
    dbt.raw("ledger", "costs", [cost("lasts", "2026-01-01", "EUR")])
    found = []
    for night in ("2026-01-02", "2026-01-03", "2026-01-30", "2026-02-01", "2026-02-02"):
        dbt.carry("+fct_costs", as_of=f"{night} 12:00:00")
        found.append((dbt.value("select amount from journey.fct_costs"), changed(dbt).get("fct_costs", 0)))
    assert found == [(110, 0), (120, 2), (120, 0), (150, 2), (150, 0)]


def test_a_deal_that_is_won_before_its_day_closes_anew_on_each_night_until_then(dbt: DbtWarehouse) -> None:
    known = {"object_type": "deals", "pipeline_id": "sales", "stage_id": "won", "label": "Won"}
    dbt.raw("hubspot", "pipeline_stages", [known | {"id": "won", "is_closed": True, "probability": 1}])
    deal = {"pipeline_id": "sales", "stage_id": "won", "created_at": "2025-12-01"}
    dbt.raw("hubspot", "deals", [deal | {"id": day, "close_at": f"2026-01-{day}"} for day in ("01", "04")])
    closed = []
    for night in ("2026-01-02", "2026-01-03", "2026-01-05", "2026-01-06"):
        dbt.carry("+fct_deals", as_of=f"{night} 00:00:00")
        days = [day.day for (day,) in dbt.rows("select closed_on from journey.fct_deals order by deal_id")]
        closed.append((*days, changed(dbt).get("fct_deals", 0)))
    assert closed == [(1, 2, 0), (1, 3, 2), (1, 4, 2), (1, 4, 0)]
