"""A warehouse of one small table, and runs that pass."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from warehouse import meta
from warehouse.connections import open_duckdb
from warehouse.settings import Settings

AS_OF = datetime(2026, 6, 15, tzinfo=UTC)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings of a data folder of its own."""
    return Settings(data_dir=tmp_path / "data", as_of=AS_OF, _env_file=None)


def make_run(settings: Settings, *, marks: int = 1, status: str = "passed") -> meta.Run:
    """A run whose every table carries the run's id, `marks` times."""
    run = meta.new_run(settings.as_of)
    meta.begin_run(settings, run)
    with open_duckdb(settings.warehouse_path) as connection:
        for schema, table in (("journey", "dim_accounts"), ("metrics", "mrr_rollforward"), ("insights", "forecast")):
            connection.execute(f"create schema if not exists {schema}")
            connection.execute(
                f"create or replace table {schema}.{table} as "
                f"select '{run.run_id}' as run_id, cast(range as integer) as n, cast(1.5 as decimal(18, 4)) as amount "
                f"from range({marks})"
            )
        connection.execute("create schema if not exists staging; create or replace table staging.secret as select 1")
        connection.execute("comment on table metrics.mrr_rollforward is 'MRR, month by month: it''s exact'")
        connection.execute("comment on column metrics.mrr_rollforward.amount is 'reporting currency'")
    meta.record_builds(settings, run.run_id, ["journey.dim_accounts", "metrics.mrr_rollforward", "insights.forecast"])
    meta.record_checks(settings, run.run_id, [meta.Check("all well", "marts", "metrics.x", "error", True)])
    if status != "running":
        meta.end_run(settings, run.run_id, status)
    return run


@pytest.fixture
def passed(settings: Settings) -> Callable[..., meta.Run]:
    """Makes a run in the build file that is fit to be published."""
    return lambda **options: make_run(settings, **options)
