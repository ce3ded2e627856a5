"""The comparison of engines is worth what it finds."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from tests.engines.compare import differences

TABLE = "metrics.months"


def version(path: Path, *changes: str) -> Path:
    with duckdb.connect(str(path)) as connection:
        connection.execute("create schema metrics; create schema meta")
        connection.execute(
            "create table metrics.months as select * from (values "
            "(date '2026-01-01', cast(10.5 as decimal(18, 4)), 0.1::double, 'a'), "
            "(date '2026-01-01', cast(10.5 as decimal(18, 4)), 0.1::double, 'a'), "
            "(date '2026-02-01', null, null, null)) as t(month, amount, share, name)"
        )
        connection.execute("create table meta.runs as select 'one' as run_id, 'duckdb 2' as engine, 'passed' as status")
        for change in changes:
            connection.execute(change)
    return path


@pytest.fixture
def left(tmp_path: Path) -> Path:
    return version(tmp_path / "left.duckdb")


def found(left: Path, *changes: str) -> list[str]:
    return [str(difference) for difference in differences(left, version(left.with_name("right.duckdb"), *changes))]


def test_equal_versions_do_not_differ_in_whatever_order_their_rows_are(left):
    assert found(left, "create or replace table metrics.months as from metrics.months order by month desc") == []


@pytest.mark.parametrize(
    "change",
    [
        f"update {TABLE} set amount = 10.5001 where amount is not null",
        f"update {TABLE} set share = share + 1e-17 * 2 where share is not null",
        f"update {TABLE} set name = '' where name is null",
        f"update {TABLE} set amount = 0 where amount is null",
    ],
)
def test_a_changed_cell_is_found(left, change):
    assert any("rows only on the" in text for text in found(left, change))


def test_a_missing_row_is_found(left):
    assert len(found(left, f"delete from {TABLE} where name is null")) == 1


def test_a_doubled_row_is_found_although_no_row_is_new(left):
    (only,) = found(left, f"insert into {TABLE} from {TABLE} where name = 'a' limit 1")
    assert only.startswith(f"{TABLE}: 1 rows only on the right")


@pytest.mark.parametrize(
    "change", ["alter amount type decimal(18, 5)", "alter share type float", "alter month type timestamp"]
)
def test_a_changed_type_is_found_although_the_rows_are_equal(left, change):
    column = change.split()[1]
    assert any(
        text.startswith(f"{TABLE}: column {column} is ") for text in found(left, f"alter table {TABLE} {change}")
    )


def test_a_missing_table_and_a_missing_column_are_found(left):
    assert found(left, f"drop table {TABLE}") == [f"{TABLE}: only on the left"]
    left.with_name("right.duckdb").unlink()
    assert found(left, f"alter table {TABLE} drop column name")[0].startswith(f"{TABLE}: columns ")


def test_what_a_run_says_of_itself_may_differ_and_how_it_ended_may_not(left):
    assert found(left, "update meta.runs set run_id = 'two', engine = 'spark 4'") == []
    left.with_name("right.duckdb").unlink()
    assert found(left, "update meta.runs set status = 'failed'") != []
