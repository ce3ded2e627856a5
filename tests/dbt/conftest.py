"""A dbt project on a warehouse of given rows.

    def test_something(dbt):                       # one warehouse per test; `dbt_module` is one per module
        dbt.raw("stripe", "customers", [{"id": "cus_1", "email": "a@b.com", "created_at": "2025-01-01"}])
        dbt.build("+dim_accounts")                 # seeds, models and tests of the selection; raises when one fails
        assert dbt.rows("select account_id from journey.dim_accounts") == [...]

`dbt.build(select, as_of="2025-06-01 00:00:00", time_zone="Europe/Berlin", ...)` passes any variable; `dbt.run(...)`
skips the project's own tests, which makes it several times as fast.
`dbt.evaluate("select {{ as_of() }}")` tries a macro.
Raw tables of all sources exist and are empty, and the seeds are there. A warehouse is a temporary DuckDB file; dbt runs
in this process.
Selections: name what you need (`"+fct_mrr_movements"`), the whole project takes long.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from tests.dbt.raw_tables import create_raw, insert_raw
from warehouse import changes
from warehouse.dbt_nights import carrying, made_views
from warehouse.dbt_overhead import kept_templates, lighten
from warehouse.transform import _take, close_connections

if TYPE_CHECKING:
    from dbt.contracts.graph.manifest import Manifest

PROJECT = Path(__file__).resolve().parents[2] / "dbt"
# dbt names the database after the file, and the parsed project carries that name
FILE = "warehouse.duckdb"


class DbtWarehouse:
    """A temporary warehouse file, and the project's models on it."""

    def __init__(self, folder: Path, target: Path) -> None:
        self.path = folder / FILE
        self._target = target
        shutil.copyfile(_beginning(), self.path)

    def raw(self, source: str, stream: str, rows: Iterable[Mapping[str, Any]], **options: Any) -> None:
        """Append versions to a raw stream; see `raw_tables.insert_raw`."""
        with duckdb.connect(str(self.path)) as connection:
            connection.execute("set timezone = 'UTC'")
            insert_raw(connection, source, stream, rows, **options)

    def build(self, *select: str, **variables: Any) -> dict[str, str]:
        """`dbt build --select ...`: status by node name. Raises AssertionError with what failed and why."""
        return self._invoke(_parsed_project(), select, variables)

    def run(self, *select: str, **variables: Any) -> dict[str, str]:
        """The same without data tests and unit tests, which makes it several times as fast."""
        return self._invoke(_models_alone(), select, variables)

    def rebuild(self, *select: str, **variables: Any) -> dict[str, str]:
        """The same, building incremental models from the start."""
        return self._invoke(_models_alone(), select, variables, "--full-refresh")

    def carry(self, *select: str, as_of: str, **variables: Any) -> dict[str, str]:
        """The same as a night does it: tables are carried on from the last `carry`, which had the same selection."""
        with duckdb.connect(str(self.path)) as connection:
            night = changes.begin(connection, as_of, from_rows=0)
        if night:
            # however much is made again
            night.share = 1
        variables |= {"as_of": as_of}
        with carrying(night):
            results = self._results(_models_alone(), select, variables)
        with duckdb.connect(str(self.path)) as connection:
            changes.finish(connection, as_of, night, made_views(result.node for result in results))
        return {result.node.name: str(result.status) for result in results}

    def execute(self, statement: str) -> None:
        """Change the warehouse by hand."""
        with duckdb.connect(str(self.path)) as connection:
            connection.execute(statement)

    def rows(self, query: str, parameters: list[Any] | None = None) -> list[tuple[Any, ...]]:
        """The result of a query on the warehouse, as tuples."""
        with duckdb.connect(str(self.path)) as connection:
            connection.execute("set timezone = 'UTC'")
            return connection.execute(query, parameters or []).fetchall()

    def dicts(self, query: str, parameters: list[Any] | None = None) -> list[dict[str, Any]]:
        """The result of a query on the warehouse, as dicts by column name."""
        with duckdb.connect(str(self.path)) as connection:
            connection.execute("set timezone = 'UTC'")
            cursor = connection.execute(query, parameters or [])
            names = [column[0] for column in cursor.description or []]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def value(self, query: str) -> Any:
        """The single value of a query of one row and one column."""
        ((value,),) = self.rows(query)
        return value

    def evaluate(self, query: str, **variables: Any) -> list[tuple[Any, ...]]:
        """The rows of a query that may call the project's macros, compiled by dbt."""
        result = self._dbt(_models_alone(), ["compile", "--inline", query], variables)
        return self.rows(result.results[0].node.compiled_code)

    def _invoke(
        self, project: Manifest, select: tuple[str, ...], variables: Mapping[str, Any], *flags: str
    ) -> dict[str, str]:
        return {result.node.name: str(result.status) for result in self._results(project, select, variables, *flags)}

    def _results(
        self, project: Manifest, select: tuple[str, ...], variables: Mapping[str, Any], *flags: str
    ) -> list[Any]:
        # a test runs when all that it reads is selected or stands upstream, not when one side happens to be
        arguments = ["build", "--indirect-selection", "buildable", *flags]
        arguments += [part for name in select for part in ("--select", name)]
        results = list(self._dbt(project, arguments, variables).results)
        bad = [result for result in results if str(result.status) in ("error", "fail", "skipped")]
        if bad:
            raise AssertionError("\n".join(f"{result.node.name}: {result.status}: {result.message}" for result in bad))
        return results

    def _dbt(self, project: Manifest, arguments: list[str], variables: Mapping[str, Any]) -> Any:
        if variables:
            arguments = [*arguments, "--vars", json.dumps(variables, default=str)]
        return _invoke_dbt(arguments, self.path, self._target, project)


@cache
def _own_folder() -> Path:
    """A folder for what this process works out once, for as long as it lives."""
    folder = Path(tempfile.mkdtemp(prefix="throughline-dbt-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@cache
def _parsed_project() -> Manifest:
    """The project, parsed once a process: another file or another variable would make dbt parse everything anew."""
    # what other processes learnt from parsing, a refresh's too, and what this one learns
    known, parsed = PROJECT / "target" / "partial_parse.duckdb.msgpack", _own_folder() / "partial_parse.msgpack"
    _take(known, parsed)
    manifest = _invoke_dbt(["parse"], Path(FILE), _own_folder())
    _take(parsed, known)
    return manifest


@cache
def _models_alone() -> Manifest:
    """The project without tests and metrics, which are not run: dbt takes a second to put them into its graph."""
    whole = _parsed_project()
    nodes = {name: node for name, node in whole.nodes.items() if str(node.resource_type) != "test"}
    left = replace(whole, nodes=nodes, unit_tests={}, metrics={}, semantic_models={}, saved_queries={}, exposures={})
    left.build_parent_and_child_maps()
    # what stays as long as the process needs no walking by the garbage collector
    gc.collect()
    gc.freeze()
    return left


@cache
def _beginning() -> Path:
    """A warehouse with the raw tables, empty, and the seeds: what every other one is a copy of."""
    folder = _own_folder() / "beginning"
    folder.mkdir()
    with duckdb.connect(str(folder / FILE)) as connection:
        create_raw(connection)
    seeds = ["build", "--select", "resource_type:seed"]
    made = _invoke_dbt(seeds, folder / FILE, folder, _models_alone()).results
    assert made and all(str(result.status) == "success" for result in made)
    return folder / FILE


def _invoke_dbt(arguments: list[str], warehouse: Path, target: Path, manifest: Manifest | None = None) -> Any:
    from dbt.cli.main import dbtRunner

    lighten()
    os.environ["THROUGHLINE_WAREHOUSE_PATH"] = str(warehouse)
    common = ["--quiet", "--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT), "--no-version-check"]
    common += ["--target-path", str(target), "--log-path", str(target), "--no-use-colors", "--no-write-json"]
    common += ["--log-level", "none", "--log-level-file", "none"]
    try:
        with kept_templates(PROJECT / "target"):
            outcome = dbtRunner(manifest=manifest).invoke([*arguments, *common])
    finally:
        close_connections()
    if outcome.exception is not None:
        raise AssertionError(f"dbt did not run: {outcome.exception}")
    return outcome.result


@pytest.fixture(scope="session")
def _dbt_target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One target folder for the session: dbt writes what it compiled there."""
    folder = tmp_path_factory.mktemp("dbt_target")
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def dbt(tmp_path: Path, _dbt_target: Path) -> DbtWarehouse:
    """A fresh warehouse with empty raw tables for one test."""
    return DbtWarehouse(tmp_path, _dbt_target)


@pytest.fixture(scope="module")
def dbt_module(tmp_path_factory: pytest.TempPathFactory, _dbt_target: Path) -> DbtWarehouse:
    """A warehouse that the tests of a module share: fill and build it once in a module-scoped fixture of your own."""
    return DbtWarehouse(tmp_path_factory.mktemp("warehouse"), _dbt_target)
