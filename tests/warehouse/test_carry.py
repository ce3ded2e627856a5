"""What a night does with one model, on tables of a few rows."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import duckdb
import pytest

from warehouse.carry import WIDE, Carried, Input, Spec, spec_of
from warehouse.changes import Night

SINCE, NOW = "2026-01-02 00:00:00", "2026-01-03 00:00:00"
BY_ACCOUNT = Spec(by=["account"], keyed={"fct_invoices": [["account"]]})
SUMS = "select account, sum(amount) as amount from journey.fct_invoices group by account"


class Warehouse:
    """Invoices of accounts, a table of their sums, and a night that begins."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection
        self.execute("create schema journey; attach ':memory:' as carried")
        self.execute(
            "create table journey.fct_invoices (id integer, account varchar, amount decimal(38, 4), note varchar)"
        )
        self.execute("insert into journey.fct_invoices values (1, 'a', 5, 'x'), (2, 'a', 7, 'x'), (3, 'b', 2, 'x')")
        self.execute(f"create table journey.sums as {SUMS}")
        self.night = Night(
            SINCE, NOW, SINCE, {"journey.fct_invoices": 0}, {}, self._columns(), {"journey.sums": False}, share=1
        )

    def execute(self, statement: str) -> list[tuple[Any, ...]]:
        return self.connection.execute(statement).fetchall()

    def _columns(self) -> dict[str, dict[str, str]]:
        return {
            f"journey.{table}": {row[0]: row[1] for row in self.execute(f"describe journey.{table}")}
            for table in ("fct_invoices", "sums")
        }

    def change(self, gone: str, come: str) -> None:
        """Take away the invoices for which a condition holds, and add others."""
        self.execute(
            "create table carried.fct_invoices as "
            f"select *, true as carried_is_gone from journey.fct_invoices where {gone} "
            "union all by name "
            f"select *, false as carried_is_gone from (values {come}) as come (id, account, amount, note)"
        )
        self.execute(f"delete from journey.fct_invoices where {gone}; insert into journey.fct_invoices values {come}")
        self.night.changed["journey.fct_invoices"] = self.execute("select count(*) from carried.fct_invoices")[0][0]

    def model(self, spec: Spec = BY_ACCOUNT, is_view: bool = False, **inputs: Input) -> Carried:
        invoices = Input(
            relation="journey.fct_invoices",
            logged="journey.fct_invoices",
            is_raw=False,
            columns=list(self.night.columns["journey.fct_invoices"]),
            changed=self.night.changed.get("journey.fct_invoices"),
        )
        read: Mapping[str, Input] = inputs or {"fct_invoices": invoices}
        return Carried(self.night, "journey.sums", "journey.sums", read, spec, is_view, self.execute)

    def build(self, query: str = SUMS, is_timed: bool = False, **options: Any) -> None:
        self.model(**options).build(query, query, is_timed)

    @property
    def sums(self) -> list[tuple[Any, ...]]:
        return [(account, int(amount)) for account, amount in self.execute("from journey.sums order by all")]

    @property
    def logged(self) -> int | None:
        return self.night.changed.get("journey.sums")


@pytest.fixture
def warehouse() -> Iterator[Warehouse]:
    with duckdb.connect() as connection:
        yield Warehouse(connection)


def mark(warehouse: Warehouse) -> None:
    """Rows that are made again lose what was written by hand."""
    warehouse.execute("update journey.sums set amount = amount + 100")


def test_a_model_stands_when_nothing_that_it_reads_has_changed(warehouse: Warehouse) -> None:
    assert warehouse.model().stands(is_timed=False)
    assert warehouse.logged == 0


@pytest.mark.parametrize("changed", [3, None])
def test_a_model_does_not_stand_that_reads_something_changed_or_unknown(
    warehouse: Warehouse, changed: int | None
) -> None:
    warehouse.night.changed = {} if changed is None else {"journey.fct_invoices": changed}
    assert not warehouse.model().stands(is_timed=False)
    assert warehouse.logged is None


def test_a_model_that_holds_the_instant_and_says_nothing_of_time_does_not_stand(warehouse: Warehouse) -> None:
    assert not warehouse.model().stands(is_timed=True)


@pytest.mark.parametrize(("amount", "stands"), [(99, True), (7, False)])
def test_a_model_stands_until_it_is_due(warehouse: Warehouse, amount: int, stands: bool) -> None:
    spec = Spec(due={"fct_invoices": f"amount = {amount}"})
    assert warehouse.model(spec).stands(is_timed=True) is stands


def raw_people() -> Input:
    return Input("raw_crm.people", "raw_crm.people", is_raw=True, columns=["id"], changed=0)


def test_a_view_of_which_nobody_knows_the_query_does_not_stand(warehouse: Warehouse) -> None:
    assert not warehouse.model(Spec(), is_view=True, people=raw_people()).stands(is_timed=False)
    warehouse.night.views["journey.sums"] = "select id from raw_crm.people"
    assert warehouse.model(Spec(), is_view=True, people=raw_people()).stands(is_timed=False)


def test_only_the_values_are_made_again_whose_inputs_changed(warehouse: Warehouse) -> None:
    mark(warehouse)
    warehouse.change("id = 3", "(3, 'b', 4, 'x'), (4, 'c', 1, 'x')")
    warehouse.build()
    assert warehouse.sums == [("a", 112), ("b", 4), ("c", 1)]
    assert warehouse.logged == 3
    logged = warehouse.execute("select account, amount, carried_is_gone from carried.sums order by all")
    assert [(account, int(amount), gone) for account, amount, gone in logged] == [
        ("b", 4, False),
        ("b", 102, True),
        ("c", 1, False),
    ]


def test_models_that_find_the_first_changed_rows_at_once_keep_them_in_one_place(warehouse: Warehouse) -> None:
    warehouse.execute("detach carried; update journey.sums set amount = amount + 100")
    warehouse.execute("create table journey.others as from journey.sums")
    warehouse.night.columns["journey.others"] = warehouse.night.columns["journey.sums"]
    warehouse.night.changed = {}
    attached = []

    def keep(name: str) -> None:
        own = warehouse.connection.cursor()

        def run(statement: str) -> list[tuple[Any, ...]]:
            if statement.startswith("attach"):
                attached.append(name)
                # long enough for the other to come by
                time.sleep(0.2)
            return own.execute(statement).fetchall()

        invoices = Input("journey.fct_invoices", "journey.fct_invoices", is_raw=False, columns=[], changed=None)
        model = Carried(warehouse.night, f"journey.{name}", f"journey.{name}", {"i": invoices}, BY_ACCOUNT, False, run)
        model.build(SUMS, SUMS, is_timed=False)

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(keep, ["sums", "others"]))
    assert len(attached) == 1
    assert warehouse.night.changed == {"journey.sums": 4, "journey.others": 4}
    assert warehouse.execute("select count(*) from carried.sums, carried.others") == [(16,)]


def test_a_value_without_rows_left_goes(warehouse: Warehouse) -> None:
    warehouse.change("account = 'a'", "(9, 'c', 1, 'x')")
    warehouse.build()
    assert warehouse.sums == [("b", 2), ("c", 1)]


def test_the_rows_without_a_value_are_a_value_of_their_own(warehouse: Warehouse) -> None:
    warehouse.execute("insert into journey.fct_invoices values (5, null, 3, 'x')")
    warehouse.execute(f"create or replace table journey.sums as {SUMS}")
    warehouse.change("id = 5", "(5, null, 8, 'x')")
    warehouse.build()
    assert (None, 8) in warehouse.sums
    assert (None, 3) not in warehouse.sums


def test_what_comes_out_as_it_stood_has_not_changed(warehouse: Warehouse) -> None:
    warehouse.change("id in (1, 2)", "(1, 'a', 6, 'x'), (2, 'a', 6, 'x')")
    warehouse.build()
    assert warehouse.logged == 0


def test_a_change_that_the_query_cannot_see_makes_nothing_again(warehouse: Warehouse) -> None:
    mark(warehouse)
    warehouse.change("id = 1", "(1, 'a', 5, 'another note')")
    warehouse.build()
    assert warehouse.sums == [("a", 112), ("b", 102)]
    assert warehouse.logged == 0


def test_a_model_without_a_key_is_made_whole_and_differs_in_what_changed(warehouse: Warehouse) -> None:
    warehouse.change("id = 3", "(3, 'b', 4, 'x')")
    warehouse.build(spec=Spec())
    assert warehouse.sums == [("a", 12), ("b", 4)]
    assert warehouse.logged == 2


def test_an_input_of_which_the_model_does_not_speak_makes_it_whole(warehouse: Warehouse) -> None:
    mark(warehouse)
    warehouse.change("id = 3", "(3, 'b', 4, 'x')")
    warehouse.build(spec=Spec(by=["account"]))
    assert warehouse.sums == [("a", 12), ("b", 4)]


def test_a_table_of_which_too_much_would_be_made_again_is_made_whole(warehouse: Warehouse) -> None:
    mark(warehouse)
    warehouse.night.share = 0.4
    warehouse.change("id = 3", "(3, 'b', 4, 'x')")
    warehouse.build()
    assert warehouse.sums == [("a", 12), ("b", 4)]


def test_a_table_with_room_for_many_deleted_rows_is_written_anew(warehouse: Warehouse) -> None:
    def room() -> int:
        return warehouse.execute("select max(rowid) + 1 from journey.sums")[0][0]

    warehouse.change("id = 3", "(3, 'b', 4, 'x')")
    warehouse.build()
    assert room() == 3
    warehouse.execute("drop table carried.fct_invoices; drop table carried.sums")
    warehouse.change("id = 3", "(3, 'b', 5, 'x')")
    warehouse.build()
    assert room() == 2
    assert warehouse.sums == [("a", 12), ("b", 5)]


def test_figures_that_differ_by_the_smallest_sum_below_nothing_are_told_apart(warehouse: Warehouse) -> None:
    """The engine's hash of a decimal of 38 digits is the same for 0.0000 and -0.0001."""
    figures = "(values (cast(0 as decimal(38, 4))), (cast(-0.0001 as decimal(38, 4)))) as figures (amount)"
    told = warehouse.model()._hash("figures")
    assert warehouse.execute(f"select count(distinct {told}) from {figures}") == [(2,)]


@pytest.mark.parametrize(
    ("kind", "is_wide"),
    [("DECIMAL(38,4)", True), ("DECIMAL(18,4)", False), ("HUGEINT", True), ("VARCHAR", False), ("BIGINT", False)],
)
def test_types_of_more_than_64_bits_are_known(kind: str, is_wide: bool) -> None:
    assert bool(WIDE.fullmatch(kind)) is is_wide


def test_what_a_model_says_is_in_the_terms_of_the_run(warehouse: Warehouse) -> None:
    said = {"by": ["day"], "keyed": {}, "lookups": {}, "due": {"this": "[[midnight [[date :now]]]] > :since"}}
    spec = spec_of(said, warehouse.night, {"date": "cast({} as date)", "midnight": "start_of({})"})
    assert spec.due == {
        "this": f"start_of(cast(cast('{NOW}' as timestamp) as date)) > cast('{SINCE}' as timestamp)",
    }
    assert not re.search(":now|:since", str(spec))
