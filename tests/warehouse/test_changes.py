"""From which build a night may carry its tables on."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from warehouse import changes

FIRST, SECOND, THIRD = "2026-01-01 02:00:00", "2026-01-02 02:00:00", "2026-01-03 02:00:00"


@pytest.fixture
def file() -> Iterator[duckdb.DuckDBPyConnection]:
    """A build file with one raw table that has a row of the first night."""
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'; create schema raw_crm")
        connection.execute("create table raw_crm.people (id varchar, extracted_at timestamptz)")
        land(connection, FIRST)
        yield connection


def land(connection: duckdb.DuckDBPyConnection, extracted_at: str) -> None:
    connection.execute("insert into raw_crm.people values ('a', cast(? || '+00:00' as timestamptz))", [extracted_at])


def log(connection: duckdb.DuckDBPyConnection) -> list[tuple]:
    return connection.execute("select relation, changed from changes.log").fetchall()


def test_the_first_build_has_nothing_to_carry_on_from(file: duckdb.DuckDBPyConnection) -> None:
    assert changes.begin(file, FIRST) == ""
    assert log(file) == []


def test_a_night_carries_on_from_the_last_complete_build_and_knows_what_came(file: duckdb.DuckDBPyConnection) -> None:
    changes.begin(file, FIRST)
    changes.finish(file, FIRST, {})
    land(file, SECOND)
    land(file, THIRD)
    assert changes.begin(file, SECOND) == FIRST
    assert log(file) == [("raw_crm.people", 1)]


def test_nothing_is_carried_on_from_a_build_that_did_not_finish(file: duckdb.DuckDBPyConnection) -> None:
    changes.begin(file, FIRST)
    changes.finish(file, FIRST, {})
    changes.begin(file, SECOND)
    assert changes.begin(file, THIRD) == ""


def test_nothing_is_carried_on_when_the_rules_changed(file: duckdb.DuckDBPyConnection) -> None:
    changes.begin(file, FIRST)
    changes.finish(file, FIRST, {})
    assert changes.begin(file, SECOND, is_whole=True) == ""


@pytest.mark.parametrize("as_of", [FIRST, "2025-12-31 02:00:00"])
def test_nothing_is_carried_on_to_an_instant_that_is_not_later(file: duckdb.DuckDBPyConnection, as_of: str) -> None:
    changes.begin(file, FIRST)
    changes.finish(file, FIRST, {})
    assert changes.begin(file, as_of) == ""


@pytest.mark.parametrize("changed", ["delete from raw_crm.people", "insert into raw_crm.people from raw_crm.people"])
def test_nothing_is_carried_on_when_the_past_is_not_what_it_was(file: duckdb.DuckDBPyConnection, changed: str) -> None:
    changes.begin(file, FIRST)
    changes.finish(file, FIRST, {})
    file.execute(changed)
    assert changes.begin(file, SECOND) == ""


def test_a_small_warehouse_is_built_whole(file: duckdb.DuckDBPyConnection) -> None:
    changes.begin(file, FIRST)
    changes.finish(file, FIRST, {})
    assert changes.begin(file, SECOND, from_rows=2) == ""


@pytest.fixture
def night(file: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """The second night, which brought nothing; the first had a view of the raw table."""
    changes.begin(file, FIRST)
    changes.finish(file, FIRST, {"staging.stg_crm__people": "select * from raw_crm.people"})
    changes.begin(file, SECOND)
    return file


def stands(connection: duckdb.DuckDBPyConnection, relation: str, *reads: str, is_view: bool = False) -> bool:
    return changes.stands(lambda query: connection.execute(query).fetchall(), relation, reads, is_view)


def test_a_model_stands_whose_inputs_have_not_changed_and_so_does_what_reads_it(
    night: duckdb.DuckDBPyConnection,
) -> None:
    assert stands(night, "journey.dim_people", "raw_crm.people")
    assert stands(night, "journey.fct_leads", "journey.dim_people", "raw_crm.people")
    assert log(night)[1:] == [("journey.dim_people", 0), ("journey.fct_leads", 0)]


def test_a_model_does_not_stand_that_reads_something_changed_or_unknown(night: duckdb.DuckDBPyConnection) -> None:
    night.execute("insert into changes.log values ('journey.dim_accounts', 3, null)")
    assert not stands(night, "journey.fct_leads", "raw_crm.people", "journey.dim_accounts")
    assert not stands(night, "journey.fct_leads", "raw_crm.people", "journey.dim_owners")
    assert len(log(night)) == 2


def test_a_view_stands_with_the_query_that_it_was_made_of_nights_ago(night: duckdb.DuckDBPyConnection) -> None:
    for next_night in (None, THIRD):
        if next_night:
            changes.finish(night, SECOND, {})
            changes.begin(night, next_night)
        assert stands(night, "staging.stg_crm__people", "raw_crm.people", is_view=True)
        found = night.execute("select query from changes.log where relation = 'staging.stg_crm__people'").fetchall()
        assert found == [("select * from raw_crm.people",)]


def test_a_view_of_which_nobody_knows_the_query_does_not_stand(night: duckdb.DuckDBPyConnection) -> None:
    assert not stands(night, "staging.stg_crm__companies", "raw_crm.people", is_view=True)


def test_what_another_version_has_left_is_no_obstacle_to_a_whole_build(file: duckdb.DuckDBPyConnection) -> None:
    file.execute("create schema changes; create table changes.standing (as_of varchar)")
    assert changes.begin(file, FIRST, is_whole=True) == ""
