"""Everything that Dagster knows of the project. Loads without credentials; secrets are read when a run starts."""

from __future__ import annotations

import dagster as dg

from dagster_project.checks import quality_checks
from dagster_project.identity import identity_proposals
from dagster_project.ingestion import STREAMS, source_assets
from dagster_project.insights import forecasts
from dagster_project.jobs import freshness, nightly, schedule, source_jobs, tell_of_failures
from dagster_project.publish import publish_assets
from dagster_project.resources import Warehouse
from dagster_project.transform import dbt_definitions
from warehouse.settings import Settings, get_settings, prepare_process
from warehouse.transform import manifest_path

PUBLISHED = ("journey", "metrics", "insights")


def build(settings: Settings) -> dg.Definitions:
    """The definitions under some settings: the reporting zone, and where the parsed dbt project is kept."""
    sources = [source_assets(source) for source in STREAMS]
    dbt = dbt_definitions(manifest_path(settings))
    tables = sorted(
        key for assets in (dbt, forecasts, identity_proposals) for key in assets.keys if key.path[0] in PUBLISHED
    )
    policy = freshness(settings.time_zone)
    assets = dg.map_asset_specs(
        lambda spec: dg.apply_freshness_policy(spec, policy),
        [*sources, dbt, forecasts, identity_proposals, *publish_assets(tables)],
    )
    return dg.Definitions(
        assets=assets,
        asset_checks=quality_checks(),
        jobs=[nightly, *source_jobs],
        schedules=[schedule(settings.time_zone)],
        sensors=[tell_of_failures],
        resources={"warehouse": Warehouse()},
        executor=dg.in_process_executor,
    )


@dg.definitions
def defs() -> dg.Definitions:
    """What `dg dev` and the daemon load."""
    prepare_process()
    return build(get_settings())
