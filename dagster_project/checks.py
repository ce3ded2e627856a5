"""The Great Expectations suites as asset checks: one step before dbt, one before the publish."""

from collections.abc import Iterator, Sequence

import dagster as dg

from dagster_project.ingestion import STREAMS
from dagster_project.resources import Warehouse
from quality.frames import Frame
from quality.suites import suites
from warehouse import meta
from warehouse.progress import say


def asset_key(table: str) -> dg.AssetKey:
    """The asset of a table: `raw_stripe.charges` is `[stripe, charges]`, the others are `[schema, table]`."""
    schema, name = table.split(".")
    return dg.AssetKey([schema.removeprefix("raw_"), name])


def spec_of(frame: Frame, table: str) -> dg.AssetCheckSpec:
    """One check for a table and all that a suite expects of it. A failure of severity `error` blocks what follows."""
    expected = "; ".join(f"{exp.name}: {exp.description}" for exp in frame.expectations)
    blocking = any(exp.severity == "error" for exp in frame.expectations)
    return dg.AssetCheckSpec(frame.name, asset=asset_key(table), blocking=blocking, description=expected)


def layer_checks(layer: str, frames: Sequence[Frame]) -> dg.AssetChecksDefinition:
    """One step that runs all suites of a layer, or those checks of it that were asked for."""
    declared = {spec_of(frame, table).key: (frame, table) for frame in frames for table in frame.tables}

    @dg.multi_asset_check(
        name=f"{layer}_checks",
        specs=[spec_of(frame, table) for frame, table in declared.values()],
        can_subset=True,
        pool="warehouse",
    )
    def run(context: dg.AssetCheckExecutionContext, warehouse: Warehouse) -> Iterator[dg.AssetCheckResult]:
        from quality.run import run_frames

        asked = [declared[key] for key in context.selected_asset_check_keys]
        found = run_frames(warehouse.settings, frames, {(frame.name, table) for frame, table in asked})
        meta.record_checks(
            warehouse.settings, warehouse.run.run_id, [check for checks in found.values() for check in checks]
        )
        tell(layer, [check for checks in found.values() for check in checks])
        for frame, table in asked:
            yield result_of(frame, table, found[frame.name, table])

    return run


def result_of(frame: Frame, table: str, checks: Sequence[meta.Check]) -> dg.AssetCheckResult:
    """What Dagster is told of one suite on one table: passed when all is as expected."""
    failed = [check for check in checks if not check.passed]
    shown = {"failed": dg.MetadataValue.md("\n".join(f"- {check.severity}: {check}" for check in failed))}
    return dg.AssetCheckResult(
        asset_key=asset_key(table),
        check_name=frame.name,
        passed=not failed,
        severity=dg.AssetCheckSeverity.ERROR
        if any(check.is_blocking for check in failed)
        else dg.AssetCheckSeverity.WARN,
        metadata={
            "expectations": len(checks),
            "failing_rows": sum(check.failing_rows for check in failed),
            **(shown if failed else {}),
        },
    )


def tell(layer: str, checks: Sequence[meta.Check]) -> None:
    """One line for the layer, and one for each check that failed."""
    failed = [check for check in checks if not check.passed]
    say(f"{layer.replace('_', ' ')} checks: {len(checks) - len(failed)} passed, {len(failed)} failed")
    for check in failed:
        say(f"  {check.severity}: {check}")


def quality_checks() -> list[dg.AssetChecksDefinition]:
    """The checks of every layer."""
    return [layer_checks(layer, frames) for layer, frames in suites(STREAMS).items()]
