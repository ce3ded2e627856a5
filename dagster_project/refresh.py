"""`python -m dagster_project.refresh`: the nightly job, once, in this process.

The last line on standard output says how it went. Exit status: 0 published, 1 failed or blocked, 75 another writer.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import signal
import sys
import time
from typing import TYPE_CHECKING, Any

from warehouse import meta
from warehouse.build_file import open_build
from warehouse.connections import FileBusy, NoWarehouse
from warehouse.engine import EngineFailed, engine_of
from warehouse.lock import WriterBusy, writer_lock
from warehouse.notify import notify
from warehouse.progress import say
from warehouse.settings import REPOSITORY, BadSettings, Settings, get_settings, prepare_process

if TYPE_CHECKING:
    from dagster import ExecuteInProcessResult
    from dagster._core.instance.ref import InstanceRef

BUSY = 75
# how Dagster and Python call it when a signal ends a step
INTERRUPTED = ("DagsterExecutionInterruptedError", "KeyboardInterrupt")
BLOCKED = "blocking asset check"
STOPPED = "failed: stopped by a signal; what is published stays as it was"


def main() -> int:
    """Run it; returns the exit status."""
    try:
        settings = get_settings()
    except BadSettings as error:
        say(str(error))
        return 1
    # both end the run in order: what is half done is undone by the next one, and the UI shows the run as ended
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stop)
    try:
        with writer_lock(settings.data_dir, "throughline refresh"):
            reason = refresh(settings)
    except KeyboardInterrupt:
        say(STOPPED)
        # Python would end by the signal again, and the promised exit status is 1
        os._exit(1)
    except (WriterBusy, FileBusy) as error:
        say(f"busy: {error}")
        return BUSY
    except OSError as error:
        say(f"failed: {error}")
        return 1
    if reason:
        if settings.notify_webhook_url:
            notify(settings, "refresh failed", reason)
        say(reason)
    return 1 if reason else 0


def _stop(number: int, frame: Any) -> None:
    raise KeyboardInterrupt


def refresh(settings: Settings) -> str | None:
    """Run the nightly job under the writer lock. Returns why nothing was published, or None when it was."""
    started = time.monotonic()
    prepare_process({"DAGSTER_HOME": str(prepare_home(settings))})
    off = [name for name in ("hubspot", "encharge", "stripe", "ledger") if name not in settings.sources_on]
    say(
        f"as of {settings.as_of:%Y-%m-%d %H:%M} UTC, {', '.join(settings.sources_on) or 'no source'} on"
        + (f", {', '.join(off)} off" if off else "")
    )

    import dagster as dg
    import duckdb

    from dagster_project.definitions import build
    from dagster_project.jobs import STARTED_BY_COMMAND
    from dagster_project.resources import AS_OF_TAG
    from warehouse.transform import DbtFailed

    quiet()
    try:
        # asked before dbt, which would only say that it does not know the adapter
        engine_of(settings).version()
        job = build(settings).resolve_job_def("nightly")
    except (DbtFailed, EngineFailed) as error:
        return f"failed: {error}"
    with dg.DagsterInstance.from_ref(instance_ref(settings)) as instance:
        result = job.execute_in_process(
            instance=instance,
            raise_on_error=False,
            tags={AS_OF_TAG: settings.as_of.isoformat(), STARTED_BY_COMMAND: "refresh"},
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        )
    if not result.success:
        reason = why(settings, result)
        with contextlib.suppress(NoWarehouse, FileBusy, duckdb.Error):
            note(settings, reason)
        return reason
    say(f"done in {time.monotonic() - started:.0f} s: {settings.published_path}")
    return None


def why(settings: Settings, result: ExecuteInProcessResult) -> str:
    """The reason of a failed run, in one line: the check that blocks it, or what the first failed step said."""
    from dagster_project.jobs import cause_of

    failed = [event for event in result.all_events if event.is_step_failure]
    causes = [cause_of(event.step_failure_data.error) for event in failed if event.step_failure_data.error]
    if not failed:
        # nothing was begun: the engine did not answer, for example
        ended = [event.job_failure_data for event in result.all_events if event.is_job_failure]
        causes = [cause_of(data.error) for data in ended if data.error]
    if any(word in cause for cause in causes for word in INTERRUPTED):
        return STOPPED
    if causes and BLOCKED not in causes[0]:
        others = [event.step_key for event in failed[1:] if event.step_key]
        return f"failed: {causes[0]}" + (f"; {', '.join(others)} failed too" if others else "")
    import duckdb

    try:
        blocking = meta.blocking_checks(settings)
    except (NoWarehouse, FileBusy, duckdb.Error):
        blocking = []
    if blocking:
        more = f", and {len(blocking) - 1} more" if len(blocking) > 1 else ""
        return f"blocked: {blocking[0]}{more}; what is published stays as it was"
    return f"failed: {causes[0]}" if causes else "failed: the run did not start; see `throughline dev`, Runs"


def note(settings: Settings, reason: str) -> None:
    """Keep the reason with the run."""
    with open_build(settings, read_only=True) as connection:
        run = meta.last_run(connection)
    if run and run["status"] != "passed":
        meta.end_run(settings, run["run_id"], "failed", reason.removeprefix("failed: "))


def prepare_home(settings: Settings) -> Any:
    """Dagster's folder below the data folder, with the project's `dagster.yaml`, so that the UI shows these runs."""
    home = settings.dagster_home
    home.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(REPOSITORY / "dagster.yaml", home / "dagster.yaml")
    return home


def instance_ref(settings: Settings) -> InstanceRef:
    """The instance that the UI shows, without its capture of standard output.

    The capture puts files and four processes a step between a line and the reader, and lines would come late.
    """
    from dagster._core.instance.ref import InstanceRef

    capture = {"module": "dagster._core.storage.noop_compute_log_manager", "class": "NoOpComputeLogManager"}
    return InstanceRef.from_dir(str(settings.dagster_home), overrides={"compute_logs": capture})


def quiet() -> None:
    """Dagster and dlt keep their words for the run's own log, which the UI shows."""
    for name in ("dagster", "dlt", "alembic", "great_expectations"):
        logging.getLogger(name).setLevel(logging.ERROR)


if __name__ == "__main__":
    sys.exit(main())
