"""Runs as the UI starts them: one asset, one source; the lock, the instant and the record of a run."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import duckdb
import pytest

from dagster_project.checks import layer_checks
from dagster_project.ingestion import STREAMS, source_assets
from dagster_project.jobs import cause_of
from dagster_project.publish import publish_assets
from dagster_project.refresh import instance_ref, prepare_home, why
from dagster_project.resources import AS_OF_TAG, Warehouse, run_of
from quality.marts import mart_frames
from quality.raw import raw_frames
from warehouse.connections import open_duckdb
from warehouse.lock import current_holder
from warehouse.settings import Settings, get_settings

COSTS = "month,category,vendor,amount,currency\n2026-01-01,hosting,acme,10.50,EUR\n2026-02-01,hosting,acme,11.50,EUR\n"
TARGETS = "metric,month,amount,currency\nmrr,2026-06-01,1000,EUR\n"


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A company that keeps a cost ledger by hand and nothing else."""
    import os

    for name in [name for name in os.environ if name.startswith("THROUGHLINE_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("THROUGHLINE_DATA_DIR", str(tmp_path / "data"))
    ledger = tmp_path / "data" / "ledger"
    ledger.mkdir(parents=True)
    (ledger / "costs.csv").write_text(COSTS)
    (ledger / "targets.csv").write_text(TARGETS)
    return get_settings()


@pytest.fixture
def job() -> dg.JobDefinition:
    """The ledger and its checks, the way the definitions wire them."""
    streams = {"ledger": STREAMS["ledger"]}
    definitions = dg.Definitions(
        assets=[source_assets("ledger")],
        asset_checks=[layer_checks("raw", raw_frames(streams))],
        resources={"warehouse": Warehouse()},
        executor=dg.in_process_executor,
    )
    return definitions.resolve_implicit_global_asset_job_def()


def run(job: dg.JobDefinition, instance: dg.DagsterInstance | None = None, **options) -> dg.ExecuteInProcessResult:
    return job.execute_in_process(instance=instance or dg.DagsterInstance.ephemeral(), raise_on_error=False, **options)


def rows(settings: Settings, sql: str) -> list[tuple]:
    with open_duckdb(settings.warehouse_path, read_only=True) as connection:
        return connection.execute(sql).fetchall()


def test_one_source_loads_is_checked_counted_and_noted_as_a_part_of_a_run(settings: Settings, job):
    result = run(job)
    assert result.success
    counts = {
        event.asset_key.path[-1]: event.step_materialization_data.materialization.metadata["dagster/row_count"].value
        for event in result.get_asset_materialization_events()
    }
    assert counts == dict.fromkeys(STREAMS["ledger"], 0) | {"costs": 2, "targets": 1}
    checks = {
        (check.asset_key.path[-1], check.check_name): check.passed for check in result.get_asset_check_evaluations()
    }
    assert checks == {(stream, "raw_streams"): True for stream in STREAMS["ledger"]}

    assert rows(settings, "select status from meta.runs") == [("partial",)]
    noted = dict(rows(settings, "select stream, rows_added from meta.freshness where is_configured"))
    assert noted == counts
    assert current_holder(settings.data_dir) is None
    with duckdb.connect(str(settings.warehouse_path)):
        """Nothing of the run holds the file."""


def test_one_asset_alone(settings: Settings, job):
    result = run(job, asset_selection=[dg.AssetKey(["ledger", "costs"])])
    assert result.success
    assert [event.asset_key.path[-1] for event in result.get_asset_materialization_events()] == ["costs"]


def test_the_instant_is_the_runs_own_and_a_retry_keeps_it(settings: Settings, job):
    tags = {AS_OF_TAG: "2026-06-15T00:00:00+00:00"}
    with dg.DagsterInstance.ephemeral() as instance:
        first = run(job, instance, tags=tags)
        assert rows(settings, "select as_of from meta.runs") == [(datetime(2026, 6, 15),)]
        assert rows(settings, "select distinct timezone('UTC', extracted_at) from raw_ledger.costs") == [
            (datetime(2026, 6, 15),)
        ]
        retry = instance.create_run_for_job(job, root_run_id=first.run_id, parent_run_id=first.run_id, tags=tags)
        retried = run_of(Context(retry, instance), settings)
    assert retried.as_of == datetime(2026, 6, 15, tzinfo=UTC)
    assert rows(settings, "select run_id from meta.runs") == [(retried.run_id,)]


class Context:
    """What a resource sees of its run."""

    def __init__(self, dagster_run: dg.DagsterRun, instance: dg.DagsterInstance) -> None:
        self.run, self.instance = dagster_run, instance


def test_without_a_setting_the_instant_is_when_the_run_began(settings: Settings, job):
    before = datetime.now(UTC).replace(tzinfo=None) - timedelta(seconds=2)
    run(job)
    ((as_of,),) = rows(settings, "select as_of from meta.runs")
    assert before <= as_of <= datetime.now(UTC).replace(tzinfo=None)


def test_a_run_beside_another_writer_fails_and_says_who_writes(settings: Settings, job):
    script = (
        "import sys, time; from pathlib import Path; from warehouse.lock import writer_lock\n"
        "with writer_lock(Path(sys.argv[1]), 'a long refresh'):\n    print('held', flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", script, str(settings.data_dir)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout.readline().strip() == "held"
        try:
            result = run(job)
        finally:
            holder.kill()
    assert not result.success
    reasons = " ".join(str(event.event_specific_data) for event in result.all_events if event.is_failure)
    assert str(holder.pid) in reasons and "a long refresh" in reasons
    assert not settings.warehouse_path.exists()


def test_a_broken_ledger_fails_its_step_with_file_line_and_field_and_loads_nothing(settings: Settings, job):
    assert run(job).success
    (settings.ledger_dir / "costs.csv").write_text(COSTS + "2026-03-01,hosting,acme,twelve,EUR\n")
    result = run(job)
    assert not result.success
    (failure,) = [event for event in result.all_events if event.is_step_failure]
    cause = cause_of(failure.step_failure_data.error)
    assert "costs.csv" in cause and "twelve" in cause and "\n" not in cause
    assert rows(settings, "select count(*) from raw_ledger.costs") == [(2,)]
    assert sorted(rows(settings, "select status from meta.runs")) == [("failed",), ("partial",)]


def test_a_failed_check_of_severity_error_blocks_what_follows(settings: Settings):
    """The star's suites fail on a warehouse without a star: the version after them is not made."""
    published = publish_assets([dg.AssetKey(["metrics", "mrr_rollforward"])])

    @dg.asset(key=["metrics", "mrr_rollforward"])
    def mart(warehouse: Warehouse) -> None:
        """A mart that does not close."""
        with open_duckdb(warehouse.settings.warehouse_path) as connection:
            connection.execute(
                "create schema metrics; create table metrics.mrr_rollforward as select date '2026-05-01' as month, "
                "1.0 as mrr_opening, 2.0 as mrr_closing, 0.01 as difference; "
                "create table metrics.unit_economics_monthly as select date '2026-05-01' as month, 2.0 as mrr_end"
            )

    frames = [frame for frame in mart_frames() if frame.name == "rollforward"]
    definitions = dg.Definitions(
        assets=[mart, *published],
        asset_checks=[layer_checks("marts", frames)],
        resources={"warehouse": Warehouse()},
        executor=dg.in_process_executor,
    )
    result = run(definitions.resolve_implicit_global_asset_job_def())
    assert not result.success
    succeeded = {event.step_key for event in result.all_events if event.is_step_success}
    assert succeeded == {"metrics__mrr_rollforward"}
    assert why(settings, result) == (
        "blocked: metrics.mrr_rollforward: closes: 1 failing row (month=2026-05-01, difference=0.01); "
        "what is published stays as it was"
    )
    assert not settings.published_path.exists()


def test_events_of_a_run_are_there_for_the_next_process(settings: Settings, job, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DAGSTER_HOME", str(prepare_home(settings)))
    with dg.DagsterInstance.from_ref(instance_ref(settings)) as instance:
        first = run(job, instance)
        second = run(job, instance)
    with dg.DagsterInstance.from_ref(instance_ref(settings)) as instance:
        assert {record.dagster_run.run_id for record in instance.get_run_records()} == {first.run_id, second.run_id}
        latest = instance.get_latest_materialization_event(dg.AssetKey(["ledger", "costs"]))
        assert latest.run_id == second.run_id
        assert instance.get_run_stats(first.run_id).materializations == len(STREAMS["ledger"])
        texts = [entry.user_message for entry in instance.all_logs(second.run_id)]
        assert any("raw checks:" in text for text in texts), "progress is in the run's log"
