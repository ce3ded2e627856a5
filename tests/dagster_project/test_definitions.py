"""What Dagster is told: it loads without credentials, lineage joins up, names and times are as promised."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest

from dagster_project.definitions import build
from dagster_project.ingestion import STREAMS
from warehouse.settings import Settings


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    data_dir = tmp_path_factory.mktemp("data")
    return Settings(data_dir=data_dir, time_zone="Europe/Berlin", _env_file=None)


@pytest.fixture(scope="module")
def definitions(settings: Settings) -> dg.Definitions:
    """Built without a single credential."""
    assert settings.sources_on == []
    return build(settings)


@pytest.fixture(scope="module")
def graph(definitions: dg.Definitions):
    return definitions.resolve_asset_graph()


def test_they_are_valid_and_no_asset_is_without_a_step_that_makes_it(definitions: dg.Definitions, graph):
    dg.Definitions.validate_loadable(definitions)
    external = [key.to_user_string() for key in graph.get_all_asset_keys() if not graph.get(key).is_executable]
    assert external == [], "a dbt source without its ingestion asset, or a check of a table that nobody builds"


def test_every_stream_of_every_source_is_an_asset(graph):
    keys = {key.to_user_string() for key in graph.get_all_asset_keys()}
    assert {f"{source}/{stream}" for source, streams in STREAMS.items() for stream in streams} <= keys


def test_the_groups_are_the_stations_of_the_flow(graph):
    groups = {graph.get(key).group_name for key in graph.get_all_asset_keys()}
    assert groups == {
        *("hubspot", "encharge", "stripe", "ledger"),
        *("reference", "staging", "identity", "journey", "metrics"),
        *("insights", "meta", "published"),
    }


def test_the_published_version_waits_for_all_that_it_holds(graph):
    version = dg.AssetKey(["published", "throughline"])
    upstream = {key.path[0] for key in graph.get(version).parent_keys}
    assert upstream == {"journey", "metrics", "insights", "meta"}
    assert graph.get(dg.AssetKey(["published", "revenue_page"])).parent_keys == {version}


def test_lineage_runs_from_a_stream_to_the_version(graph):
    reached, todo = set(), [dg.AssetKey(["stripe", "invoices"])]
    while todo:
        key = todo.pop()
        if key not in reached:
            reached.add(key)
            todo += graph.get(key).child_keys
    names = {key.to_user_string() for key in reached}
    assert {"journey/fct_revenue", "metrics/unit_economics_monthly", "published/throughline"} <= names


def test_jobs_and_their_schedule(definitions: dg.Definitions):
    repository = definitions.get_repository_def()
    names = {job.name for job in repository.get_all_jobs() if not job.name.startswith("__")}
    assert names == {"nightly", *(f"ingest_{source}" for source in STREAMS)}
    (schedule,) = repository.schedule_defs
    assert (schedule.job_name, schedule.cron_schedule) == ("nightly", "0 2 * * *")
    assert schedule.execution_timezone == "Europe/Berlin"
    (sensor,) = repository.sensor_defs
    assert sensor.name == "tell_of_failures"


def test_steps_share_the_pool_of_the_one_writer(definitions: dg.Definitions):
    nodes = definitions.resolve_job_def("nightly").graph.node_defs
    pools = {node.name: node.pool for node in nodes}
    assert {name for name, pool in pools.items() if pool != "warehouse"} == {"published__revenue_page"}


def test_dbt_tests_and_suites_are_checks_of_their_assets(graph):
    checks = {(key.asset_key.to_user_string(), key.name) for key in graph.asset_check_keys}
    assert ("hubspot/contacts", "raw_streams") in checks
    assert ("metrics/mrr_rollforward", "rollforward") in checks
    assert sum(name.startswith("entity_integrity_") for _, name in checks) > 50


def test_everything_is_expected_to_be_fresh_in_the_morning(graph):
    policy = graph.get(dg.AssetKey(["metrics", "unit_economics_monthly"])).freshness_policy
    assert policy.deadline_cron == "0 8 * * *" and policy.timezone == "Europe/Berlin"


def test_column_types_are_known_before_anything_has_run(graph):
    for path in (["metrics", "unit_economics_monthly"], ["insights", "revenue_forecast"], ["stripe", "charges"]):
        schema = graph.get(dg.AssetKey(path)).metadata["dagster/column_schema"]
        assert len(schema.columns) > 5, path


def test_the_workspace_and_the_project_name_the_same_module():
    import tomllib

    import yaml

    repository = Path(__file__).resolve().parents[2]
    workspace = yaml.safe_load((repository / "workspace.yaml").read_text())["load_from"][0]["python_module"]
    project = tomllib.loads((repository / "pyproject.toml").read_text())["tool"]["dg"]["project"]
    assert workspace["module_name"] == project["code_location_target_module"]
    assert workspace["location_name"] == project["code_location_name"]
