"""The last steps: what readers have to know, the published version, and the page made from it."""

from collections.abc import Iterator, Sequence

import dagster as dg

from dagster_project.resources import Warehouse
from warehouse import meta, publish, restatements, transform
from warehouse.progress import say

META = ("runs", "checks", "freshness", "row_counts", "builds", "metric_policy", "restatements", "months_as_published")
COUNTED = ("raw_hubspot", "raw_encharge", "raw_stripe", "raw_ledger", "journey", "metrics", "insights")
VERSION = dg.AssetKey(["published", "throughline"])


def publish_assets(tables: Sequence[dg.AssetKey]) -> list[dg.AssetsDefinition]:
    """The assets after the given tables, which are all that a version holds beside `meta`."""
    marts = [key for key in tables if key.path[0] == "metrics"]

    @dg.multi_asset(
        name="run_record",
        specs=[dg.AssetSpec(["meta", name], deps=marts, group_name="meta", kinds={"duckdb"}) for name in META],
        pool="warehouse",
    )
    def settle(warehouse: Warehouse) -> Iterator[dg.MaterializeResult]:
        """The run's own record: it has passed when no check of severity `error` failed."""
        settings, run_id = warehouse.settings, warehouse.run.run_id
        meta.forget_other_checks(settings, run_id)
        policies = transform.policies(settings)
        meta.record_policy(settings, policies, policies["policy_version"])
        blocking = meta.blocking_checks(settings)
        if blocking:
            raise dg.Failure(f"blocked by {blocking[0]}", allow_retries=False)
        restated = restatements.record(settings, run_id)
        if restated:
            say(f"restated: {restated:,} figures of closed months differ from what is published (meta.restatements)")
        meta.end_run(settings, run_id, "passed")
        meta.record_row_counts(settings, run_id, COUNTED)
        rows = meta.count_rows(settings, [f"meta.{name}" for name in META])
        for name in META:
            yield dg.MaterializeResult(asset_key=["meta", name], metadata={"dagster/row_count": rows[f"meta.{name}"]})

    @dg.asset(
        key=VERSION,
        deps=[*tables, *(dg.AssetKey(["meta", name]) for name in META)],
        group_name="published",
        kinds={"duckdb"},
        pool="warehouse",
    )
    def version(warehouse: Warehouse) -> dg.MaterializeResult:
        """The version that people read."""
        try:
            published = publish.publish(warehouse.settings)
        except publish.NotPublishable as reason:
            raise dg.Failure(str(reason), allow_retries=False) from reason
        say(f"published {published.run_id}: {len(published.rows)} tables, {sum(published.rows.values()):,} rows")
        return dg.MaterializeResult(
            metadata={
                "path": dg.MetadataValue.path(str(warehouse.settings.published_path)),
                "run_id": published.run_id,
                "as_of": published.manifest["as_of"],
                "sha256": published.manifest["sha256"],
                "bytes": published.manifest["bytes"],
                "dagster/row_count": sum(published.rows.values()),
            }
        )

    @dg.asset(key=["published", "revenue_page"], deps=[VERSION], group_name="published", kinds={"html"})
    def revenue_page(warehouse: Warehouse) -> dg.MaterializeResult:
        """One self-contained HTML page, made from the published version."""
        from reports.revenue_page import NothingPublished, render

        path = warehouse.settings.report_path
        try:
            render(warehouse.settings.published_path, path)
        except NothingPublished as reason:
            # a page of another version would be worse than none
            path.unlink(missing_ok=True)
            say(f"report: none ({reason})")
            return dg.MaterializeResult(metadata={"reason": str(reason)})
        say(f"report: {path}")
        return dg.MaterializeResult(metadata={"path": dg.MetadataValue.path(str(path))})

    return [settle, version, revenue_page]
