"""Published versions: whole files of one run each, and a symlink to the current one.

    <data>/published/throughline.duckdb -> versions/<run id>.duckdb
    <data>/published/versions/<run id>.duckdb, <run id>.json (manifest), and <run id>.parquet/ where wanted

A version comes to life in an order that a kill at any point cannot spoil: the file is built under a hidden name,
synced, and described by its manifest; only then it gets its name, and only then the symlink moves. A reader that opens
the symlink has one version or another, never a part of one.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from warehouse import meta
from warehouse.build_file import open_build, show_lake
from warehouse.connections import literal, open_duckdb, quoted, tables_of
from warehouse.engine import PUBLISHED, EngineFailed, engine_of
from warehouse.lake import LakeError
from warehouse.settings import Settings

STORAGE_VERSION = "v1.0.0"  # the format that clients as old as DuckDB 1.0 read
BUILDING = ".building"
_log = logging.getLogger(__name__)
_NAME = re.compile(r"^[0-9A-Za-z][0-9A-Za-z_-]*$")


class NotPublishable(Exception):
    """The build file must not be published, or the published folder is damaged. The message says why."""


@dataclass(frozen=True)
class Version:
    """One published version, as its manifest describes it."""

    run_id: str
    path: Path
    manifest: Mapping[str, Any]

    @property
    def published_at(self) -> str:
        """When it was published: UTC, ISO 8601."""
        return str(self.manifest["published_at"])

    @property
    def rows(self) -> dict[str, int]:
        """Rows by table (`schema.table`)."""
        return dict(self.manifest["tables"])


Step = Callable[[str], None]


def publish(settings: Settings, *, step: Step = lambda name: None) -> Version:
    """Copy the run that the build file holds into a new version and make it the current one.

    Needs the writer lock. `step` is called with the name of each step that is done. A run that has a sound version
    already gets no second one: the symlink moves to it. Raises NotPublishable when the run has not passed, or when the
    copy is not what it should be.
    """
    versions = settings.published_dir / "versions"
    versions.mkdir(parents=True, exist_ok=True)
    _sweep(versions)
    with open_build(settings, read_only=True) as connection:
        reason = meta.why_not_publishable(connection, PUBLISHED)
        if reason:
            raise NotPublishable(reason)
        run = meta.last_run(connection)
        checks = _check_counts(connection)
    assert run is not None
    run_id = str(run["run_id"])
    if not _NAME.match(run_id):
        raise NotPublishable(f"run id {run_id!r} cannot be a file name")

    known = next((version for version in versions_of(settings) if version.run_id == run_id), None)
    if known is not None and damage_of(known) is None:
        _point_at(settings, known)
        return known

    building = versions / f"{BUILDING}-{run_id}.duckdb"
    tables = _copy(settings, building)
    step("copied")
    if building.with_name(building.name + ".wal").exists():
        raise NotPublishable(f"{building} was closed with a write-ahead log; nothing is published")
    _verify(building, tables)
    _sync(building)
    step("synced")

    final = versions / f"{run_id}.duckdb"
    manifest = {
        "run_id": run_id,
        "as_of": _iso(run["as_of"]),
        "started_at": _iso(run["started_at"]),
        "published_at": datetime.now(UTC).isoformat(timespec="microseconds"),
        "file": final.name,
        "bytes": building.stat().st_size,
        "sha256": sha256(building),
        "storage_version": STORAGE_VERSION,
        "engine": run["engine"],
        "time_zone": run["time_zone"],
        "currency": run["currency"],
        "tables": tables,
        "checks": checks,
    }
    if settings.parquet:
        export_parquet(building, versions / f"{run_id}.parquet")
        step("exported")
    _write_manifest(final, manifest)
    step("described")
    _add_to_engine(settings, run_id, building)
    building.replace(final)
    _sync(versions)
    step("named")
    version = Version(run_id, final, manifest)
    _point_at(settings, version)
    step("swapped")
    _prune(settings)
    step("pruned")
    return version


def rollback(settings: Settings, to: str | None = None) -> Version:
    """Make an earlier version the current one: `to` (a run id), or the one that was published before the current one.

    Needs the writer lock. Raises NotPublishable when there is no such version or its file is not what was published.
    """
    known = versions_of(settings)
    present = current(settings)
    if to is not None:
        found = [version for version in known if version.run_id == to.removesuffix(".duckdb")]
        if not found:
            names = ", ".join(version.run_id for version in known) or "none"
            raise NotPublishable(f"there is no version {to!r}; there are: {names}")
    else:
        if present is None:
            raise NotPublishable("nothing is published yet: run `throughline refresh`")
        found = [version for version in known if version.published_at < present.published_at]
        if not found:
            raise NotPublishable(f"there is no version before {present.run_id}")
    target = found[0]
    damage = damage_of(target)
    if damage:
        raise NotPublishable(damage)
    _point_at(settings, target)
    return target


def current(settings: Settings) -> Version | None:
    """The version that the symlink points at; None when nothing is published.

    Raises NotPublishable when what stands there is not a symlink to one of our versions.
    """
    link = settings.published_path
    if not link.is_symlink():
        if link.exists():
            raise NotPublishable(f"{link} is not a symlink; move it away and publish again")
        return None
    target = link.readlink()
    versions = settings.published_dir / "versions"
    if target.parent != Path("versions") or not _NAME.match(target.stem) or (versions / target.name).is_symlink():
        raise NotPublishable(f"{link} points at {target}, which is not one of its versions")
    path = versions / target.name
    manifest = _read_manifest(path)
    if not path.is_file() or manifest is None:
        raise NotPublishable(f"{link} points at {target}, which is missing or has no manifest: roll back or refresh")
    return Version(target.stem, path, manifest)


def versions_of(settings: Settings) -> list[Version]:
    """All versions on disk, the one that was published last first."""
    found = []
    for path in sorted((settings.published_dir / "versions").glob("*.duckdb")):
        manifest = _read_manifest(path) if _NAME.match(path.stem) and not path.is_symlink() else None
        if manifest is not None:
            found.append(Version(path.stem, path, manifest))
    return sorted(found, key=lambda version: version.published_at, reverse=True)


def damage_of(version: Version) -> str | None:
    """What is wrong with a version's file, by its size and sha256; None when it is what was published."""
    if not version.path.is_file():
        return f"{version.path} is missing"
    if version.path.stat().st_size != version.manifest["bytes"] or sha256(version.path) != version.manifest["sha256"]:
        return f"{version.path} is not the file that was published (its sha256 differs from the manifest)"
    return None


def export_parquet(published: Path, folder: Path) -> int:
    """Write each table of a version to `folder/<schema>/<table>.parquet`, whole or not at all; returns the number."""
    unfinished = folder.with_name(f"{BUILDING}-{folder.name}")
    shutil.rmtree(unfinished, ignore_errors=True)
    with open_duckdb(published, read_only=True) as connection:
        database = connection.execute("select current_database()").fetchone()[0]
        tables = tables_of(connection, PUBLISHED, database)
        for schema, table in tables:
            target = unfinished / schema / f"{table}.parquet"
            target.parent.mkdir(parents=True, exist_ok=True)
            connection.execute(f"copy {quoted(schema, table)} to {literal(target)} (format parquet, compression zstd)")
    shutil.rmtree(folder, ignore_errors=True)
    unfinished.rename(folder)
    return len(tables)


def publish_parquet(settings: Settings) -> Path:
    """Export the current version and point `<data>/published/parquet` at it. Raises NotPublishable without one."""
    version = current(settings)
    if version is None:
        raise NotPublishable("nothing is published yet: run `throughline refresh`")
    export_parquet(version.path, version.path.with_suffix(".parquet"))
    _point_at(settings, version)
    return settings.published_dir / "parquet"


def sha256(path: Path) -> str:
    """The SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _copy(settings: Settings, target: Path) -> dict[str, int]:
    """Copy the published schemas of the build file into a new file; returns the rows by table."""
    rows: dict[str, int] = {}
    with open_duckdb(Path(":memory:")) as connection:
        connection.execute(f"set temp_directory = {literal(target.with_suffix('.spill'))}")
        connection.execute(f"attach {literal(settings.warehouse_path)} as build (read_only)")
        show_lake(connection, settings)
        connection.execute(f"attach {literal(target)} as publication (storage_version {literal(STORAGE_VERSION)})")
        # one commit, and one look at the catalog, for all tables: both take longer than to copy a small table
        connection.execute("begin transaction")
        for schema, table in tables_of(connection, PUBLISHED, "build"):
            copy, original = quoted("publication", schema, table), quoted("build", schema, table)
            connection.execute(f"create schema if not exists {quoted('publication', schema)}")
            connection.execute(f"create table {copy} as from {original}")
            rows[f"{schema}.{table}"] = connection.execute(f"select count(*) from {copy}").fetchone()[0]
        _copy_comments(connection)
        connection.execute("commit")
        connection.execute("checkpoint publication")
        connection.execute("detach publication")
    return rows


def _copy_comments(connection: Any) -> None:
    """Descriptions travel with the tables: they are what a BI tool shows beside a name."""
    comments = connection.execute(
        "select schema_name, table_name, null as column_name, comment from duckdb_tables() "
        "where database_name = 'build' and comment is not null union all "
        "select schema_name, table_name, column_name, comment from duckdb_columns() "
        "where database_name = 'build' and comment is not null"
    ).fetchall()
    for schema, table, column, comment in comments:
        if schema in PUBLISHED:
            kind, place = ("table", (schema, table)) if column is None else ("column", (schema, table, column))
            connection.execute(f"comment on {kind} {quoted('publication', *place)} is {literal(comment)}")


def _verify(path: Path, tables: Mapping[str, int]) -> None:
    """Open the new file as a reader will, and count."""
    with open_duckdb(path, read_only=True) as connection:
        database = connection.execute("select current_database()").fetchone()[0]
        found = {
            f"{schema}.{table}": connection.execute(f"select count(*) from {quoted(schema, table)}").fetchone()[0]
            for schema, table in tables_of(connection, PUBLISHED, database)
        }
    if found != dict(tables):
        raise NotPublishable(f"{path} does not hold what was copied into it; nothing is published")


def _check_counts(connection: Any) -> dict[str, int]:
    rows = connection.execute(
        "select case when passed then 'passed' else 'failed_' || severity end, count(*) from meta.checks group by 1"
    ).fetchall()
    return {"passed": 0, "failed_warning": 0} | dict(rows)


def _add_to_engine(settings: Settings, run_id: str, building: Path) -> None:
    """The run's own records are made here, not on the engine, whose readers want them too."""
    with open_duckdb(building, read_only=True) as connection:
        database = connection.execute("select current_database()").fetchone()[0]
        records = {
            f"{schema}.{table}": connection.sql(f"from {quoted(schema, table)}").to_arrow_table()
            for schema, table in tables_of(connection, ("meta",), database)
        }
    with _engine_at_work():
        engine_of(settings).add(run_id, records)


@contextlib.contextmanager
def _engine_at_work() -> Iterator[None]:
    try:
        yield
    except (EngineFailed, LakeError) as error:
        raise NotPublishable(f"{error}; what is published stays as it was") from error


def _point_at(settings: Settings, version: Version) -> None:
    """Move the engine's own readers, then the symlinks: the file's in one step, then the Parquet folder's, where the
    version has one."""
    with _engine_at_work():
        engine_of(settings).point_at(version.run_id)
    _swap(settings.published_path, Path("versions") / version.path.name)
    parquet = version.path.with_suffix(".parquet")
    link = settings.published_dir / "parquet"
    if parquet.is_dir():
        _swap(link, Path("versions") / parquet.name)
    elif link.is_symlink():
        # better no files than those of another version
        link.unlink()
    _sync(settings.published_dir)


def _swap(link: Path, target: Path) -> None:
    temporary = link.with_name(f".{link.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(target)
    temporary.replace(link)


def _write_manifest(final: Path, manifest: Mapping[str, Any]) -> None:
    path = final.with_suffix(".json")
    unfinished = path.with_name(f"{BUILDING}-{path.name}")
    with unfinished.open("w", encoding="utf-8") as file:
        json.dump(manifest, file, indent=2)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)


def _read_manifest(path: Path) -> dict[str, Any] | None:
    try:
        manifest = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    needed = {"published_at", "sha256", "bytes", "tables", "as_of"}
    return manifest if isinstance(manifest, dict) and needed <= set(manifest) else None


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sweep(versions: Path) -> None:
    """Remove what a publish that was killed left behind: unfinished files, and manifests that never got their file."""
    # a stale .wal beside a new file would make every open fail
    for leftover in versions.glob(f"{BUILDING}-*"):
        shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()
    for manifest in versions.glob("*.json"):
        if not manifest.with_suffix(".duckdb").exists():
            manifest.unlink()


def _prune(settings: Settings) -> None:
    """Keep the newest versions; never remove the current one. A reader that has an older one open keeps it until it
    closes it."""
    present = current(settings)
    for version in versions_of(settings)[settings.keep_versions :]:
        if present is not None and version.run_id == present.run_id:
            continue
        try:
            engine_of(settings).forget(version.run_id)
        except (EngineFailed, LakeError) as error:
            # the new version is out by now: the old one goes after the next publish
            _log.warning("version %s is kept: %s", version.run_id, error)
            continue
        version.path.unlink()
        version.path.with_suffix(".json").unlink(missing_ok=True)
        shutil.rmtree(version.path.with_suffix(".parquet"), ignore_errors=True)


def _iso(instant: datetime) -> str:
    return instant.replace(tzinfo=UTC).isoformat(timespec="seconds")
