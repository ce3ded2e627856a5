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
    changes.finish(file, FIRST)
    land(file, SECOND)
    land(file, THIRD)
    assert changes.begin(file, SECOND) == FIRST
    assert log(file) == [("raw_crm.people", 1)]


def test_nothing_is_carried_on_from_a_build_that_did_not_finish(file: duckdb.DuckDBPyConnection) -> None:
    changes.begin(file, FIRST)
    changes.finish(file, FIRST)
    changes.begin(file, SECOND)
    assert changes.begin(file, THIRD) == ""


def test_nothing_is_carried_on_when_the_rules_changed(file: duckdb.DuckDBPyConnection) -> None:
    changes.begin(file, FIRST)
    changes.finish(file, FIRST)
    assert changes.begin(file, SECOND, is_whole=True) == ""


@pytest.mark.parametrize("as_of", [FIRST, "2025-12-31 02:00:00"])
def test_nothing_is_carried_on_to_an_instant_that_is_not_later(file: duckdb.DuckDBPyConnection, as_of: str) -> None:
    changes.begin(file, FIRST)
    changes.finish(file, FIRST)
    assert changes.begin(file, as_of) == ""


@pytest.mark.parametrize("changed", ["delete from raw_crm.people", "insert into raw_crm.people from raw_crm.people"])
def test_nothing_is_carried_on_when_the_past_is_not_what_it_was(file: duckdb.DuckDBPyConnection, changed: str) -> None:
    changes.begin(file, FIRST)
    changes.finish(file, FIRST)
    file.execute(changed)
    assert changes.begin(file, SECOND) == ""


def test_a_small_warehouse_is_built_whole(file: duckdb.DuckDBPyConnection) -> None:
    changes.begin(file, FIRST)
    changes.finish(file, FIRST)
    assert changes.begin(file, SECOND, from_rows=2) == ""
