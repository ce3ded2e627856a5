"""The raw ledger in a lake: what differs from the build file. `test_load.py` runs on both."""

import errno
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pytest
from fsspec.implementations.local import LocalFileSystem

from ingestion import load, raw, raw_lake
from ingestion.load import LoadFailed, run_source
from ingestion.versions import QUARANTINE_KEY, QUARANTINE_SCHEMA
from tests.ingestion.toy_source import STREAMS, builder, thing
from warehouse import lake as lakes
from warehouse.settings import Settings

Give = Callable[..., None]


@pytest.fixture
def give(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Give:
    """Sets what the toy source reads."""
    import json

    file = tmp_path / "given.json"
    monkeypatch.setattr(load, "streams_of", lambda name: STREAMS)
    monkeypatch.setattr(load, "builder_of", lambda name: builder(file))
    return lambda **given: file.write_text(json.dumps(given)) and None


@pytest.fixture
def bucket() -> Iterator[str]:
    """The address of an empty lake in memory, which stands for a bucket."""
    yield "memory://bucket/lake"
    fsspec.filesystem("memory").rm("/bucket", recursive=True)


def settings_of(folder: Path, **more: Any) -> Settings:
    """Settings of a lake."""
    return Settings(_env_file=None, data_dir=folder / "data", target="spark", stripe_api_key="k", **more)


def test_a_bucket_is_a_lake(tmp_path: Path, give: Give, bucket: str) -> None:
    settings = settings_of(tmp_path, lake_url=bucket)
    give(things=[thing(1), thing(2, size="many")], parts=[{"id": "p1", "thing_id": "t1"}])
    assert run_source("stripe", settings).rows_loaded == {"things": 1, "parts": 1, "never": 0}
    files = lakes.open_lake(settings).files("raw_stripe")
    assert run_source("stripe", settings).rows_loaded == {"things": 0, "parts": 0, "never": 0}
    added = lakes.open_lake(settings).files("raw_stripe").keys() - files.keys()
    assert {name.split("/")[1] for name in added} <= {"_dlt_loads", "_dlt_pipeline_state", "_dlt_version"}

    # An unfinished load is undone here too: its rows, its cursors.
    lake = lakes.open_lake(settings)
    (newest,) = [name for name in added if "/_dlt_loads/" in name]
    lake.delete([newest])
    assert raw.recover(settings, "stripe") == 0
    lake.delete([name for name in files if "/_dlt_loads/" in name])
    assert raw.recover(settings, "stripe") == 3
    assert not [name for name in lake.files("raw_stripe") if "/_dlt_pipeline_state/" in name]
    assert run_source("stripe", settings).rows_loaded == {"things": 1, "parts": 1, "never": 0}
    assert not settings.warehouse_path.exists()


def test_half_written_records_of_the_loader_are_removed(tmp_path: Path, give: Give) -> None:
    settings = settings_of(tmp_path, lake_url=f"{tmp_path}/my lake [1] #%20 it's")
    give(things=[thing(1)])
    run_source("stripe", settings)
    folder = Path(settings.lake) / "raw_stripe"
    (folder / "init").write_text("")
    (folder / "_dlt_version" / "raw_stripe__9999999999.1__ab.jsonl").write_text('{"half')
    (folder / "_dlt_loads" / "raw_stripe__9999999999.1.jsonl").write_text('{"half')
    (folder / "things" / "9999999999.1.ab.parquet").write_bytes(b"PAR1")
    (folder / "things" / ".declared.parquet").write_bytes(b"")
    (folder / "parts" / "declared.parquet").write_bytes(b"")
    give(things=[thing(1), thing(2)])
    assert run_source("stripe", settings).rows_loaded["things"] == 1
    left = [str(path.relative_to(folder)) for path in folder.rglob("*") if "9999999999" in path.name]
    assert left == []
    assert sorted(path.name[:8] for path in (folder / "things").iterdir())[-1] == "declared"
    assert len(list((folder / "things").iterdir())) == 3


def test_the_same_rejection_is_stored_once(tmp_path: Path, bucket: str) -> None:
    settings = settings_of(tmp_path, lake_url=bucket)
    raw.ensure_tables(settings, "stripe", STREAMS)
    row = {"stream": "things", "id": "t1", "reason": "no", "payload": "{}", "extracted_at": settings.as_of}
    rows = pa.Table.from_pylist([row, row, row | {"id": "t2"}], QUARANTINE_SCHEMA)
    only_new = raw_lake.only_new(settings, "stripe")
    assert only_new("quarantine", QUARANTINE_KEY, rows).column("id").to_pylist() == ["t1", "t2"]
    assert only_new("quarantine", QUARANTINE_KEY, rows).num_rows == 0
    assert only_new("quarantine", QUARANTINE_KEY, rows).schema == QUARANTINE_SCHEMA


def test_a_lake_that_cannot_be_used_is_one_line(tmp_path: Path, give: Give, monkeypatch: pytest.MonkeyPatch) -> None:
    give(things=[thing(1)])
    with pytest.raises(LoadFailed, match=r"^s3://bucket/x: no client for s3:// is installed: `pip install s3fs`"):
        run_source("stripe", settings_of(tmp_path, lake_url="s3://bucket/x"))

    (tmp_path / "file").write_text("")
    with pytest.raises(LoadFailed, match=r"file/lake: the lake cannot be used .*Not a directory") as failed:
        run_source("stripe", settings_of(tmp_path, lake_url=f"{tmp_path}/file/lake"))
    assert "\n" not in str(failed.value)

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    settings = settings_of(tmp_path)
    monkeypatch.setattr(LocalFileSystem, "put_file", full)
    with pytest.raises(LoadFailed, match=r"^raw_stripe: load failed: .*data/lake: the lake is full \(") as failed:
        run_source("stripe", settings)
    assert "\n" not in str(failed.value)
    monkeypatch.undo()


def test_a_company_that_comes_from_duckdb_brings_its_ledger_along(tmp_path: Path, give: Give) -> None:
    here = Settings(_env_file=None, data_dir=tmp_path / "data", target="duckdb", stripe_api_key="k")
    give(things=[thing(1), thing(2, size="many")], parts=[{"id": "p1", "thing_id": "t1"}])
    assert run_source("stripe", here).rows_loaded == {"things": 1, "parts": 1, "never": 0}
    # the provider has forgotten the first thing by the time of the move
    give(things=[thing(3)], parts=[])
    there = settings_of(tmp_path)
    assert run_source("stripe", there).rows_loaded["things"] == 1
    assert stored_ids(there, "things") == {"t1", "t3"} and stored_ids(there, "quarantine") == {"t2"}
    # once: what the lake has, it keeps
    give(things=[thing(1), thing(3)], parts=[])
    assert run_source("stripe", there).rows_loaded["things"] == 0
    assert raw.recover(there, "stripe") == 0
    assert stored_ids(there, "things") == {"t1", "t3"}


def stored_ids(settings: Settings, table: str) -> set[str]:
    """Ids that a table of the lake holds."""
    with raw.connection(settings, "stripe", table) as con:
        return {key for (key,) in con.execute(f"select id from raw_stripe.{table}").fetchall()}
