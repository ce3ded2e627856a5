"""What a run notes of itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.warehouse.conftest import AS_OF
from warehouse import meta
from warehouse.connections import FileBusy, open_duckdb
from warehouse.settings import Settings


def rows(settings: Settings, sql: str) -> list[tuple]:
    with open_duckdb(settings.warehouse_path, read_only=True) as connection:
        return connection.execute(sql).fetchall()


def test_run_ids_sort_by_instant_and_then_by_start():
    start = datetime(2026, 6, 16, 2, tzinfo=UTC)
    early = meta.new_run(AS_OF, start, "ffff")
    late = meta.new_run(AS_OF, start + timedelta(milliseconds=1), "0000")
    tomorrow = meta.new_run(AS_OF + timedelta(days=1), start - timedelta(days=9), "0000")
    assert early.run_id < late.run_id < tomorrow.run_id
    assert early.run_id == meta.new_run(AS_OF, start, "ffff").run_id, "a retry has the id of the first attempt"
    assert early.run_id.startswith("20260615T000000Z-")


def test_a_run_that_died_is_marked_when_the_next_one_begins(settings: Settings):
    first, second = (meta.new_run(AS_OF) for _ in range(2))
    meta.begin_run(settings, first)
    meta.begin_run(settings, second)
    meta.end_run(settings, second.run_id, "passed")
    found = dict(rows(settings, "select run_id, status from meta.runs"))
    assert found == {first.run_id: "failed", second.run_id: "passed"}
    assert rows(settings, "select as_of, engine from meta.runs limit 1")[0][0] == AS_OF.replace(tzinfo=None)


def test_the_history_of_runs_does_not_grow_for_ever(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(meta, "RUNS_KEPT", 3)
    for _ in range(5):
        meta.begin_run(settings, meta.new_run(AS_OF))
        meta.record_row_counts(settings, "x", ["meta"])
    assert rows(settings, "select count(*) from meta.runs") == [(3,)]
    assert rows(settings, "select count(distinct run_id) from meta.row_counts") == [(1,)]


def test_a_check_keeps_its_newest_result_with_its_rows(settings: Settings):
    run = meta.new_run(AS_OF)
    meta.begin_run(settings, run)
    bad = meta.Check("c", "marts", "metrics.x", "error", False, 9, "closes", sample=[{"month": AS_OF.date()}])
    meta.record_checks(settings, run.run_id, [bad, meta.Check("w", "raw", "raw_x.y", "warning", False)])
    assert [str(check) for check in meta.blocking_checks(settings)] == ["c: 9 failing rows (month=2026-06-15)"]
    meta.record_checks(settings, run.run_id, [meta.Check("c", "marts", "metrics.x", "error", True)])
    assert meta.blocking_checks(settings) == []
    meta.forget_other_checks(settings, "another")
    assert rows(settings, "select count(*) from meta.checks") == [(0,)]


def test_freshness_keeps_sources_that_are_off_apart_from_empty_ones(settings: Settings):
    with open_duckdb(settings.warehouse_path) as connection:
        connection.execute("create schema raw_stripe")
        for stream in ("charges", "refunds"):
            connection.execute(
                f"create table raw_stripe.{stream} (id text, version_hash text, content_hash text, "
                "modified_at timestamptz)"
            )
        connection.execute("create table raw_stripe._dlt_version (version_hash text)")
        connection.execute("insert into raw_stripe.charges values ('c', 'v', 'h', '2026-06-01 12:00:00+02')")
    noted = (
        "select stream, rows, rows_added, is_configured, loaded_at is null, newest_at from meta.freshness order by 1"
    )
    newest = datetime(2026, 6, 1, 10)
    meta.record_loads(settings, "r", "stripe", None)
    assert rows(settings, noted) == [("charges", 1, 0, False, True, newest), ("refunds", 0, 0, False, True, None)]
    meta.record_loads(settings, "r", "stripe", [meta.StreamLoad("charges", 1, 0)])
    assert rows(settings, noted)[0] == ("charges", 1, 1, True, False, newest)
    assert rows(settings, noted)[1] == ("refunds", 0, 0, False, True, None), "it was not read"


def test_counting_does_not_compute_views(settings: Settings):
    with open_duckdb(settings.warehouse_path) as connection:
        connection.execute("create schema s; create table s.t as select 1; create view s.v as select error('computed')")
    assert meta.count_rows(settings, ["s.t", "s.v", "s.none"]) == {"s.t": 1}


def test_another_process_with_the_file_open_is_named(settings: Settings):
    import subprocess
    import sys

    script = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
    settings.data_dir.mkdir(parents=True)
    command = [sys.executable, "-c", script, str(settings.warehouse_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout.readline().strip() == "open"
        with pytest.raises(FileBusy, match=str(holder.pid)), open_duckdb(settings.warehouse_path):
            pass
        holder.communicate("")
