"""A source that reads a JSON file, to load the raw ledger with what a test wants.

The file holds {"things": [...], "parts": [...], "gone": [ids of parts], "fail": message}. Things have an instant of
their own, parts have none.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

from ingestion.extract import Context, Item, Page, Reader, Rejected, Removed, State
from ingestion.http import SourceError
from ingestion.versions import Column, Stream
from warehouse.settings import Settings

STREAMS = (
    Stream(
        "things",
        (
            Column("name", "t"),
            Column("amount", "d"),
            Column("size", "i"),
            Column("is_big", "b"),
            Column("seen_at", "ts"),
            Column("day", "dt"),
            Column("more", "j"),
        ),
        modified_path="updated",
    ),
    Stream("parts", (Column("thing_id", "t"),)),
    Stream("never", (Column("name", "t"),)),
)


def builder(file: Path, committed: Callable[[], None] | None = None) -> Callable[[Settings, Context], list[Reader]]:
    """A `build` whose readers give what the file holds."""

    def build(settings: Settings, context: Context) -> list[Reader]:
        def things(state: State) -> Iterator[Item]:
            given = json.loads(file.read_text())
            state["runs"] = state.get("runs", 0) + 1
            yield Page("things", given.get("things", []))
            for text in given.get("broken", []):
                yield Rejected("things", "not JSON", text)
            if given.get("fail"):
                raise SourceError(given["fail"])

        def parts(state: State) -> Iterator[Item]:
            given = json.loads(file.read_text())
            state["runs"] = state.get("runs", 0) + 1
            yield Page("parts", given.get("parts", []))
            yield Removed("parts", given.get("gone", []))
            yield Page("never", given.get("never", []))

        return [
            Reader("things", ("things",), things, committed),
            Reader("parts", ("parts", "never"), parts),
        ]

    return build


def thing(key: int, updated: int = 1, **fields: object) -> dict[str, object]:
    """A thing with all its fields."""
    return {
        "id": f"t{key}", "name": f"thing {key}", "amount": "12.345678901234", "size": key, "is_big": key > 5,
        "seen_at": 1_780_000_000 + key, "day": "2026-01-31", "more": {"b": [1], "a": None},
        "updated": updated, **fields,
    }  # fmt: skip
