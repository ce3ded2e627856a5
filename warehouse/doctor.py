"""`throughline doctor`: what is configured, reachable and fresh, and the one thing to do next."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from warehouse import meta, publish
from warehouse.build_file import open_build
from warehouse.connections import FileBusy, NoWarehouse, open_duckdb
from warehouse.engine import EngineFailed, engine_of
from warehouse.lake import LakeError, open_lake, shown
from warehouse.lock import current_holder
from warehouse.settings import (
    API_SOURCES,
    SOURCES,
    BadSettings,
    Settings,
    get_settings,
    process_environment,
    unknown_variables,
    variable_name,
)

STALE_AFTER = timedelta(hours=26)
SCARCE_BYTES = 2 * 1024**3
PROBE_SECONDS = 60


@dataclass
class Report:
    """Findings line by line, and what to do about the first that is wrong."""

    lines: list[str] = field(default_factory=list)
    is_well: bool = True
    next_step: str | None = None

    def good(self, what: str, found: str) -> None:
        """All is well here."""
        self.lines.append(f"ok    {what:<11} {found}")

    def note(self, what: str, found: str, step: str | None = None) -> None:
        """Worth knowing, and no fault."""
        self.lines.append(f"-     {what:<11} {found}")
        self.next_step = self.next_step or step

    def bad(self, what: str, found: str, step: str) -> None:
        """A fault, and what to do about it. The first fault comes before all that is merely worth knowing."""
        self.lines.append(f"FAIL  {what:<11} {found}")
        if self.is_well:
            self.next_step = step
        self.is_well = False


def examine() -> Report:
    """Look at everything; changes nothing."""
    report = Report()
    try:
        settings = get_settings()
    except BadSettings as error:
        for line in str(error).splitlines():
            report.bad("settings", line, "correct the settings named above")
        return _closed(report)
    _settings(report, settings)
    _engine(report, settings)
    _sources(report, settings)
    _writer(report, settings)
    _last_run(report, settings)
    _published(report, settings)
    _disk(report, settings)
    return _closed(report)


def _settings(report: Report, settings: Settings) -> None:
    report.good(
        "settings",
        f"data in {settings.data_dir}, {settings.currency}, {settings.time_zone}",
    )
    for name, meant in unknown_variables().items():
        hint = f"; {meant} is meant, perhaps" if meant else ""
        report.note("settings", f"{name} is read by nothing{hint}", f"correct the name {name}" if meant else None)


def _engine(report: Report, settings: Settings) -> None:
    where = "in this process" if settings.target == "duckdb" else f"answers at {settings.spark_remote}"
    lake = "" if settings.target == "duckdb" else f", lake at {shown(settings.lake)}"
    try:
        report.good("engine", f"{engine_of(settings).version()}, {where}{lake}")
        if settings.target != "duckdb":
            open_lake(settings).folders()
    except (EngineFailed, LakeError) as error:
        report.bad("engine", str(error), "put the engine right, or unset THROUGHLINE_TARGET to build on this machine")


def _sources(report: Report, settings: Settings) -> None:
    answers = _probe(settings)
    loaded = dict(_freshness(settings))
    for name in SOURCES:
        source = settings.source(name)
        if not source.is_configured:
            report.note(name, f"off: {settings.how_to_switch_on(name)}", settings.how_to_switch_on(name))
            continue
        problem = answers.get(name)
        if problem:
            report.bad(
                name, problem, f"check {variable_name(name + '_base_url')} and {variable_name(name + '_api_key')}"
            )
            continue
        where = source.base_url or str(settings.ledger_dir)
        last = loaded.get(name)
        if last is None:
            report.good(name, f"answers at {where}; not read yet" if source.base_url else f"{where}; not read yet")
        else:
            age = datetime.now(UTC).replace(tzinfo=None) - last
            told = f"{where}, read {_ago(age)}"
            if age > STALE_AFTER:
                report.note(name, told, "run `throughline refresh`")
            else:
                report.good(name, told)


def _probe(settings: Settings) -> dict[str, str | None]:
    """Ask every configured provider; asked by the package that knows their protocols, in a process of its own."""
    if not any(settings.source(name).is_configured for name in API_SOURCES):
        return {}
    try:
        done = subprocess.run(
            [sys.executable, "-m", "ingestion.probe"],
            env=process_environment(),
            capture_output=True,
            text=True,
            timeout=PROBE_SECONDS,
        )
        answers: dict[str, str | None] = json.loads(done.stdout)
    except (subprocess.TimeoutExpired, ValueError):
        return {name: "does not answer" for name in API_SOURCES if settings.source(name).is_configured}
    return answers


def _freshness(settings: Settings) -> Iterator[tuple[str, datetime]]:
    """When each source was last read, by what is published."""
    import duckdb

    # a file that cannot be read is found out when the version itself is looked at
    with contextlib.suppress(NoWarehouse, FileBusy, duckdb.Error):
        with open_duckdb(settings.published_path, read_only=True) as connection:
            rows = connection.execute(
                "select source, max(loaded_at) from meta.freshness where loaded_at is not null group by source"
            ).fetchall()
        yield from rows


def _writer(report: Report, settings: Settings) -> None:
    holder = current_holder(settings.data_dir)
    if holder is None:
        report.good("lock", "nobody is writing")
    else:
        report.note("lock", f"{holder} is writing")


def _last_run(report: Report, settings: Settings) -> None:
    if not settings.warehouse_path.exists():
        report.note("last run", "none yet", "run `throughline refresh`")
        return
    if current_holder(settings.data_dir) is not None:
        # whoever looks into the build file keeps the writer out of it
        report.note("last run", "at work now")
        return
    import duckdb

    try:
        with open_build(settings, read_only=True) as connection:
            run = meta.last_run(connection)
    except FileBusy as error:
        report.note("last run", str(error))
        return
    except duckdb.Error as error:
        path = settings.warehouse_path
        report.bad("last run", f"{path}: {error}", f"move {path} away and run `throughline refresh`: it reads all anew")
        return
    if run is None:
        report.note("last run", "none yet", "run `throughline refresh`")
    elif run["status"] == "failed":
        report.bad(
            "last run", f"{run['run_id']} failed: {run['reason']}", "put that right and run `throughline refresh`"
        )
    else:
        report.good("last run", f"{run['run_id']} {run['status']}")


def _published(report: Report, settings: Settings) -> None:
    try:
        version = publish.current(settings)
    except publish.NotPublishable as error:
        report.bad("published", str(error), "run `throughline rollback` or `throughline refresh`")
        return
    if version is None:
        report.note("published", "nothing yet", "run `throughline refresh`")
        return
    damage = publish.damage_of(version)
    if damage:
        report.bad("published", damage, "run `throughline rollback`, then `throughline refresh`")
        return
    age = datetime.now(UTC) - datetime.fromisoformat(version.published_at)
    told = f"{version.run_id}, {_ago(age)}, as of {version.manifest['as_of']}; its sha256 is right"
    if age > STALE_AFTER:
        report.note("published", told, "run `throughline refresh`")
    else:
        report.good("published", told)


def _disk(report: Report, settings: Settings) -> None:
    folder = next(path for path in (settings.data_dir, *settings.data_dir.parents) if path.exists())
    free = shutil.disk_usage(folder).free
    if free < SCARCE_BYTES:
        report.bad("disk", f"{free / 1024**3:.1f} GB free in {folder}", f"make room in {folder}")
    else:
        report.good("disk", f"{free / 1024**3:.0f} GB free")


def _closed(report: Report) -> Report:
    report.lines.append(f"next: {report.next_step or 'nothing; all is well'}")
    return report


def _ago(age: timedelta) -> str:
    minutes = max(0, int(age.total_seconds() // 60))
    if minutes < 120:
        return f"{minutes} min ago"
    return f"{minutes // 60} h ago" if minutes < 48 * 60 else f"{minutes // 1440} days ago"
