"""The dbt project as assets, its data tests as asset checks, run in this process in one go."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings, DbtProject, dbt_assets
from dagster_dbt.asset_utils import get_asset_check_key_for_test, get_subset_selection_for_context

from dagster_project.resources import Warehouse
from warehouse import meta, transform
from warehouse.engine import EngineFailed
from warehouse.progress import say
from warehouse.transform import Node

SELECT = "fqn:*"
SAID_EVERY = 100


class Translator(DagsterDbtTranslator):
    """Groups are the layers of the project."""

    def get_asset_spec(self, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None) -> dg.AssetSpec:
        """The default spec, in the group of its folder."""
        spec = super().get_asset_spec(manifest, unique_id, project)
        return spec.replace_attributes(group_name=group_of(self.get_resource_props(manifest, unique_id)))


def group_of(props: Mapping[str, Any]) -> str:
    """The group of a node: the source for a source, `reference` for seeds, else the folder below `models/`."""
    if props["resource_type"] == "source":
        return str(props["source_name"])
    return "reference" if props["resource_type"] == "seed" else str(props["fqn"][1])


TRANSLATOR = Translator(settings=DagsterDbtTranslatorSettings(enable_source_tests_as_checks=True))


def dbt_definitions(manifest_path: Path) -> dg.AssetsDefinition:
    """The assets and checks of a parsed project."""
    manifest = json.loads(manifest_path.read_text(encoding="utf-8"))

    @dbt_assets(manifest=manifest, name="dbt", dagster_dbt_translator=TRANSLATOR, pool="warehouse")
    def dbt(context: dg.AssetExecutionContext, warehouse: Warehouse) -> Iterator[Any]:
        arguments = selection(context, manifest)
        try:
            nodes = transform.build(warehouse.settings, warehouse.run.run_id, arguments, progress)
        except EngineFailed as reason:
            raise dg.Failure(str(reason), allow_retries=False) from reason
        tables = [node.relation for node in nodes if node.is_built and node.relation]
        rows = meta.count_rows(warehouse.settings, tables)
        yield from results(context, manifest, nodes, rows)
        say(summary(nodes))
        failed = transform.failures(nodes)
        if failed:
            raise dg.Failure(f"dbt: {failed[0]}", allow_retries=False)

    return dbt


def selection(context: dg.AssetExecutionContext, manifest: Mapping[str, Any]) -> list[str]:
    """dbt's arguments for the assets and checks that were asked for: none at all when that is the whole project."""
    arguments, indirect = get_subset_selection_for_context(
        context=context,
        manifest=manifest,
        select=SELECT,
        exclude="",
        selector="",
        dagster_dbt_translator=TRANSLATOR,
        current_dbt_indirect_selection_env=None,
    )
    if arguments == ["--select", SELECT]:
        return []
    return [*arguments, *(["--indirect-selection", indirect] if indirect else [])]


def results(
    context: dg.AssetExecutionContext, manifest: Mapping[str, Any], nodes: Sequence[Node], rows: Mapping[str, int]
) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
    """What Dagster is told: a materialization for what was built, a check result for what was tested.

    A node that the definitions do not know was added to the project while the run was under way.
    """
    nodes = [node for node in nodes if node.unique_id in manifest["nodes"]]
    for node in nodes:
        if node.is_built:
            key = TRANSLATOR.get_asset_spec(manifest, node.unique_id, None).key
            if key in context.selected_asset_keys:
                yield dg.MaterializeResult(asset_key=key, metadata=metadata_of(node, rows))
    for node in nodes:
        if node.is_test and node.status != "skipped":
            check = get_asset_check_key_for_test(manifest, TRANSLATOR, node.unique_id, None)
            if check is not None and check in context.selected_asset_check_keys:
                yield dg.AssetCheckResult(
                    asset_key=check.asset_key,
                    check_name=check.name,
                    passed=node.status == "success",
                    severity=dg.AssetCheckSeverity.WARN if node.severity == "warning" else dg.AssetCheckSeverity.ERROR,
                    metadata=check_metadata(node.as_check()),
                )


def metadata_of(node: Node, rows: Mapping[str, int]) -> dict[str, Any]:
    """Seconds of a build, and rows where it made a table."""
    seconds = {"seconds": round(node.seconds, 3)}
    return seconds | ({"dagster/row_count": rows[node.relation]} if node.relation in rows else {})


def check_metadata(check: meta.Check) -> dict[str, Any]:
    """What a check's result shows in the UI."""
    shown = {"failing_rows": check.failing_rows, "observed": check.observed, "error": check.error}
    found = {name: value for name, value in shown.items() if value is not None}
    if check.sample:
        found["sample"] = dg.MetadataValue.md("\n".join(f"- {dict(row)}" for row in check.sample))
    return found


def progress(node: Node, done: int, total: int) -> None:
    """Tell of what went wrong at once, and now and then of how far it is."""
    if node.status in ("failure", "error"):
        say(f"  {node.kind} {node.name}: {node.status}")
    elif done % SAID_EVERY == 0:
        say(f"  dbt: {done} of {total} done")


def summary(nodes: Sequence[Node]) -> str:
    """How many tables, views and tests there were, and how many of them went wrong."""
    built = sum(node.is_built for node in nodes)
    tests = [node for node in nodes if node.is_test]
    warned = sum(node.status == "warning" for node in tests)
    broken, skipped = len(transform.failures(nodes)), sum(node.status == "skipped" for node in nodes)
    told = [f"dbt: {built} models and seeds built, {sum(n.status == 'success' for n in tests)} tests passed"]
    told += [
        f"{count} {what}" for count, what in ((warned, "warned"), (broken, "failed"), (skipped, "skipped")) if count
    ]
    return ", ".join(told)
