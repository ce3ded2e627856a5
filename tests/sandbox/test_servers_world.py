"""A seeded world behind the servers: what the official clients read is what the world holds, today and tomorrow."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import stripe
from hubspot import HubSpot

from sandbox.backend import STREAMS, WorldBackend
from sandbox.servers.control import Landing
from sandbox.servers.stripe_objects import EMBEDDED
from sandbox.world import World
from tests.sandbox.serving import Running, running

OBJECTS = ("contacts", "companies", "deals", "tickets", "calls", "emails", "meetings", "notes", "tasks")


@pytest.fixture(scope="module")
def landing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("landing")


@pytest.fixture(scope="module")
def served(landing: Path) -> Iterator[Running]:
    backend = WorldBackend(World(11, 60, dt.date(2025, 6, 30)))
    with running(backend, Landing(landing, None), landing / "ledger") as up:
        yield up


def billing(served: Running) -> Any:
    return stripe.StripeClient("sandbox", base_addresses={"api": served.url + "/stripe"}).v1


def listed(served: Running, stream: str) -> list[dict[str, Any]]:
    name = {"invoiceitems": "invoice_items"}.get(stream, stream)
    params: dict[str, Any] = {"limit": 100}
    if stream == "subscriptions":
        params["status"] = "all"
    return [row.to_dict() for row in getattr(billing(served), name).list(params).auto_paging_iter()]


def check_stripe(served: Running, stream: str) -> None:
    world = served.backend.world  # type: ignore[attr-defined]
    stored = (
        {row["id"]: row for row in world.stripe_events()} if stream == "events" else world.objects("stripe", stream)
    )
    found = listed(served, stream)
    assert {row["id"] for row in found} == set(stored)
    assert len(found) == len(stored)
    instants = [row.get("created", 0) for row in found]
    assert instants == sorted(instants, reverse=True)


@pytest.mark.parametrize("stream", STREAMS["stripe"])
def test_stripe_lists_hold_the_world(served: Running, stream: str) -> None:
    check_stripe(served, stream)


def test_invoices_come_with_their_lines_and_discounts(served: Running) -> None:
    stored = served.backend.collection("stripe", "invoices")
    for row in listed(served, "invoices"):
        whole = stored.get(row["id"])
        assert whole is not None
        assert [line["id"] for line in row["lines"]["data"]] == [
            line["id"] for line in whole["lines"]["data"][:EMBEDDED]
        ]
        assert all(isinstance(each, str) for each in row["discounts"])
    expanded = billing(served).invoices.list({"limit": 100, "expand": ["data.discounts", "data.lines.data.discounts"]})
    for row in expanded.data:
        for discount in [*row.discounts, *(each for line in row.lines.data for each in line.discounts)]:
            assert discount["object"] == "discount"


@pytest.mark.parametrize("stream", OBJECTS)
def test_hubspot_lists_hold_the_world(served: Running, stream: str) -> None:
    crm = HubSpot(access_token="sandbox", host=served.url + "/hubspot").crm
    world = served.backend.world  # type: ignore[attr-defined]
    stored = world.objects("hubspot", stream)
    found = crm.objects.get_all(stream)
    assert {row.id for row in found} == set(stored)
    gone = crm.objects.get_all(stream, archived=True)
    assert {row.id for row in gone} == set(world.archived(stream))
    for row in found[:20]:
        assert row.properties["hs_object_id"] == row.id
        for name, value in row.properties.items():
            assert value == stored[row.id]["properties"].get(name)


def test_hubspot_catalogues_hold_the_world(served: Running) -> None:
    crm = HubSpot(access_token="sandbox", host=served.url + "/hubspot").crm
    owners = {row.id for archived in (False, True) for row in crm.owners.get_all(archived=archived)}
    assert owners == set(served.backend.world.objects("hubspot", "owners"))  # type: ignore[attr-defined]
    for kind in ("deals", "tickets"):
        assert crm.pipelines.pipelines_api.get_all(kind).results[0].stages
    assert {"email", "lifecyclestage"} <= {row.name for row in crm.properties.core_api.get_all("contacts").results}


def test_encharge_lists_hold_the_world(served: Running) -> None:
    world = served.backend.world  # type: ignore[attr-defined]
    people = served.get("/encharge/v1/people/all?limit=1000").json()["people"]
    assert [person["id"] for person in people] == list(world.objects("encharge", "people"))
    members = world.objects("encharge", "segment_people").values()
    for segment in served.get("/encharge/v1/segments").json()["segments"]:
        found = served.get(f"/encharge/v1/segments/{segment['id']}/people?limit=1000").json()["people"]
        assert len(found) == sum(row["segmentId"] == segment["id"] for row in members)


def test_the_truth_is_served(served: Running) -> None:
    key = {"X-Truth-Key": "sandbox"}
    people = served.get("/_truth/people", headers=key).json()
    assert set(people[0]) >= {"source_system", "source_type", "source_id", "truth_id"}
    assert set(served.get("/_truth/mrr", headers=key).json()[0]) >= {"month", "mrr"}
    assert isinstance(served.get("/_truth/revenue", headers=key).json()[0]["recognised_revenue"], str)
    assert served.get("/_truth/channels", headers=key).json()


def test_a_day_later(served: Running, landing: Path) -> None:
    inbox = landing / "encharge" / "inbox"
    history = [json.loads(line) for path in inbox.glob("export-*.jsonl") for line in path.read_text().splitlines()]
    assert len({event["id"] for event in history}) == len(history) > 1000
    assert (landing / "ledger" / "exchange_rates.csv").exists()
    moved = served.post("/_control/advance", {"days": 3}).json()
    assert moved["now"] == "2025-07-03T00:00:00Z"
    assert moved["changes"]
    new = [json.loads(line) for path in inbox.glob("push-*.jsonl") for line in path.read_text().splitlines()]
    assert len(new) == moved["events"]["delivered"] > 0
    assert not {event["id"] for event in new} & {event["id"] for event in history}
    for stream in ("invoices", "events", "customers", "balance_transactions"):
        check_stripe(served, stream)
    since = int(dt.datetime(2025, 6, 30, tzinfo=dt.UTC).timestamp() * 1000)
    found = {}
    for stream in OBJECTS:
        name = "lastmodifieddate" if stream == "contacts" else "hs_lastmodifieddate"
        body = {"filterGroups": [{"filters": [{"propertyName": name, "operator": "GTE", "value": since}]}]}
        found[stream] = served.post(f"/hubspot/crm/v3/objects/{stream}/search", body).json()["total"]
    changed = {name.partition("/")[2] for name in moved["changes"] if name.startswith("hubspot/")}
    assert {stream for stream, count in found.items() if count} <= changed
    assert sum(found.values()) > 0
