"""The star schema as a whole: what every fact and dimension has, and that its page says what the project says."""

from __future__ import annotations

import pytest

from tests.dbt.conftest import _parsed_project
from tests.docs.star import DIMENSIONS, FACTS, KINDS, PAGE, PICTURE, Table, page_with, sections, tables
from tests.docs.star_picture import picture

# a key of one of two dimensions, as another column says
EITHER = {("fct_stage_periods", "entity_key")}


@pytest.fixture(scope="module")
def star() -> list[Table]:
    """Every fact and dimension, as dbt reads the project."""
    return tables(_parsed_project())


def untested_keys(table: Table) -> list[str]:
    """Keys of other tables that no relationship test follows."""
    own = {columns[0] for columns in table.unique if len(columns) == 1}
    return [
        column
        for column in table.columns
        if column.endswith("_key") and column not in own | set(table.references) and (table.name, column) not in EITHER
    ]


def test_every_table_of_the_design_is_there(star: list[Table]) -> None:
    assert {table.name for table in star} == {*FACTS, *DIMENSIONS}


def test_every_fact_and_dimension_is_complete(star: list[Table]) -> None:
    """Grain in the first line and in the description, a uniqueness test, a contract, tests of all keys, a kind."""
    faults = [
        (table.name, fault)
        for table in star
        for fault, is_there in {
            "no grain in the first line": table.grain is None,
            "no grain in the description": "grain:" not in table.description.lower(),
            "no uniqueness test": not table.unique,
            "no contract": not table.is_contract_enforced,
            f"columns without a description: {table.undescribed}": bool(table.undescribed),
            f"columns without a type: {table.columns}": not all(table.columns.values()),
            f"keys that no test follows: {untested_keys(table)}": bool(untested_keys(table)),
            f"kind is {table.kind}": table.is_fact and table.kind not in KINDS,
            "no day and no instant": table.is_fact and not table.dates_itself(),
        }.items()
        if is_there
    ]
    assert faults == []


def test_the_page_of_the_star_schema_is_up_to_date(star: list[Table]) -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page == page_with(page, sections(star)), "make docs"
    assert PICTURE.read_text(encoding="utf-8") == picture(star), "make docs"
