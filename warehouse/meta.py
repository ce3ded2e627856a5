"""The `meta` schema: what a reader has to know about the figures, written into the build file and published with them.

| table | a row is |
|---|---|
| `meta.runs` | one run, with how it ended |
| `meta.checks` | the newest result of one check |
| `meta.freshness` | one stream of one source: when it was last read, how many versions it holds, whether it is on |
| `meta.row_counts` | the rows of one table at the end of one run |
| `meta.builds` | the run that last built one table |
| `meta.metric_policy` | one rule that the metrics follow |

`warehouse.restatements` adds what was published before of months that have changed since.

Instants are UTC, without a zone.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from warehouse.build_file import open_build, show_raw
from warehouse.connections import quoted
from warehouse.engine import engine_of
from warehouse.settings import Settings

if TYPE_CHECKING:
    import duckdb

RUNS_KEPT = 200

_TABLES = """
create schema if not exists meta;
create table if not exists meta.runs (
    run_id varchar primary key, as_of timestamp not null, started_at timestamp not null, finished_at timestamp,
    status varchar not null, reason varchar, engine varchar not null, target varchar not null,
    time_zone varchar not null, currency varchar not null
);
create table if not exists meta.checks (
    check_name varchar primary key, layer varchar not null, table_name varchar, severity varchar not null,
    passed boolean not null, failing_rows bigint not null, description varchar, observed varchar, sample varchar,
    error varchar, run_id varchar not null, checked_at timestamp not null
);
create table if not exists meta.freshness (
    source varchar not null, stream varchar not null, loaded_at timestamp, rows bigint not null,
    rows_added bigint not null, rows_quarantined bigint not null, is_configured boolean not null,
    newest_at timestamp, run_id varchar not null, primary key (source, stream)
);
create table if not exists meta.row_counts (
    run_id varchar not null, table_name varchar not null, rows bigint not null, primary key (run_id, table_name)
);
create table if not exists meta.builds (
    table_name varchar primary key, run_id varchar not null, built_at timestamp not null
);
create table if not exists meta.metric_policy (
    policy varchar primary key, value varchar not null, policy_version varchar not null
);
"""

Severity = Literal["error", "warning"]


@dataclass(frozen=True)
class Run:
    """One run: its id, the instant it is about, and when it began (both UTC)."""

    run_id: str
    as_of: datetime
    started_at: datetime


@dataclass(frozen=True)
class Check:
    """The result of one check. `error` is set when the check itself could not run, which counts as not passed."""

    name: str
    layer: str
    table: str | None
    severity: Severity
    passed: bool
    failing_rows: int = 0
    description: str = ""
    observed: str | None = None
    sample: Sequence[Mapping[str, Any]] = ()
    error: str | None = None

    @property
    def is_blocking(self) -> bool:
        """Whether this result keeps the run from being published."""
        return not self.passed and self.severity == "error"

    def __str__(self) -> str:
        found = self.error or f"{self.failing_rows} failing row{'' if self.failing_rows == 1 else 's'}"
        rows = "; ".join(", ".join(f"{k}={v}" for k, v in row.items()) for row in self.sample[:3])
        return f"{self.name}: {found}" + (f" ({rows})" if rows else "")


@dataclass(frozen=True)
class StreamLoad:
    """What a run found out about one stream of a source."""

    stream: str
    rows_added: int
    rows_quarantined: int


def new_run(as_of: datetime, started_at: datetime | None = None, unique: str | None = None) -> Run:
    """A run with an id that sorts by instant and then by start: as_of, start in milliseconds, four random digits."""
    started = started_at or datetime.now(UTC)
    tail = (unique or uuid.uuid4().hex)[:4]
    return Run(f"{as_of:%Y%m%dT%H%M%SZ}-{int(started.timestamp() * 1000):011x}{tail}", as_of, started)


def begin_run(settings: Settings, run: Run) -> None:
    """Note that a run is at work. A run that never came to its end is marked as failed. Raises EngineFailed when the
    engine does not answer."""
    engine = engine_of(settings).version()
    with open_build(settings) as connection:
        connection.execute(_TABLES)
        connection.execute(
            "update meta.runs set status = 'failed', reason = 'ended without a word (killed, or the machine stopped)' "
            "where status = 'running' and run_id <> ?",
            [run.run_id],
        )
        connection.execute(
            "insert into meta.runs values (?, ?, ?, null, 'running', null, ?, ?, ?, ?) "
            "on conflict (run_id) do update set status = 'running', finished_at = null, reason = null",
            [
                run.run_id,
                _utc(run.as_of),
                _utc(run.started_at),
                engine,
                settings.target,
                settings.time_zone,
                settings.currency,
            ],
        )
        connection.execute(
            "create temp table kept as select run_id from meta.runs order by started_at desc limit ?", [RUNS_KEPT]
        )
        for table in ("runs", "row_counts"):
            connection.execute(f"delete from meta.{table} where run_id not in (select run_id from kept)")


def end_run(
    settings: Settings, run_id: str, status: Literal["passed", "failed", "partial"], reason: str | None = None
) -> None:
    """Note how a run ended: `passed` means fit to be published, `partial` that it did not go the whole way."""
    with open_build(settings) as connection:
        connection.execute(
            "update meta.runs set status = ?, reason = ?, finished_at = ? where run_id = ?",
            [status, reason, _utc(datetime.now(UTC)), run_id],
        )


def record_checks(settings: Settings, run_id: str, checks: Iterable[Check]) -> None:
    """Keep the newest result of each check."""
    rows = [
        (
            check.name,
            check.layer,
            check.table,
            check.severity,
            check.passed,
            check.failing_rows,
            check.description,
            check.observed,
            json.dumps([dict(row) for row in check.sample], default=str) if check.sample else None,
            check.error,
            run_id,
            _utc(datetime.now(UTC)),
        )
        for check in checks
    ]
    _replace(settings, "checks", rows)


def record_loads(settings: Settings, run_id: str, source: str, loads: Sequence[StreamLoad] | None) -> dict[str, int]:
    """Note that streams of a source were read; returns the rows of all its streams.

    `loads` None: the source is off, and its streams are marked so. Streams that are not among `loads` keep what was
    noted of them before.
    """
    schema = f"raw_{source}"
    with open_build(settings) as connection:
        connection.execute(_TABLES)
        show_raw(connection, settings, source)
        streams = _raw_streams(connection, schema)
        known = dict(
            connection.execute("select stream, loaded_at from meta.freshness where source = ?", [source]).fetchall()
        )
        now = _utc(datetime.now(UTC))
        read = {load.stream: load for load in loads or ()}
        counts, rows = {}, []
        for stream in streams:
            counts[stream], newest = connection.execute(
                f"select count(*), timezone('UTC', max(modified_at)) from {quoted(schema, stream)}"
            ).fetchone()
            if loads is not None and stream not in read and stream in known:
                continue
            load = read.get(stream, StreamLoad(stream, 0, 0))
            loaded_at = now if stream in read else known.get(stream)
            noted = (counts[stream], load.rows_added, load.rows_quarantined, loads is not None, newest, run_id)
            rows.append((source, stream, loaded_at, *noted))
        _insert(connection, "freshness", rows)
    return counts


def record_builds(settings: Settings, run_id: str, tables: Iterable[str]) -> None:
    """Note which run built which tables (`schema.table`)."""
    now = _utc(datetime.now(UTC))
    _replace(settings, "builds", [(table, run_id, now) for table in tables])


def count_rows(settings: Settings, tables: Iterable[str]) -> dict[str, int]:
    """Rows of those of the given relations (`schema.table`) that the build file stores or shows from the lake."""
    with open_build(settings, read_only=True) as connection:
        stored = {".".join(name) for name in _stored(connection)}
        return {
            table: connection.execute(f"select count(*) from {quoted(*table.split('.'))}").fetchone()[0]
            for table in sorted(stored & set(tables))
        }


def record_row_counts(settings: Settings, run_id: str, schemas: Sequence[str]) -> None:
    """Note how many rows the tables of some schemas have, for the next run to compare with."""
    with open_build(settings) as connection:
        connection.execute(_TABLES)
        tables = [(schema, table) for schema, table in _stored(connection) if schema in schemas]
        rows = [
            (
                run_id,
                f"{schema}.{table}",
                connection.execute(f"select count(*) from {quoted(schema, table)}").fetchone()[0],
            )
            for schema, table in tables
        ]
        _insert(connection, "row_counts", rows)


def record_policy(settings: Settings, policies: Mapping[str, str], version: str) -> None:
    """Replace the rules that the metrics follow."""
    with open_build(settings) as connection:
        connection.execute(_TABLES)
        connection.execute("delete from meta.metric_policy")
        _insert(connection, "metric_policy", [(name, value, version) for name, value in sorted(policies.items())])


def forget_other_checks(settings: Settings, run_id: str) -> None:
    """Drop results of checks that this run did not make: checks that no longer exist."""
    with open_build(settings) as connection:
        connection.execute("delete from meta.checks where run_id <> ?", [run_id])


def blocking_checks(settings: Settings) -> list[Check]:
    """The checks of severity `error` that did not pass, most failing rows first."""
    with open_build(settings, read_only=True) as connection:
        return failed_checks(connection, "error")


def failed_checks(connection: duckdb.DuckDBPyConnection, severity: Severity) -> list[Check]:
    """Checks of a severity that did not pass, as an open file has them; none when there is no such table."""
    if not has_meta(connection):
        return []
    rows = connection.execute(
        "select check_name, layer, table_name, severity, passed, failing_rows, description, observed, sample, error "
        "from meta.checks where not passed and severity = ? order by error is null desc, failing_rows desc, check_name",
        [severity],
    ).fetchall()
    return [Check(*row[:8], sample=json.loads(row[8]) if row[8] else [], error=row[9]) for row in rows]


def has_meta(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether an open file has the tables of this module."""
    found = connection.execute(
        "select count(*) from information_schema.tables where table_schema = 'meta' and table_name = 'runs' "
        "and table_catalog = current_database()"
    ).fetchone()
    return bool(found and found[0])


def current_run_id(settings: Settings) -> str:
    """The id of the run that began last; empty when there was none."""
    if not settings.warehouse_path.exists():
        return ""
    with open_build(settings, read_only=True) as connection:
        run = last_run(connection)
    return str(run["run_id"]) if run else ""


def last_run(connection: duckdb.DuckDBPyConnection) -> dict[str, Any] | None:
    """The row of the run that began last; None when there was none."""
    if not has_meta(connection):
        return None
    cursor = connection.execute("select * from meta.runs order by started_at desc limit 1")
    row = cursor.fetchone()
    return dict(zip([column[0] for column in cursor.description], row, strict=True)) if row else None


def why_not_publishable(connection: duckdb.DuckDBPyConnection, schemas: Sequence[str]) -> str | None:
    """The reason why the open build file must not be published; None when it may."""
    run = last_run(connection)
    if run is None:
        return "there is no run to publish: run `throughline refresh`"
    if run["status"] == "partial":
        return f"run {run['run_id']} made a part of the tables only: run `throughline refresh`"
    if run["status"] != "passed":
        reason = f": {run['reason']}" if run["reason"] else ""
        return f"run {run['run_id']} has not passed its checks ({run['status']}{reason}): run `throughline refresh`"
    failed = failed_checks(connection, "error")
    if failed:
        return f"blocked by {failed[0]}"
    strangers = connection.execute(
        "select table_name, run_id from meta.builds where run_id <> ? "
        "and split_part(table_name, '.', 1) in (select unnest(?)) order by all limit 1",
        [run["run_id"], list(schemas)],
    ).fetchone()
    if strangers:
        return (
            f"{strangers[0]} was built by another run ({strangers[1]}), and a version holds tables of one run only: "
            "run `throughline refresh`"
        )
    return None


def _stored(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, str]]:
    """Tables, and views on the lake's files; a view of the project is not computed to be counted."""
    return connection.execute(
        "select schema_name, table_name from duckdb_tables() where not starts_with(table_name, '_dlt') "
        "union all select schema_name, view_name from duckdb_views() where contains(sql, 'read_parquet(') order by all"
    ).fetchall()


def _raw_streams(connection: duckdb.DuckDBPyConnection, schema: str) -> list[str]:
    """Streams of a raw schema: its tables that hold versions, the loader's own and the reports left out."""
    rows = connection.execute(
        "select table_name from information_schema.columns where table_schema = ? and column_name = 'content_hash' "
        "order by all",
        [schema],
    ).fetchall()
    return [name for (name,) in rows]


def _replace(settings: Settings, table: str, rows: list[tuple]) -> None:
    with open_build(settings) as connection:
        connection.execute(_TABLES)
        _insert(connection, table, rows)


def _insert(connection: duckdb.DuckDBPyConnection, table: str, rows: list[tuple]) -> None:
    if not rows:
        return
    import pyarrow as pa

    # one statement: row by row, a thousand checks take seconds
    types = {name: kind for name, kind, *_ in connection.execute(f"describe meta.{table}").fetchall()}
    incoming = pa.table({name: [row[place] for row in rows] for place, name in enumerate(types)})
    columns = ", ".join(f"cast({name} as {kind})" for name, kind in types.items())
    connection.register("incoming", incoming)
    connection.execute(f"insert or replace into meta.{table} select {columns} from incoming")
    connection.unregister("incoming")


def _utc(instant: datetime) -> datetime:
    return instant.astimezone(UTC).replace(tzinfo=None)
