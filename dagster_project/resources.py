"""The one resource: the settings of a run, and the writer lock for as long as the run lasts."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime

import dagster as dg
from dagster import InitResourceContext
from pydantic import PrivateAttr

from warehouse import meta
from warehouse.build_file import open_build
from warehouse.lock import writer_lock
from warehouse.settings import Settings, get_settings

AS_OF_TAG = "throughline/as_of"


class Warehouse(dg.ConfigurableResource):
    """Settings and identity of the run that is at work.

    Settings are read when a run starts, so that the definitions load without any. A run that is retried keeps the
    instant and the id of the first attempt: its tables belong together.
    """

    _settings: Settings = PrivateAttr()
    _run: meta.Run = PrivateAttr()

    @property
    def settings(self) -> Settings:
        """The settings, with the run's own instant."""
        return self._settings

    @property
    def run(self) -> meta.Run:
        """The run, as `meta.runs` knows it."""
        return self._run

    @contextlib.contextmanager
    def yield_for_execution(self, context: InitResourceContext) -> Iterator[Warehouse]:
        """Hold the writer lock from the first step to the last. Raises WriterBusy when another process writes."""
        settings = get_settings()
        run = run_of(context, settings)
        self._settings = settings.model_copy(update={"as_of": run.as_of})
        self._run = run
        with writer_lock(settings.data_dir, "a Dagster run"):
            meta.begin_run(self._settings, run)
            try:
                yield self
            finally:
                self._settle(context)

    def _settle(self, context: InitResourceContext) -> None:
        """A run that did not come as far as the last check is no version, whatever the reason."""
        with open_build(self._settings, read_only=True) as connection:
            last = meta.last_run(connection)
        if last and last["run_id"] == self._run.run_id and last["status"] == "running":
            assert context.instance is not None and context.run is not None
            failed = context.instance.get_run_stats(context.run.run_id).steps_failed
            meta.end_run(self._settings, self._run.run_id, "failed" if failed else "partial")


def run_of(context: InitResourceContext, settings: Settings) -> meta.Run:
    """The run's instant and id: those of its first attempt."""
    run, instance = context.run, context.instance
    assert run is not None and instance is not None
    root = run.root_run_id or run.run_id
    record = instance.get_run_record_by_id(root)
    created = record.create_timestamp if record else datetime.now(UTC)
    if AS_OF_TAG in run.tags:
        as_of = datetime.fromisoformat(run.tags[AS_OF_TAG])
    else:
        as_of = settings.as_of if settings.as_of_is_set else created
    return meta.new_run(as_of.astimezone(UTC).replace(microsecond=0), created.astimezone(UTC), root)
