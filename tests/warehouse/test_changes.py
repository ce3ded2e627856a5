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


def test_the_first_build_has_nothing_to_carry_on_from(file: duckdb.DuckDBPyConnection) -> None:
    assert changes.begin(file, FIRST) is None


def test_a_night_carries_on_from_the_last_complete_build_and_knows_what_came(file: duckdb.DuckDBPyConnection) -> None:
    changes.begin(file, FIRST)
    changes.finish(file, FIRST, None, {})
    land(file, SECOND)
    land(file, THIRD)
    night = changes.begin(file, SECOND)
    assert night
    assert (night.since, night.changed) == (FIRST, {"raw_crm.people": 1})
    assert night.columns["raw_crm.people"] == {"id": "VARCHAR", "extracted_at": "TIMESTAMP WITH TIME ZONE"}
    assert night.is_view["raw_crm.people"] is False


def test_nothing_is_carried_on_from_a_build_that_did_not_finish(file: duckdb.DuckDBPyConnection) -> None:
    changes.begin(file, FIRST)
    changes.finish(file, FIRST, None, {})
    changes.begin(file, SECOND)
    assert changes.begin(file, THIRD) is None


def test_nothing_is_carried_on_when_the_rules_changed(file: duckdb.DuckDBPyConnection) -> None:
    changes.begin(file, FIRST)
    changes.finish(file, FIRST, None, {})
    assert changes.begin(file, SECOND, is_whole=True) is None


@pytest.mark.parametrize("as_of", [FIRST, "2025-12-31 02:00:00"])
def test_nothing_is_carried_on_to_an_instant_that_is_not_later(file: duckdb.DuckDBPyConnection, as_of: str) -> None:
    changes.begin(file, FIRST)
    changes.finish(file, FIRST, None, {})
    assert changes.begin(file, as_of) is None


@pytest.mark.parametrize("changed", ["delete from raw_crm.people", "insert into raw_crm.people from raw_crm.people"])
def test_nothing_is_carried_on_when_the_past_is_not_what_it_was(file: duckdb.DuckDBPyConnection, changed: str) -> None:
    changes.begin(file, FIRST)
    changes.finish(file, FIRST, None, {})
    file.execute(changed)
    assert changes.begin(file, SECOND) is None


def test_a_small_warehouse_is_built_whole(file: duckdb.DuckDBPyConnection) -> None:
    changes.begin(file, FIRST)
    changes.finish(file, FIRST, None, {})
    assert changes.begin(file, SECOND, from_rows=2) is None


def test_everything_is_made_again_so_many_days_after_it_was(file: duckdb.DuckDBPyConnection) -> None:
    changes.finish(file, FIRST, changes.begin(file, FIRST), {})
    changes.finish(file, SECOND, changes.begin(file, SECOND, days=2), {})
    # two days after the first build, which made everything, and one after the second, which did not
    assert changes.begin(file, THIRD, days=2) is None
    changes.finish(file, THIRD, None, {})
    assert changes.begin(file, "2026-01-05 01:59:59", days=2)


def test_what_is_known_of_views_goes_from_night_to_night(file: duckdb.DuckDBPyConnection) -> None:
    changes.begin(file, FIRST)
    changes.finish(file, FIRST, None, {"staging.people": "as of the first", "staging.deals": "as of the first"})
    night = changes.begin(file, SECOND)
    assert night
    changes.finish(file, SECOND, night, {"staging.people": "as of the second"})
    third = changes.begin(file, THIRD)
    assert third
    assert third.views == {"staging.people": "as of the second", "staging.deals": "as of the first"}


def test_a_night_leaves_what_it_found_changed(file: duckdb.DuckDBPyConnection) -> None:
    changes.begin(file, FIRST)
    changes.finish(file, FIRST, None, {})
    night = changes.begin(file, SECOND)
    assert night
    night.changed["journey.dim_people"] = 3
    changes.finish(file, SECOND, night, {})
    assert file.execute("from changes.log order by all").fetchall() == [
        ("journey.dim_people", 3),
        ("raw_crm.people", 0),
    ]


def test_what_another_version_has_left_is_no_obstacle_to_a_whole_build(file: duckdb.DuckDBPyConnection) -> None:
    file.execute("create schema changes; create table changes.standing (as_of varchar)")
    assert changes.begin(file, FIRST, is_whole=True) is None
