"""The world: the same for everyone who asks with the same seed, stable when it moves on, and consistent in itself."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sandbox.engagement import _AGENTS
from sandbox.property_catalog import PROPERTIES
from sandbox.world import World

ROOT = Path(__file__).parents[2]
TODAY = date(2026, 3, 15)
STREAMS = {
    "hubspot": [*PROPERTIES, "owners", "pipelines", "properties"],
    "encharge": ["people", "segments", "segment_people", "fields", "tags"],
    "stripe": [
        *("customers", "products", "prices", "coupons", "subscriptions", "invoices", "charges", "invoice_payments"),
        *("refunds", "credit_notes", "disputes", "balance_transactions"),
    ],
}


def everything(world: World) -> dict[str, Any]:
    """All that can be asked of a world, order included."""
    start = datetime(2026, 2, 20, tzinfo=UTC)
    found: dict[str, Any] = {
        f"{provider}/{stream}": list(world.objects(provider, stream).items())
        for provider, streams in STREAMS.items()
        for stream in streams
    }
    found["archived"] = {stream: list(world.archived(stream).items()) for stream in STREAMS["hubspot"]}
    found["events"] = world.stripe_events()
    found["engagement"] = list(world.encharge_events(start, world.now))
    for name in ("people", "accounts", "mrr", "revenue", "channels"):
        found[f"truth {name}"] = getattr(world, f"truth_{name}")()
    return found


def digest(world: World) -> str:
    return hashlib.sha256(json.dumps(everything(world)).encode()).hexdigest()


@pytest.fixture(scope="module")
def world() -> World:
    return World(5, 300, TODAY)


@pytest.fixture(scope="module")
def engagement(world: World) -> list[dict[str, Any]]:
    return list(world.encharge_events(datetime(2023, 1, 1, tzinfo=UTC), world.now))


def test_a_seed_tells_one_story_in_every_process() -> None:
    code = (
        "import sys; sys.path.insert(0, 'tests/sandbox'); import test_world as t; from sandbox.world import World; "
        "print(t.digest(World(9, 40, t.TODAY)))"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed, "TZ": zone, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed, zone in (("1", "UTC"), ("2", "Asia/Tokyo"))
    }
    assert len(found) == 1
    assert digest(World(9, 40, TODAY)) in found.pop()
    assert digest(World(10, 40, TODAY)) != digest(World(9, 40, TODAY))


@pytest.mark.parametrize("days", [(1, 1, 7), (45, 60)], ids=["within the month", "beyond what had been told"])
def test_advancing_equals_building_later(days: tuple[int, ...]) -> None:
    moved = World(3, 60, TODAY)
    for step in days:
        moved.advance(step)
    built = World(3, 60, TODAY + timedelta(days=sum(days)), start=moved.start)
    found, wanted = everything(moved), everything(built)
    for name in wanted:
        assert found[name] == wanted[name], name


def test_changes_tell_exactly_what_differs() -> None:
    world = World(4, 120, TODAY)
    before = {place: dict(world.objects(*place)) for place in _places()}
    frozen = json.dumps(list(before.values()))
    changes = world.advance(3)
    after = {place: dict(world.objects(*place)) for place in _places()}
    expected = {}
    for place in _places():
        for key in before[place].keys() | after[place].keys():
            old, new = before[place].get(key), after[place].get(key)
            if old != new:
                kind = "created" if old is None else "deleted" if new is None else "updated"
                expected[*place, key] = kind
    assert {(change.provider, change.stream, change.id): change.kind for change in changes} == expected
    assert len(changes) == len(expected) > 20
    start = world.now - timedelta(days=3)
    assert all(start <= change.at < world.now for change in changes)
    assert [change.at for change in changes] == sorted(change.at for change in changes)
    # Whoever kept an object keeps what it was.
    assert json.dumps(list(before.values())) == frozen


def _places() -> list[tuple[str, str]]:
    return [(provider, stream) for provider, streams in STREAMS.items() for stream in streams]


def test_nothing_of_the_future_is_seen(world: World) -> None:
    now = int(world.now.timestamp())
    for stream in STREAMS["stripe"]:
        assert all(obj["created"] < now for obj in world.objects("stripe", stream).values()), stream
    for stream in STREAMS["hubspot"]:
        stamps = (obj["updatedAt"] for obj in world.objects("hubspot", stream).values())
        assert all(datetime.fromisoformat(stamp) < world.now for stamp in stamps), stream


def test_objects_are_ordered_by_creation_and_hubspot_ids_grow(world: World) -> None:
    for stream in ("contacts", "companies", "deals", "tickets", "calls", "meetings"):
        rows = list(world.objects("hubspot", stream).values())
        assert [row["createdAt"] for row in rows] == sorted(row["createdAt"] for row in rows)
        seconds = [int(row["id"]) // 10_000_000 for row in rows]
        assert seconds == sorted(seconds)


def test_there_is_as_much_as_was_asked_for(world: World) -> None:
    accounts = {row["truth_id"] for row in world.truth_accounts() if row["source_type"] == "company"}
    assert 285 <= len(accounts) <= 330
    customers = sum(row["customers_new"] for row in world.truth_mrr())
    assert 0.33 <= customers / len(accounts) <= 0.55
    assert len(world.truth_mrr()) == 37
    for provider, stream in _places():
        assert world.objects(provider, stream), (provider, stream)


def test_arguments_are_checked() -> None:
    with pytest.raises(ValueError, match="accounts"):
        World(1, 0, TODAY)
    with pytest.raises(ValueError, match="begins on"):
        World(1, 10, TODAY, start=date(2026, 4, 1))
    with pytest.raises(ValueError, match="whole days"):
        World(1, 10, TODAY).advance(0)


def test_engagement_is_ordered_unique_and_cut_anywhere(world: World) -> None:
    start, middle = datetime(2025, 12, 20, tzinfo=UTC), datetime(2026, 1, 3, 5, tzinfo=UTC)
    whole = list(world.encharge_events(start, world.now))
    parts = [*world.encharge_events(start, middle), *world.encharge_events(middle, world.now)]
    assert whole == parts
    stamps = [event["createdAt"] for event in whole]
    assert stamps == sorted(stamps)
    assert stamps[0] >= "2025-12-20" and stamps[-1] < "2026-03-15"
    assert len({event["id"] for event in whole}) == len(whole)
    assert list(world.encharge_events(world.now, world.now + timedelta(days=9))) == []


def test_engagement_has_every_type_and_known_people(world: World, engagement: list[dict[str, Any]]) -> None:
    people = world.objects("encharge", "people")
    seen, strangers = set(), 0
    for event in engagement:
        seen.add(event["type"])
        person = event["person"]
        assert person["id"] or event["anonymousId"]
        if person["id"] in people:
            assert event["createdAt"] >= people[person["id"]]["createdAt"] or event["type"] == "formSubmitted"
            assert person["email"] == people[person["id"]]["email"]
        elif person["id"]:
            strangers += 1  # removed from Encharge since
    assert seen == {
        *("emailSent", "emailDelivered", "emailOpened", "emailClicked", "emailReplied", "emailBounced"),
        *("unsubscribedUser", "pageVisited", "formSubmitted", "leadScoreChanged", "newUser", "updatedUser"),
        *("addedTag", "removedTag"),
    }
    assert strangers < 2_000


def test_interest_falls_before_customers_leave(world: World, engagement: list[dict[str, Any]]) -> None:
    """Mails opened by people in the last 60 days of customers that ended, against 60 days half a year before."""
    leaving = {}
    for story, records in world._members:
        for life in story.lives[:1]:
            if life.converts and life.risk < world._now and life.risk - life.start > 400 * 86_400_000:
                leaving |= {recipient.id: life.risk for recipient in records.recipients}
    counts = {"early": [0, 0], "late": [0, 0]}
    for event in engagement:
        risk = leaving.get(event["person"]["id"])
        if risk is None or event["type"] not in ("emailDelivered", "emailOpened"):
            continue
        if event.get("userAgent", _AGENTS[0]) not in _AGENTS:
            continue
        left = (risk - datetime.fromisoformat(event["createdAt"]).timestamp() * 1000) / 86_400_000
        when = "late" if 0 < left < 60 else "early" if 180 < left < 240 else None
        if when:
            counts[when][event["type"] == "emailOpened"] += 1
    rate = {when: opened / delivered for when, (delivered, opened) in counts.items()}
    assert rate["late"] < 0.7 * rate["early"]


def test_the_ledger_is_dated_and_never_rewritten(tmp_path: Path) -> None:
    world = World(6, 80, TODAY)
    world.write_ledger(tmp_path / "before")
    world.advance(40)
    world.write_ledger(tmp_path / "after")

    def read(folder: str, name: str) -> list[dict[str, str]]:
        with (tmp_path / folder / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    for name in ("targets", "costs", "ad_spend", "exchange_rates"):
        earlier, later = read("before", name), read("after", name)
        assert later[: len(earlier)] == earlier and len(later) > len(earlier), name
    rates = read("before", "exchange_rates")
    assert {row["currency"] for row in rates} == {"EUR", "GBP", "JPY"}
    assert {row["to_currency"] for row in rates} == {"USD"}
    assert min(row["date"] for row in rates) == "2023-01-01"
    assert max(row["date"] for row in rates) == "2026-03-01"
    assert all(0.004 < float(row["rate"]) < 0.01 for row in rates if row["currency"] == "JPY")
    assert max(row["date"] for row in read("before", "ad_spend")) == "2026-03-14"
    assert max(row["month"] for row in read("before", "costs")) == "2026-02-01"
    assert (tmp_path / "after" / "identity_overrides.csv").read_text().startswith("action,entity,left_system,")
    keys = [(row["date"], row["channel"], row["campaign"]) for row in read("after", "ad_spend")]
    assert len(keys) == len(set(keys))


def test_customers_add_up(world: World) -> None:
    before = seen = 0
    for row in world.truth_mrr():
        back = row["customers"] - before - row["customers_new"] + row["customers_churned"]
        assert back >= 0  # those who came back
        seen += row["customers_new"]
        assert row["customers"] <= seen
        assert (float(row["mrr"]) > 0) == (row["customers"] > 0)
        before = row["customers"]
