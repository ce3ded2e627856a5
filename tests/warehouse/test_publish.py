"""Publishing: whole versions or none, whatever happens and whoever reads meanwhile."""

from __future__ import annotations

import hashlib
import json
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from tests.warehouse.conftest import make_run
from warehouse import meta
from warehouse.engine import DuckDB, EngineFailed
from warehouse.publish import (
    NotPublishable,
    current,
    damage_of,
    export_parquet,
    publish,
    publish_parquet,
    rollback,
    versions_of,
)
from warehouse.settings import Settings

Passed = Callable[..., meta.Run]


def runs_in(path: Path) -> set[str]:
    """The runs whose rows a published file holds."""
    with duckdb.connect(str(path), read_only=True) as connection:
        return {
            connection.execute(f"select any_value(run_id) from {table}").fetchone()[0]
            for table in ("journey.dim_accounts", "metrics.mrr_rollforward", "insights.forecast")
        } | {connection.execute("select max_by(run_id, started_at) from meta.runs").fetchone()[0]}


class TestVersion:
    def test_it_holds_the_published_schemas_of_one_run_and_nothing_else(self, settings: Settings, passed: Passed):
        run = passed(marks=3)
        version = publish(settings)
        assert runs_in(settings.published_path) == {run.run_id} == {version.run_id}
        with duckdb.connect(str(settings.published_path), read_only=True) as connection:
            schemas = connection.execute("select distinct schema_name from duckdb_tables() order by 1").fetchall()
            kinds = connection.execute("select typeof(amount), typeof(n) from metrics.mrr_rollforward").fetchone()
            table = connection.execute(
                "select comment from duckdb_tables() where table_name = 'mrr_rollforward'"
            ).fetchone()
            column = connection.execute(
                "select column_name from duckdb_columns() where comment = 'reporting currency'"
            ).fetchone()
        assert schemas == [("insights",), ("journey",), ("meta",), ("metrics",)]
        assert kinds == ("DECIMAL(18,4)", "INTEGER")
        assert table == ("MRR, month by month: it's exact",) and column == ("amount",)

    def test_old_clients_can_read_it_and_there_is_no_wal(self, settings: Settings, passed: Passed):
        passed()
        version = publish(settings)
        with duckdb.connect(str(version.path), read_only=True) as connection:
            tags = connection.execute("select tags from duckdb_databases() where not internal").fetchone()[0]
        assert tags["storage_version"].startswith("v1.0")
        assert sorted(path.suffix for path in version.path.parent.iterdir()) == [".duckdb", ".json"]

    def test_the_manifest_is_true(self, settings: Settings, passed: Passed):
        run = passed(marks=7)
        version = publish(settings)
        manifest = json.loads(version.path.with_suffix(".json").read_text())
        assert manifest["sha256"] == hashlib.sha256(version.path.read_bytes()).hexdigest()
        assert manifest["bytes"] == version.path.stat().st_size
        assert manifest["run_id"] == run.run_id and manifest["as_of"] == "2026-06-15T00:00:00+00:00"
        assert manifest["tables"]["metrics.mrr_rollforward"] == 7
        assert manifest["checks"] == {"passed": 1, "failed_warning": 0}

    def test_the_link_is_relative_so_that_the_folder_can_move(self, settings: Settings, passed: Passed):
        run = passed()
        publish(settings)
        moved = settings.data_dir.with_name("moved")
        settings.data_dir.rename(moved)
        assert runs_in(moved / "published" / "throughline.duckdb") == {run.run_id}

    def test_the_same_rows_give_the_same_tables(self, settings: Settings, passed: Passed):
        passed(marks=5)
        first = publish(settings)
        passed(marks=5)
        second = publish(settings)

        def rows(path: Path) -> list[tuple]:
            with duckdb.connect(str(path), read_only=True) as connection:
                return connection.execute("select n, amount from metrics.mrr_rollforward").fetchall()

        assert first.run_id < second.run_id and rows(first.path) == rows(second.path)

    def test_the_newest_ones_are_kept_and_never_is_the_current_removed(self, settings: Settings, passed: Passed):
        few = settings.model_copy(update={"keep_versions": 2})
        runs = []
        for _ in range(4):
            runs.append(passed().run_id)
            publish(few)
        assert [version.run_id for version in versions_of(few)] == [runs[3], runs[2]]
        rollback(few)
        assert current(few).run_id == runs[2]
        one = settings.model_copy(update={"keep_versions": 1})
        newest = passed().run_id
        publish(one)
        assert [version.run_id for version in versions_of(one)] == [newest]

    def test_an_old_version_that_the_engine_cannot_remove_stays_and_the_new_one_is_out(
        self, settings: Settings, passed: Passed, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ):
        class Stubborn(DuckDB):
            def forget(self, run_id: str) -> None:
                raise EngineFailed("the bucket does not answer")

        one = settings.model_copy(update={"keep_versions": 1})
        old = passed().run_id
        publish(one)
        monkeypatch.setattr("warehouse.publish.engine_of", Stubborn)
        new = passed().run_id
        assert publish(one).run_id == current(one).run_id == new
        assert [version.run_id for version in versions_of(one)] == [new, old]
        assert f"version {old} is kept: the bucket does not answer" in caplog.text
        monkeypatch.undo()
        newest = passed().run_id
        publish(one)
        assert [version.run_id for version in versions_of(one)] == [newest]

    def test_parquet_goes_with_the_version_when_it_is_wanted(self, settings: Settings, passed: Passed):
        run = passed(marks=4)
        publish(settings)
        folder = publish_parquet(settings)
        table = folder / "metrics" / "mrr_rollforward.parquet"
        found = duckdb.sql(f"select run_id, count(*) from '{table}' group by 1").fetchall()
        assert found == [(run.run_id, 4)]
        passed()
        publish(settings)
        assert not folder.exists(), "no files rather than those of another version"
        newest = passed().run_id
        publish(settings.model_copy(update={"parquet": True}))
        found = duckdb.sql(f"select distinct run_id from '{folder}/journey/*.parquet'").fetchall()
        assert found == [(newest,)]
        assert export_parquet(settings.published_path, settings.data_dir / "elsewhere") >= 4


class TestGate:
    def test_nothing_is_published_before_a_run(self, settings: Settings):
        from warehouse.connections import NoWarehouse

        with pytest.raises(NoWarehouse, match="throughline refresh"):
            publish(settings)
        assert current(settings) is None

    @pytest.mark.parametrize("status", ["running", "failed", "partial"])
    def test_a_run_that_did_not_pass_is_not_published(self, settings: Settings, passed: Passed, status: str):
        first = passed().run_id
        publish(settings)
        passed(status=status)
        with pytest.raises(NotPublishable, match=r"not passed|a part of"):
            publish(settings)
        assert current(settings).run_id == first

    def test_a_failed_check_blocks_and_says_which_rows(self, settings: Settings, passed: Passed):
        run = passed()
        bad = meta.Check("closes", "marts", "metrics.x", "error", False, 2, sample=[{"month": "2026-05"}])
        meta.record_checks(settings, run.run_id, [bad])
        with pytest.raises(NotPublishable, match=r"closes: 2 failing rows \(month=2026-05\)"):
            publish(settings)

    def test_a_warning_is_published_with_the_figures(self, settings: Settings, passed: Passed):
        run = passed()
        meta.record_checks(settings, run.run_id, [meta.Check("quiet", "raw", "raw_x.y", "warning", False, 1)])
        assert publish(settings).manifest["checks"]["failed_warning"] == 1

    def test_tables_of_two_runs_are_never_mixed(self, settings: Settings, passed: Passed):
        passed()
        meta.record_builds(settings, "another-run", ["metrics.mrr_rollforward"])
        with pytest.raises(NotPublishable, match=r"metrics.mrr_rollforward was built by another run"):
            publish(settings)

    def test_a_run_is_published_once(self, settings: Settings, passed: Passed):
        passed()
        first = publish(settings)
        again = publish(settings)
        assert again.manifest["published_at"] == first.manifest["published_at"]
        assert len(versions_of(settings)) == 1


class TestRollback:
    def test_it_points_back_and_the_next_publish_points_forward(self, settings: Settings, passed: Passed):
        runs = []
        for _ in range(3):
            runs.append(passed().run_id)
            publish(settings)
        assert rollback(settings).run_id == runs[1] and runs_in(settings.published_path) == {runs[1]}
        assert rollback(settings).run_id == runs[0]
        with pytest.raises(NotPublishable, match="no version before"):
            rollback(settings)
        assert rollback(settings, runs[2]).run_id == runs[2]
        newest = passed().run_id
        publish(settings)
        assert current(settings).run_id == newest

    def test_the_earlier_one_is_the_one_published_earlier_even_if_its_instant_is_later(self, settings, passed):
        later = passed().run_id
        publish(settings)
        yesterday = settings.model_copy(update={"as_of": settings.as_of.replace(day=1)})
        make_run(yesterday)
        assert publish(yesterday).run_id < later
        assert rollback(settings).run_id == later

    def test_a_version_that_does_not_exist_is_named_with_those_that_do(self, settings: Settings, passed: Passed):
        run = passed()
        publish(settings)
        with pytest.raises(NotPublishable, match=run.run_id):
            rollback(settings, "20200101T000000Z-x")

    @pytest.mark.parametrize("name", ["../../../etc/passwd", "/etc/passwd", "..", ""])
    def test_a_version_is_a_name_not_a_path(self, settings: Settings, passed: Passed, name: str):
        passed()
        publish(settings)
        with pytest.raises(NotPublishable):
            rollback(settings, name)

    def test_a_damaged_version_is_refused(self, settings: Settings, passed: Passed):
        passed()
        first = publish(settings)
        passed()
        second = publish(settings)
        content = bytearray(first.path.read_bytes())
        content[-100] ^= 0xFF
        first.path.write_bytes(content)
        assert "sha256" in damage_of(first)
        with pytest.raises(NotPublishable, match="sha256"):
            rollback(settings)
        assert current(settings).run_id == second.run_id


class TestLink:
    def test_a_link_that_leads_elsewhere_is_not_followed(self, settings: Settings, passed: Passed, tmp_path: Path):
        passed()
        version = publish(settings)
        outside = tmp_path / "outside.duckdb"
        outside.write_bytes(version.path.read_bytes())
        for target in (outside, Path("../../outside.duckdb"), Path("versions/../../../outside.duckdb")):
            settings.published_path.unlink()
            settings.published_path.symlink_to(target)
            with pytest.raises(NotPublishable, match="not one of its versions"):
                current(settings)
        settings.published_path.unlink()
        (version.path.parent / "linked.duckdb").symlink_to(outside)
        settings.published_path.symlink_to(Path("versions/linked.duckdb"))
        with pytest.raises(NotPublishable, match="not one of its versions"):
            current(settings)
        assert "linked" not in [found.run_id for found in versions_of(settings)]

    def test_a_file_in_its_place_is_left_alone(self, settings: Settings, passed: Passed):
        passed()
        publish(settings)
        settings.published_path.unlink()
        settings.published_path.write_text("somebody's own")
        with pytest.raises(NotPublishable, match="not a symlink"):
            current(settings)


KILLED = """
    import os, signal, sys
    from pathlib import Path
    from warehouse import publish as module
    from warehouse.settings import Settings
    settings, point = Settings(data_dir=Path(sys.argv[1]), keep_versions=2, _env_file=None), sys.argv[2]
    def die(*_, **__):
        os.kill(os.getpid(), signal.SIGKILL)
    if point == "copying":
        module._copy_comments = die
    elif point == "before the swap":
        module._swap = die
    elif point == "within the swap":
        def replace(self, target, own=Path.replace):
            return die() if self.name.startswith(".throughline") else own(self, target)
        Path.replace = replace
    module.publish(settings, step=lambda name: die() if name == point else None)
"""

POINTS = [
    "copying",
    "copied",
    "synced",
    "described",
    "named",
    "before the swap",
    "within the swap",
    "swapped",
    "pruned",
]


@pytest.mark.parametrize("point", POINTS)
def test_a_kill_at_any_point_leaves_a_version_and_the_next_publish_works(settings, passed, point: str):
    before = passed().run_id
    publish(settings)
    during = passed().run_id
    script = textwrap.dedent(KILLED)
    done = subprocess.run([sys.executable, "-c", script, str(settings.data_dir), point], capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    expected = during if point in ("swapped", "pruned") else before
    assert runs_in(settings.published_path) == {expected} == {current(settings).run_id}
    assert damage_of(current(settings)) is None

    assert publish(settings).run_id == during
    assert runs_in(settings.published_path) == {during}
    after = passed().run_id
    publish(settings)
    assert current(settings).run_id == after
    leftovers = [path.name for path in settings.published_path.parent.rglob("*") if "building" in path.name]
    assert leftovers == []


READER = """
    import sys, duckdb
    path = sys.argv[1]
    print("reading", flush=True)
    seen = []
    while not seen or seen[-1] != "end":
        with duckdb.connect(path, read_only=True) as connection:
            row = connection.execute('''
                select
                    (select any_value(run_id) from journey.dim_accounts),
                    (select any_value(run_id) from insights.forecast),
                    (select min(run_id) from metrics.mrr_rollforward),
                    (select max(run_id) from metrics.mrr_rollforward),
                    (select max_by(run_id, started_at) from meta.runs),
                    (select count(*) from metrics.mrr_rollforward)
            ''').fetchone()
        assert len(set(row[:5])) == 1, f"two runs mixed: {row}"
        if not seen or seen[-1] != row[0]:
            seen.append(row[0]); print(row[0], flush=True)
        if row[5] == 999:
            break
"""


def test_a_reader_that_polls_through_ten_publishes_never_fails_and_sees_one_run_at_a_time(settings, passed):
    runs = [passed().run_id]
    publish(settings)
    readers = [
        subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(READER), str(settings.published_path)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    try:
        for reader in readers:
            assert reader.stdout.readline().strip() == "reading"
        for number in range(1, 11):
            runs.append(passed(marks=999 if number == 10 else number).run_id)
            publish(settings.model_copy(update={"keep_versions": 2}))
        for reader in readers:
            said, failed = reader.communicate(timeout=30)
            assert reader.returncode == 0, failed
            seen = said.split()
            assert seen == [run for run in runs if run in seen], "versions only go forward"
            assert seen[-1] == runs[-1] and len(seen) > 3
    finally:
        for reader in readers:
            reader.kill()
            reader.wait()
