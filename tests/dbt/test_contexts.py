"""What a template of the project sees, where dbt prepares it once instead of many times (`warehouse.dbt_overhead`)."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace
from typing import Any

import pytest
from dbt.context.macros import MacroNamespace, MacroNamespaceBuilder
from dbt.context.providers import ModelContext

from tests.dbt.conftest import DbtWarehouse, _models_alone
from warehouse.dbt_overhead import lighten

INTERNAL = ["dbt_duckdb", "dbt"]


def namespace(values: dict[str, Any]) -> MacroNamespace:
    lighten()
    builder = MacroNamespaceBuilder("throughline", "throughline", SimpleNamespace(), INTERNAL, None)
    return builder.build_namespace(_models_alone().get_macros_by_package(), values)


def test_a_name_means_the_macro_of_the_project_before_that_of_the_adapter_and_of_dbt() -> None:
    found = namespace({})
    assert found["as_of"].macro.package_name == "throughline"
    assert found["generate_schema_name"].macro.package_name == "throughline"
    assert found["duckdb__create_table_as"].macro.package_name == "dbt_duckdb"
    assert found["statement"].macro.package_name == "dbt"
    assert found["dbt"]["statement"] is found["statement"]
    assert found.get_from_package("dbt", "generate_schema_name").macro.package_name == "dbt"
    assert found.get_from_package(None, "no such macro") is None


def test_each_context_has_macros_of_its_own() -> None:
    first, second = {"model": "a"}, {"model": "b"}
    assert namespace(first)["as_of"].context is first
    assert namespace(second)["as_of"].context is second


def test_a_model_has_one_context_to_compile_and_to_run_it(dbt: DbtWarehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    made: Counter[str] = Counter()
    begin = ModelContext.__init__

    def counted(context: ModelContext, model: Any, *given: Any) -> None:
        made[model.name] += 1
        begin(context, model, *given)

    monkeypatch.setattr(ModelContext, "__init__", counted)
    dbt.run("stg_hubspot__owners", "stg_hubspot__tickets")
    assert made == {"stg_hubspot__owners": 1, "stg_hubspot__tickets": 1}
