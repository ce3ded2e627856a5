"""The loader: insert-only, crash-safe, declared types, and a report that adds up, in the build file and in the lake."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ingestion import load, raw
from ingestion.http import SourceError
from ingestion.load import LoadReport, run_source
from ingestion.versions import Stream
from tests.ingestion.crash_run import POINTS
from tests.ingestion.toy_source import STREAMS, builder, thing
from warehouse.settings import Settings

START = datetime(2026, 6, 1, tzinfo=UTC)
TARGETS = ("duckdb", "spark")


class Toy:
    """A folder with the toy source's input and its warehouse."""

    def __init__(self, folder: Path, target: str = "duckdb") -> None:
        self.folder = folder
        self.target = target
        self.file = folder / "given.json"
        self.as_of = START

    def settings(self, **more: Any) -> Settings:
        given = {"data_dir": self.folder / "data", "stripe_api_key": "k", "as_of": self.as_of, "target": self.target}
        given |= more
        return Settings(_env_file=None, **given)

    def give(self, **given: Any) -> None:
        self.file.write_text(json.dumps(given))

    def run(self, **options: Any) -> LoadReport:
        report = run_source("stripe", self.settings(), **options)
        self.as_of += timedelta(days=1)
        return report

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        with raw.connection(self.settings(), "stripe") as con:
            return con.execute(sql).fetchall()

    def completed_loads(self) -> set[str]:
        """Ids of the loads that are marked as completed."""
        if self.target == "duckdb":
            return {key for (key,) in self.query("select load_id from raw_stripe._dlt_loads where status = 0")}
        markers = Path(self.settings().lake, "raw_stripe", "_dlt_loads").iterdir()
        return {json.loads(marker.read_text())["load_id"] for marker in markers}

    def repeat(self, stream: str) -> None:
        """Store every row of a stream a second time."""
        if self.target == "duckdb":
            with duckdb.connect(str(self.settings().warehouse_path)) as con:
                con.execute(f"insert into raw_stripe.{stream} from raw_stripe.{stream}")
            return
        for file in Path(self.settings().lake, "raw_stripe", stream).glob("[0-9]*.parquet"):
            shutil.copy(file, file.with_name(f"{file.name.removesuffix('.parquet')}2.parquet"))

    def content(self) -> dict[str, list[tuple[Any, ...]]]:
        """What is stored, without when it was loaded."""
        return {
            stream.name: self.query(
                f"select id, payload, is_deleted, count(*) from raw_stripe.{stream.name} group by all order by all"
            )
            for stream in STREAMS
        }


@pytest.fixture(params=TARGETS)
def toy(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Toy:
    made = Toy(tmp_path, request.param)
    monkeypatch.setattr(load, "streams_of", lambda name: STREAMS)
    monkeypatch.setattr(load, "builder_of", lambda name: builder(made.file))
    return made


def test_types_arrive_as_declared_and_nothing_is_loaded_twice(toy: Toy) -> None:
    toy.give(things=[thing(n) for n in range(10)], parts=[{"id": "p1", "thing_id": "t1"}])
    first = toy.run()
    assert first.rows_loaded == {"things": 10, "parts": 1, "never": 0}
    assert first.rows_read == {"things": 10, "parts": 1}
    assert first.is_configured and len(first.load_ids) == 1

    types = dict(
        toy.query(
            "select column_name, data_type from information_schema.columns "
            "where table_schema = 'raw_stripe' and table_name = 'things'"
        )
    )
    assert types == {
        "id": "VARCHAR", "modified_at": "TIMESTAMP WITH TIME ZONE", "is_deleted": "BOOLEAN", "content_hash": "VARCHAR",
        "version_hash": "VARCHAR", "extracted_at": "TIMESTAMP WITH TIME ZONE", "payload": "VARCHAR",
        "_dlt_load_id": "VARCHAR", "name": "VARCHAR", "amount": "DECIMAL(38,12)", "size": "BIGINT", "is_big": "BOOLEAN",
        "seen_at": "TIMESTAMP WITH TIME ZONE", "day": "DATE", "more": "VARCHAR",
    }  # fmt: skip
    ((amount, size, extracted, load_id, more),) = toy.query(
        "select amount, size, extracted_at, _dlt_load_id, more from raw_stripe.things where id = 't7'"
    )
    assert (amount, size, extracted) == (Decimal("12.345678901234"), 7, START)
    assert (load_id, more) == (first.load_ids[0], '{"a":null,"b":[1]}')
    if toy.target == "duckdb":
        assert toy.query("select count(*) from raw_stripe_staging.things") == [(0,)]

    before = toy.content()
    again = toy.run()
    assert again.rows_loaded == {"things": 0, "parts": 0, "never": 0}
    assert toy.content() == before

    # A stale replay after a newer version adds nothing and leaves the newer one the newest.
    toy.give(things=[thing(1, updated=5, name="new")], parts=[{"id": "p1", "thing_id": "t2"}])
    assert toy.run().rows_loaded == {"things": 1, "parts": 1, "never": 0}
    toy.give(things=[thing(1)], gone=["p1"])
    assert toy.run().rows_loaded == {"things": 0, "parts": 1, "never": 0}
    newest = raw.newest_versions(toy.settings(), "stripe", STREAMS[0], ["t1"]).to_pylist()
    assert [row["name"] for row in newest] == ["new"]

    # Gone once, gone for good, until it comes back.
    assert raw.live_ids(toy.settings(), "stripe", "parts") == set()
    assert toy.run(streams=["parts"]).rows_loaded["parts"] == 0
    toy.give(parts=[{"id": "p1", "thing_id": "t2"}])
    assert toy.run(streams=["parts"]).rows_loaded["parts"] == 1
    assert load.current_hashes("stripe", "parts", toy.settings()).keys() == {"p1"}

    open_files = [fd.readlink().name for fd in Path("/proc/self/fd").iterdir() if fd.exists()]
    assert not [name for name in open_files if name.endswith((".duckdb", ".wal"))]


def test_quarantine_and_drift_are_stored_once_and_reported(toy: Toy) -> None:
    toy.give(things=[thing(1), thing(2, size="many"), {"name": "no id", "updated": 1}], broken=["{"])
    report = toy.run()
    assert report.rows_quarantined == {"things": 3}
    assert report.rows_loaded["things"] == 1
    stored = toy.query("select stream, id, reason, payload from raw_stripe.quarantine order by reason")
    assert [row[:3] for row in stored] == [
        ("things", "", "id: missing, and it identifies the object"),
        ("things", "", "not JSON"),
        ("things", "t2", "size: 'many' is not a whole number"),
    ]
    assert stored[1][3] == "{"
    assert report.new_fields == {}

    toy.give(things=[thing(1), thing(2, size="many"), thing(3, shade="blue", depth=3)])
    report = toy.run()
    assert report.rows_quarantined == {"things": 1}
    assert report.new_fields == {"things": ("depth", "shade")}
    assert toy.run().new_fields == {}
    assert toy.query("select count(*) from raw_stripe.quarantine") == [(3,)]
    drift = toy.query("select stream, field, example_type, first_seen_at from raw_stripe.drift order by field")
    when = START + timedelta(days=1)
    assert drift == [("things", "depth", "number", when), ("things", "shade", "text", when)]


def test_regression_what_a_later_stream_of_a_reader_rejects_is_stored_in_the_same_run(toy: Toy) -> None:
    """The loader takes turns among readers; a report made before the last stream came lost its rows."""
    toy.give(
        things=[thing(1)],
        parts=[{"id": "p1", "thing_id": "t1"}],
        never=[{"name": "no id"}, {"id": "n1", "name": "x", "shade": "blue"}],
    )
    report = toy.run()
    assert report.rows_quarantined == {"never": 1}
    assert toy.query("select stream, payload from raw_stripe.quarantine") == [("never", '{"name":"no id"}')]
    assert toy.query("select stream, field from raw_stripe.drift") == [("never", "shade")]


def test_a_source_that_is_off_has_its_tables(toy: Toy) -> None:
    report = run_source("stripe", toy.settings(stripe_api_key=None))
    assert not report.is_configured and report.load_ids == ()
    tables = toy.query("select table_name from information_schema.tables where table_schema = 'raw_stripe' order by 1")
    assert [name for (name,) in tables] == ["drift", "never", "parts", "quarantine", "things"]
    assert toy.query("select * from raw_stripe.never") == []
    # Switched on later, it loads into them.
    toy.give(things=[thing(1)])
    assert toy.run().rows_loaded["things"] == 1


def test_a_column_declared_later_is_added(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    narrow = tuple(Stream("parts", ()) if stream.name == "parts" else stream for stream in STREAMS)
    monkeypatch.setattr(load, "streams_of", lambda name: narrow)
    toy.give(parts=[{"id": "p1", "thing_id": "t1"}])
    toy.run()
    assert "thing_id" not in [name for name, *_ in toy.query("describe raw_stripe.parts")]
    monkeypatch.setattr(load, "streams_of", lambda name: STREAMS)
    toy.give(parts=[{"id": "p2", "thing_id": "t2"}])
    assert toy.run().rows_loaded["parts"] == 1
    assert toy.query("select id, thing_id from raw_stripe.parts order by id") == [("p1", None), ("p2", "t2")]


def test_streams_can_be_chosen_and_keep_their_own_cursors(toy: Toy) -> None:
    toy.give(things=[thing(1)], parts=[{"id": "p1"}])
    seen: list[tuple[str, int]] = []
    report = toy.run(streams=["parts"], progress=lambda stream, rows: seen.append((stream, rows)))
    assert report.streams == ("parts", "never")
    assert report.rows_loaded == {"parts": 1, "never": 0}
    assert seen == [("parts", 1)]
    toy.run(streams=["never"])
    assert cursors(toy) == {"parts": 2}
    toy.run()
    assert cursors(toy) == {"parts": 3, "things": 1}
    with pytest.raises(ValueError, match="stripe has no stream nothing; it has things, parts, never"):
        toy.run(streams=["nothing"])


def cursors(toy: Toy) -> dict[str, int]:
    """How often each reader's run was committed."""
    pipeline = load.pipeline_for("stripe", toy.settings())
    load.prepare("stripe", toy.settings())
    pipeline = load.pipeline_for("stripe", toy.settings())
    pipeline.sync_destination()
    resources = pipeline.state["sources"]["raw_stripe"]["resources"]
    return {name: state["runs"] for name, state in resources.items()}


def test_a_source_that_fails_half_way_changes_nothing(toy: Toy) -> None:
    toy.give(things=[thing(1)], parts=[{"id": "p1"}])
    toy.run()
    before = toy.content()
    toy.give(things=[thing(n) for n in range(5000)], fail="stripe things: the server is down")
    with pytest.raises(SourceError, match=r"^stripe things: the server is down$"):
        toy.run()
    assert toy.content() == before

    # A damaged working folder is thrown away with the rest of the failed run.
    folder = toy.settings().pipelines_dir / "raw_stripe"
    (folder / "state.json").write_text('{"half')
    (folder / "normalized" / "junk").mkdir(parents=True)
    toy.give(things=[thing(1), thing(2)])
    assert toy.run().rows_loaded["things"] == 1
    assert cursors(toy) == {"things": 2, "parts": 2}


def test_a_key_stored_twice_is_an_error(toy: Toy) -> None:
    toy.give(things=[thing(1)])
    report = toy.run()
    toy.repeat("things")
    with pytest.raises(raw.RawDamaged, match=r"raw_stripe.things: version \w+ of t1 is stored more than once"):
        raw.check_unique(toy.settings(), "stripe", ["things"], report.load_ids)


def test_what_is_to_happen_after_the_commit_happens_after_it(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    count: Callable[[], None] = lambda: seen.append(len(toy.query("from raw_stripe.things")))  # noqa: E731
    monkeypatch.setattr(load, "builder_of", lambda name: builder(toy.file, count))
    toy.give(things=[thing(1)], fail="no")
    with pytest.raises(SourceError):
        toy.run()
    assert seen == []
    toy.give(things=[thing(1), thing(2)])
    toy.run()
    assert seen == [2]


# --- crashes --------------------------------------------------------------------------------------------------------

BEFORE = {"things": [thing(n) for n in range(5)], "parts": [{"id": f"p{n}", "thing_id": "t1"} for n in range(3)]}
AFTER = {
    "things": [thing(n, updated=1 + (n == 4)) for n in range(9)],
    "parts": [{"id": f"p{n}", "thing_id": "t2" if n == 1 else "t1"} for n in range(5) if n != 2],
    "gone": ["p2"],
}


CRASHES = [(target, point) for target in TARGETS for point in POINTS[target]]


@pytest.fixture(scope="module")
def crashed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], dict[str, Toy]]]:
    """By target, one ledger per point: a finished load, and a second one that was killed there."""
    patch = pytest.MonkeyPatch()
    patch.setattr(load, "streams_of", lambda name: STREAMS)
    made: dict[str, dict[str, Toy]] = {}

    def toys_of(target: str) -> dict[str, Toy]:
        if target not in made:
            made[target] = _crash(Toy(tmp_path_factory.mktemp(target), target), patch)
        return made[target]

    yield toys_of
    patch.undo()


def _crash(base: Toy, patch: pytest.MonkeyPatch) -> dict[str, Toy]:
    patch.setattr(load, "builder_of", lambda name: builder(base.file))
    base.give(**BEFORE)
    base.run()
    base.give(**AFTER)
    points = POINTS[base.target]
    toys = {point: Toy(base.folder.with_name(f"{base.target}_{point}"), base.target) for point in (*points, "none")}
    for toy in toys.values():
        shutil.copytree(base.folder, toy.folder)
    asked = [f"{point}={toys[point].folder}" for point in points]
    command = [sys.executable, "-m", "tests.ingestion.crash_run", base.target, *asked]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout.splitlines() == [f"{point} -9" for point in points], done.stderr
    return toys


@pytest.mark.parametrize(("target", "point"), CRASHES)
def test_a_run_killed_at_any_point_costs_nothing_but_time(
    target: str, point: str, crashed: Callable[[str], dict[str, Toy]], monkeypatch: pytest.MonkeyPatch
) -> None:
    toys = crashed(target)
    expected, toy = toys["none"], toys[point]
    monkeypatch.setattr(load, "builder_of", lambda name: builder(expected.file))
    if expected.as_of == START:
        expected.as_of += timedelta(days=400)
        expected.run()
    toy.as_of += timedelta(days=401)

    monkeypatch.setattr(load, "builder_of", lambda name: builder(toy.file))
    toy.run()
    assert toy.content() == expected.content()
    assert all(count == 1 for rows in toy.content().values() for *_, count in rows)
    stored = toy.completed_loads()
    for stream in ("things", "parts"):
        loads = toy.query(f"select distinct _dlt_load_id from raw_stripe.{stream}")
        assert {key for (key,) in loads} <= stored
    # Cursors are those of the loads that are stored, no more and no fewer.
    assert len(stored) == (3 if point == "after_marker" else 2)
    assert set(cursors(toy).values()) == {len(stored)}
