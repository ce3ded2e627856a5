"""The lake: tables as files, seen alike by every engine."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from io import BytesIO
from pathlib import Path

import duckdb
import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from warehouse import lake as lakes
from warehouse.lake import LakeError, open_lake
from warehouse.settings import Settings

COLUMNS = pa.schema(
    {
        "id": pa.string(), "seen_at": pa.timestamp("us", tz="UTC"), "amount": pa.decimal128(38, 12), "size": pa.int64(),
        "is_big": pa.bool_(), "day": pa.date32(), "_dlt_load_id": pa.string(),
    }
)  # fmt: skip
ROW = {
    "id": "a", "seen_at": datetime(2026, 1, 2, 3, 4, 5, 6, UTC), "amount": Decimal("1.000000000001"), "size": 2,
    "is_big": True, "day": date(2026, 1, 31), "_dlt_load_id": "1.5",
}  # fmt: skip


@pytest.fixture(params=["folder", "bucket"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Settings]:
    url = str(tmp_path / "lake") if request.param == "folder" else "memory://bucket/lake"
    yield Settings(_env_file=None, data_dir=tmp_path / "data", target="spark", lake_url=url)
    memory = fsspec.filesystem("memory")
    if memory.exists("/bucket"):
        memory.rm("/bucket", recursive=True)


def parquet(columns: pa.Schema, *rows: dict[str, object]) -> bytes:
    content = BytesIO()
    pq.write_table(pa.Table.from_pylist(list(rows), columns), content)
    return content.getvalue()


def test_a_declared_table_is_a_view_with_and_without_rows(settings: Settings) -> None:
    lake = open_lake(settings)
    assert lakes.raw_schemas(lake) == []
    assert lakes.declare(lake, "raw_shop", {"things": COLUMNS, "parts": COLUMNS}) == ["things", "parts"]
    assert lakes.declare(lake, "raw_shop", {"things": COLUMNS}) == []
    assert lakes.declared_schema(lake, "raw_shop", "things") == COLUMNS
    lake.write("raw_shop/things/1.5.ab.parquet", parquet(COLUMNS, ROW))
    lake.write("raw_shop/things/_begun.parquet", b"")
    lake.write("raw_shop/_dlt_loads/raw_shop__1.5.jsonl", b"{}")
    lake.write("other/x/y.parquet", b"")
    # an older file lacks a column, and a later declaration adds one
    lake.write("raw_shop/things/1.4.ab.parquet", parquet(COLUMNS.remove(3), {"id": "old"}))
    assert lakes.declare(lake, "raw_shop", {"things": COLUMNS.append(pa.field("more", pa.string()))}) == ["things"]

    assert lakes.raw_schemas(lake) == ["raw_shop"]
    things = ["declared.parquet", "1.4.ab.parquet", "1.5.ab.parquet"]
    assert lakes.raw_files(lake, "raw_shop")["things"] == [f"raw_shop/things/{name}" for name in things]
    assert lakes.raw_files(lake, "raw_shop", "parts") == {"parts": ["raw_shop/parts/declared.parquet"]}
    assert lakes.raw_files(lake, "raw_nothing") == {}

    with duckdb.connect() as con:
        con.execute("set timezone = 'UTC'")
        made = [("raw_shop", "parts"), ("raw_shop", "things")]
        assert lakes.attach_raw(con, settings) == lakes.attach_raw(con, settings, ["shop"]) == made
        assert con.execute("from raw_shop.parts").fetchall() == []
        assert con.execute("from raw_shop.things where id = 'a'").fetchall() == [(*ROW.values(), None)]
        assert con.execute("select size from raw_shop.things where id = 'old'").fetchall() == [(None,)]
        types = [kind for _, kind, *_ in con.execute("describe raw_shop.things").fetchall()]
    assert types == [
        "VARCHAR", "TIMESTAMP WITH TIME ZONE", "DECIMAL(38,12)", "BIGINT", "BOOLEAN", "DATE", "VARCHAR", "VARCHAR",
    ]  # fmt: skip


def test_a_damaged_file_is_named(settings: Settings) -> None:
    lake = open_lake(settings)
    lake.write("raw_shop/things/declared.parquet", b"PAR1 this is no file")
    assert lakes.declared_schema(lake, "raw_shop", "things") is None
    with duckdb.connect() as con, pytest.raises(LakeError, match=r"a file of the lake is damaged .*declared.parquet"):
        lakes.attach_raw(con, settings)
    assert lakes.declare(lake, "raw_shop", {"things": COLUMNS}) == ["things"]
    with duckdb.connect() as con:
        lakes.attach_raw(con, settings)
    lake.delete(["raw_shop/things/declared.parquet", "raw_shop/things/never.parquet"])
    with pytest.raises(LakeError, match="the lake cannot be used"):
        lake.read("raw_shop/things/declared.parquet")


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ("[Errno 28] No space left on device", "the lake is full"),
        ("[Errno 13] Permission denied: '/x'", "this account may not use the lake"),
        (
            "An error occurred (AccessDenied)\nmore",
            "this account may not use the lake (An error occurred (AccessDenied))",
        ),
        ("Could not connect to the endpoint", "the lake cannot be used (Could not connect to the endpoint): check"),
    ],
)
def test_trouble_is_one_line_without_passwords(reason: str, told: str) -> None:
    line = lakes.trouble("sftp://me:secret@host/x", reason)
    assert line.startswith(f"sftp://me:***@host/x: {told}")
    assert "\n" not in line


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("gs://bucket/x", r"gs://bucket/x: no client for gs:// is installed: `pip install gcsfs`"),
        ("nosuch://bucket/x", r"nosuch://bucket/x: no lake can be there .*set THROUGHLINE_LAKE_URL"),
    ],
)
def test_an_address_without_a_client(url: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(LakeError, match=f"^{told}"):
        open_lake(Settings(_env_file=None, data_dir=tmp_path, target="spark", lake_url=url))
