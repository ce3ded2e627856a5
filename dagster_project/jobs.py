"""What can be started by name, when it starts by itself, and who hears when it fails."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import dagster as dg
from dagster._core.storage.tags import WILL_RETRY_TAG

from dagster_project.ingestion import STREAMS
from warehouse.notify import notify
from warehouse.settings import get_settings

STARTED_BY_COMMAND = "throughline/started_by_command"

nightly = dg.define_asset_job(
    "nightly",
    selection=dg.AssetSelection.all(),
    description="Everything, from the providers to the published version and the revenue page.",
    executor_def=dg.in_process_executor,
)

source_jobs = [
    dg.define_asset_job(
        f"ingest_{source}",
        selection=dg.AssetSelection.groups(source),
        description=f"Read {source} into the raw ledger and check it.",
        executor_def=dg.in_process_executor,
    )
    for source in STREAMS
]


def schedule(time_zone: str) -> dg.ScheduleDefinition:
    """Every night at two, in the reporting zone."""
    return dg.ScheduleDefinition(
        name="nightly_at_two",
        job=nightly,
        cron_schedule="0 2 * * *",
        execution_timezone=time_zone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
    )


def freshness(time_zone: str) -> dg.FreshnessPolicy:
    """By eight in the morning, everything has been made anew within the last day."""
    return dg.FreshnessPolicy.cron("0 8 * * *", lower_bound_delta=timedelta(hours=24), timezone=time_zone)


@dg.run_failure_sensor(
    name="tell_of_failures",
    description="Tells the notifier of a failed run: the log, or the webhook of THROUGHLINE_NOTIFY_WEBHOOK_URL.",
    default_status=dg.DefaultSensorStatus.RUNNING,
    minimum_interval_seconds=30,
)
def tell_of_failures(context: dg.RunFailureSensorContext) -> Any:
    """Silent while the run is to be retried, and for runs of `throughline refresh`, which tells by itself."""
    run = context.dagster_run
    if run.tags.get(WILL_RETRY_TAG) == "true" or STARTED_BY_COMMAND in run.tags:
        return dg.SkipReason("the run is to be retried, or its command tells of the failure")
    steps = context.get_step_failure_events()
    reasons = [cause_of(event.step_failure_data.error) for event in steps if event.step_failure_data.error]
    notify(get_settings(), f"{run.job_name} failed", reasons[0] if reasons else context.failure_event.message or "")
    return None


def cause_of(error: Any) -> str:
    """The innermost reason of a failed step, in one line: what our own code said, without Dagster's frame."""
    while error.cause is not None and error.cls_name != "Failure":
        error = error.cause
    text = error.message.strip()
    # the class may stand with its module before it
    text = re.sub(rf"^([\w.]+\.)?{re.escape(str(error.cls_name))}: ", "", text)
    return " ".join(text.split())
