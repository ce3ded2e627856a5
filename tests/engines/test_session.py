"""How dbt's statements reach the session that a run has opened."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.engines.server import Server
from warehouse.settings import Settings
from warehouse.spark import SESSION, Spark, _use_for_dbt, is_query

pytestmark = pytest.mark.spark


class Told:
    """A session that writes down what it is asked, and answers every query with one row."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def sql(self, text: str) -> Any:
        from pyspark.sql import Row

        self.asked.append(text)
        return SimpleNamespace(collect=lambda: [Row(failures=0, should_warn=False)])


@pytest.fixture
def adapter(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The adapter's module, with its own cursor back at the end."""
    session = pytest.importorskip("dbt.adapters.spark.session")
    monkeypatch.setattr(session, "Cursor", session.Cursor)
    return session


def test_a_query_is_one_statement_and_its_columns_come_with_its_rows(adapter: Any):
    told = Told()
    _use_for_dbt(told)
    # what the adapter would set before every statement
    cursor = adapter.Connection(server_side_parameters={"spark.sql.ansi.enabled": "false"}).cursor()
    cursor.execute("select 0 as failures")
    assert [column[0] for column in cursor.description] == ["failures", "should_warn"]
    assert cursor.fetchall() == [(0, False)]
    assert told.asked == ["select 0 as failures"]


def test_a_contract_is_compared_without_running_its_query(adapter: Any):
    def run() -> Any:
        raise AssertionError("the query was run")

    columns = SimpleNamespace(
        fields=[SimpleNamespace(name="day", dataType=SimpleNamespace(simpleString=lambda: "date"), nullable=True)]
    )
    _use_for_dbt(SimpleNamespace(sql=lambda text: SimpleNamespace(collect=run, schema=columns)))
    cursor = adapter.Connection(server_side_parameters={}).cursor()
    cursor.execute("select * from (select day from days) as __dbt_sbq\nwhere false\nlimit 0\n\n")
    assert [column[:2] for column in cursor.description] == [("day", "date")]


@pytest.mark.parametrize(
    ("statement", "answer"),
    [
        ("select 1", True),
        ('/* {"app": "dbt"} */\n  -- a comment\n\nWITH a as (select 1) select * from a', True),
        ("/* select */ create table a as select 1", False),
        ("-- select\ndrop table a", False),
        ("insert overwrite table a select 1", False),
        ("selected", False),
        ("", False),
    ],
)
def test_a_query_is_told_from_a_command(statement: str, answer: bool):
    assert is_query(statement) is answer


@pytest.fixture
def dbt_on_a_server(adapter: Any, server: Server, tmp_path: Path) -> Iterator[Any]:
    """A cursor as dbt gets it, on a real server."""
    engine = Spark(Settings(data_dir=tmp_path, target="spark", spark_remote=server.remote, _env_file=None))
    engine._open_for_dbt()
    try:
        yield adapter.Connection(server_side_parameters={"spark.sql.ansi.enabled": "false"}).cursor()
    finally:
        engine.release()


def test_an_overflow_in_a_model_is_an_error_and_no_null(dbt_on_a_server: Any):
    from pyspark.errors import ArithmeticException

    assert SESSION["spark.sql.ansi.enabled"] == "true"
    with pytest.raises(ArithmeticException, match="OVERFLOW"):
        dbt_on_a_server.execute("select cast(1e12 as decimal(38, 2)) as amount, 2147483647 + 1 as counted")
        dbt_on_a_server.fetchall()
    dbt_on_a_server.execute("select cast(null as date) as day where false")
    assert [column[:2] for column in dbt_on_a_server.description] == [("day", "date")]
    assert dbt_on_a_server.fetchall() == []


def test_a_server_is_asked_for_rows_once_and_for_commands_as_ever(dbt_on_a_server: Any):
    from dbt_common.exceptions import DbtRuntimeError

    dbt_on_a_server.execute("create table days using parquet as select date '2026-01-31' as day, 'it''s %' as note")
    dbt_on_a_server.execute("/* dbt */\nselect note, day from days")
    assert [column[0] for column in dbt_on_a_server.description] == ["note", "day"]
    assert [tuple(row) for row in dbt_on_a_server.fetchall()] == [("it's %", date(2026, 1, 31))]
    dbt_on_a_server.execute("select day from days where false limit 0")
    assert [column[:2] for column in dbt_on_a_server.description] == [("day", "date")]
    with pytest.raises(DbtRuntimeError, match="nights"):
        dbt_on_a_server.execute("select * from nights")
