"""Objects become versions: typing, hashes, quarantine, duplicates, deletions."""

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestion.versions import (
    QUARANTINE_SCHEMA,
    Column,
    Stream,
    canonical_json,
    content_hash,
    deletion,
    fields_of,
    mapped_fields,
    read_path,
    to_versions,
)

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(days=1)
KINDS = ("t", "i", "d", "b", "ts", "dt", "j")
PLAIN = Stream("things", (Column("name", "t"), Column("size", "i")))
DATED = Stream("things", (Column("name", "t"),), modified_path="updated", modified_unit="ms", deleted_path="archived")


def one(kind: str, value: Any, unit: str = "s") -> tuple[Any, str | None]:
    """The typed value, or the reason for quarantine."""
    stream = Stream("s", (Column("x", kind, unit=unit),))  # type: ignore[arg-type]
    versions, rejected = to_versions(stream, [{"id": "1", "x": value}], NOW)
    if rejected.num_rows:
        assert versions.num_rows == 0
        return None, rejected.to_pylist()[0]["reason"]
    return versions.to_pylist()[0]["x"], None


@pytest.mark.parametrize(
    ("kind", "value", "unit", "expected"),
    [
        ("t", "a", "s", "a"), ("t", "", "s", None), ("t", 51, "s", "51"), ("t", True, "s", "true"),
        ("t", None, "s", None),
        ("t", " a ", "s", " a "), ("t", "a\x00b", "s", "a\x00b"),
        ("i", 5, "s", 5), ("i", "5", "s", 5), ("i", "-5", "s", -5), ("i", 5.0, "s", 5), ("i", "5.0", "s", 5),
        ("i", "", "s", None), ("i", 2**63 - 1, "s", 2**63 - 1), ("i", "1e3", "s", 1000), ("i", " 7 ", "s", 7),
        ("d", 1.1, "s", Decimal("1.1")), ("d", "1.10", "s", Decimal("1.1")), ("d", 7, "s", Decimal(7)),
        ("d", "0.200000000000000011102230246251565404236316680908203125", "s", Decimal("0.2")),
        ("d", "99999999999999999999999999.999999999999", "s", Decimal("99999999999999999999999999.999999999999")),
        ("b", True, "s", True), ("b", "false", "s", False), ("b", "TRUE", "s", True), ("b", 1, "s", True),
        ("ts", 1_780_000_000, "s", datetime.fromtimestamp(1_780_000_000, UTC)),
        ("ts", 1_780_000_000_123, "ms", datetime.fromtimestamp(1_780_000_000.123, UTC)),
        ("ts", "1780000000123", "ms", datetime.fromtimestamp(1_780_000_000.123, UTC)),
        ("ts", "2026-01-02T03:04:05.678Z", "s", datetime(2026, 1, 2, 3, 4, 5, 678000, UTC)),
        ("ts", "2026-01-02T03:04:05+02:00", "s", datetime(2026, 1, 2, 1, 4, 5, tzinfo=UTC)),
        ("ts", "2026-01-02T03:04:05.000+0000", "s", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("ts", "2026-01-02T03:04:05", "s", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("ts", "2026-01-02", "s", datetime(2026, 1, 2, tzinfo=UTC)),
        ("dt", "2026-01-02", "s", date(2026, 1, 2)), ("dt", "", "s", None),
        ("j", {"b": 1, "a": [None]}, "s", '{"a":[null],"b":1}'), ("j", [], "s", "[]"), ("j", None, "s", None),
    ],
)  # fmt: skip
def test_values_are_typed(kind: str, value: Any, unit: str, expected: Any) -> None:
    assert one(kind, value, unit) == (expected, None)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("t", {"a": 1}), ("t", ["a"]), ("i", 1.5), ("i", "1.5"), ("i", "abc"), ("i", True), ("i", 2**63), ("i", "0x1F"),
        ("i", 1e300), ("i", "1e999"), ("i", [1]), ("i", "１２"),
        ("d", "abc"), ("d", "NaN"), ("d", "1,5"), ("d", True), ("d", 10**26),
        ("d", "Infinity"), ("d", "1_000"), ("b", "yes"), ("b", 2), ("b", 0.5), ("b", []),
        ("ts", "yesterday"), ("ts", True),
        ("ts", 1_780_000_000_000), ("ts", "2026-13-01T00:00:00Z"), ("ts", {}), ("ts", 10**30),
        ("dt", 5), ("dt", "2026-02-30"), ("dt", "01/02/2026"),
    ],
)  # fmt: skip
def test_what_cannot_be_typed_goes_to_quarantine_with_field_and_value(kind: str, value: Any) -> None:
    typed, reason = one(kind, value)
    assert typed is None
    assert reason is not None and reason.startswith("x: ")
    assert repr(value)[:40] in reason


def test_one_bad_row_leaves_its_neighbours_alone() -> None:
    rows = [{"id": str(n), "size": n if n != 3 else "many"} for n in range(6)]
    versions, rejected = to_versions(PLAIN, rows, NOW)
    assert versions.column("id").to_pylist() == ["0", "1", "2", "4", "5"]
    assert versions.column("size").to_pylist() == [0, 1, 2, 4, 5]
    assert rejected.to_pylist() == [
        {
            "stream": "things",
            "id": "3",
            "reason": "size: 'many' is not a whole number",
            "payload": '{"id":"3","size":"many"}',
            "extracted_at": NOW,
        }
    ]
    assert rejected.schema == QUARANTINE_SCHEMA


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        ({"name": "x"}, "id: missing"),
        ({"id": "", "name": "x"}, "id: missing"),
        ({"id": {"a": 1}}, "id: {'a': 1} is not text"),
        (5, "5 is not a JSON object"),
        (None, "None is not a JSON object"),
        ([1], "[1] is not a JSON object"),
        ({"id": "1", "name": "\ud800"}, "payload: cannot be stored"),
    ],
)
def test_objects_that_are_none(item: Any, reason: str) -> None:
    versions, rejected = to_versions(PLAIN, [item, {"id": "9"}], NOW)
    assert versions.column("id").to_pylist() == ["9"]
    (row,) = rejected.to_pylist()
    assert row["reason"].startswith(reason)
    json.loads(row["payload"])


def test_a_missing_own_instant_is_a_reason() -> None:
    _, rejected = to_versions(DATED, [{"id": "1"}, {"id": "2", "updated": "soon"}], NOW)
    assert [row["reason"] for row in rejected.to_pylist()] == [
        "updated: missing, and it dates the object",
        "updated: 'soon' is not an instant",
    ]


def test_paths_alternatives_and_functions() -> None:
    stream = Stream(
        "s",
        (
            Column("customer", "t", "customer.id|customer"),
            Column("deep", "t", "a.b.c"),
            Column("total", "i", lambda item: sum(item["amounts"])),
        ),
    )
    rows = [
        {"id": "1", "customer": "cus_1", "a": {"b": {"c": "x"}}, "amounts": [1, 2]},
        {"id": "2", "customer": {"id": "cus_2"}, "a": {"b": "flat"}, "amounts": []},
        {"id": "3", "a": None, "amounts": ["1"]},
        {"id": "4"},
    ]
    versions, rejected = to_versions(stream, rows, NOW)
    assert versions.select(["customer", "deep", "total"]).to_pylist() == [
        {"customer": "cus_1", "deep": "x", "total": 3},
        {"customer": "cus_2", "deep": None, "total": 0},
    ]
    assert [row["reason"].split(":")[0] for row in rejected.to_pylist()] == ["total", "total"]


def test_payload_keeps_everything_in_a_canonical_form() -> None:
    item = {"z": 1, "id": "1", "a": {"y": [1, {"c": None}], "b": "ü"}, "big": 2**70, "f": 1.10}
    versions, _ = to_versions(PLAIN, [item], NOW)
    payload = versions.column("payload").to_pylist()[0]
    assert json.loads(payload) == item
    assert payload == canonical_json(dict(reversed(item.items())))
    assert " " not in payload
    assert versions.column("content_hash").to_pylist() == [content_hash(payload)]


def test_there_and_back_again_is_three_versions() -> None:
    rows = [{"id": "1", "name": name, "updated": n} for n, name in enumerate("ABA")]
    versions, _ = to_versions(DATED, rows, NOW)
    assert len(set(versions.column("version_hash").to_pylist())) == 3
    again, _ = to_versions(DATED, rows, LATER)
    assert again.column("version_hash").to_pylist() == versions.column("version_hash").to_pylist()


def test_without_an_instant_of_its_own_only_changed_content_is_a_version() -> None:
    first, _ = to_versions(PLAIN, [{"id": "1", "name": "A"}, {"id": "2", "name": "B"}], NOW)
    current = dict(zip(first.column("id").to_pylist(), first.column("content_hash").to_pylist(), strict=True))
    second, _ = to_versions(PLAIN, [{"name": "A", "id": "1"}, {"id": "2", "name": "C"}], LATER, current)
    assert second.column("id").to_pylist() == ["2"]
    assert second.column("modified_at").to_pylist() == [LATER]


def test_observations_may_differ_by_object() -> None:
    versions, _ = to_versions(PLAIN, [{"id": "1"}, {"id": "2"}], [NOW, LATER], extracted_at=LATER)
    assert versions.column("modified_at").to_pylist() == [NOW, LATER]
    assert versions.column("extracted_at").to_pylist() == [LATER, LATER]
    with pytest.raises(ValueError, match="2 objects but 1 instants"):
        to_versions(PLAIN, [{"id": "1"}, {"id": "2"}], [NOW], extracted_at=NOW)
    with pytest.raises(ValueError, match="time zone"):
        to_versions(PLAIN, [{"id": "1"}], datetime(2026, 1, 1))


def test_repeated_objects_of_a_run_are_left_out() -> None:
    seen: set[bytes] = set()
    rows = [{"id": "1", "updated": 1}, {"id": "1", "updated": 1}, {"id": "1", "updated": 2}]
    assert to_versions(DATED, rows, NOW, seen=seen)[0].num_rows == 2
    assert to_versions(DATED, rows, NOW, seen=seen)[0].num_rows == 0


def test_archived_objects_are_deletions() -> None:
    rows = [{"id": "1", "updated": 1, "archived": False}, {"id": "2", "updated": 1, "archived": True}]
    assert to_versions(DATED, rows, NOW)[0].column("is_deleted").to_pylist() == [False, True]


def test_a_deletion_carries_what_was_known() -> None:
    last, _ = to_versions(PLAIN, [{"id": "1", "name": "A", "size": 5}], NOW)
    gone = deletion(PLAIN, ["1", "2"], LATER, last)
    assert gone.schema == PLAIN.arrow_schema
    first, second = gone.to_pylist()
    assert (first["name"], first["size"], first["is_deleted"]) == ("A", 5, True)
    assert first["payload"] == last.column("payload").to_pylist()[0]
    assert (second["payload"], second["name"]) == ("{}", None)
    same_second = deletion(PLAIN, ["1"], NOW, last)
    assert same_second.column("version_hash").to_pylist() != last.column("version_hash").to_pylist()
    assert deletion(PLAIN, [], NOW).num_rows == 0


def test_declarations_are_checked() -> None:
    with pytest.raises(ValueError, match="declared twice: payload"):
        Stream("s", (Column("payload", "t"),))
    with pytest.raises(ValueError, match="deleted_path needs modified_path"):
        Stream("s", (), deleted_path="archived")


def test_fields_and_what_reads_them() -> None:
    stream = Stream(
        "s", (Column("a", "t", "properties.x|properties.y"), Column("b", "t", "o.p")), container="properties"
    )
    found = fields_of(stream, [{"id": "1", "properties": {"x": 1, "z": 2}}, {"id": "2", "new": 1, "properties": None}])
    assert found == {"id", "properties", "new", "properties.x", "properties.z"}
    assert found - mapped_fields(stream) == {"new", "properties.z"}


def test_no_objects_no_rows() -> None:
    versions, rejected = to_versions(PLAIN, [], NOW)
    assert (versions.num_rows, versions.schema, rejected.num_rows) == (0, PLAIN.arrow_schema, 0)


scalars = (
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text() | st.sampled_from(["2026-01-01", "2026-01-01T00:00:00Z", "12", "1.5", "true", "-3", "1780000000000"])
)  # fmt: skip
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
)


@settings(max_examples=150, deadline=None)
@given(st.lists(values, max_size=6))
def test_every_object_ends_typed_or_in_quarantine_and_alone_as_in_company(column: list[Any]) -> None:
    for kind in KINDS:
        single = Stream("s", (Column("x", kind),))  # type: ignore[arg-type]
        rows = [{"id": str(n), "x": value} for n, value in enumerate(column)]
        versions, rejected = to_versions(single, rows, NOW)
        assert versions.num_rows + rejected.num_rows == len(rows)
        together = dict(
            zip(versions.column("id").to_pylist(), versions.column("x").cast(pa.string()).to_pylist(), strict=True)
        )
        for row in rows:
            alone, _ = to_versions(single, [dict(row)], NOW)
            expected = alone.column("x").cast(pa.string()).to_pylist()
            assert ([together[row["id"]]] if row["id"] in together else []) == expected
            # A value is never lost: NULL stands for no value only.
            if expected == [None]:
                assert row["x"] is None or row["x"] == ""


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(st.text(), values, max_size=5))
def test_equal_content_has_one_text(item: dict[str, Any]) -> None:
    text = canonical_json(item)
    assert json.loads(text) == json.loads(json.dumps(item))
    assert canonical_json(json.loads(text)) == text


@given(
    st.dictionaries(st.sampled_from("ab"), st.none() | st.text() | st.dictionaries(st.sampled_from("ab"), st.text()))
)
def test_reading_a_path_never_fails_on_data(item: dict[str, Any]) -> None:
    read_path(item, "a.b|b")
