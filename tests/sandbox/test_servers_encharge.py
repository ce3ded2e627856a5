"""Encharge's REST API as the sandbox serves it."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from sandbox.scenario import ScenarioBackend
from tests.sandbox import small_company
from tests.sandbox.serving import Running, running


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(ScenarioBackend(small_company.write(tmp_path_factory.mktemp("c")), small_company.NOW)) as up:
        yield up


def listed(served: Running, path: str, limit: int, more: str = "") -> list[str]:
    """Page through people to the end, as a client without a total has to."""
    out: list[str] = []
    while True:
        page = served.get(f"{path}?limit={limit}&offset={len(out)}{more}").json()["people"]
        out += [person["id"] for person in page]
        if len(page) < limit:
            return out


@pytest.mark.parametrize("base", ["/encharge", "/encharge/v1"])
def test_people_list_to_their_end(served: Running, base: str) -> None:
    assert listed(served, f"{base}/people/all", 100) == [f"p{number}" for number in range(1, 231)]
    assert len(served.get(f"{base}/people/all").json()["people"]) == 100
    assert served.get(f"{base}/people/all?offset=500").json() == {"people": []}


def test_order_and_attributes(served: Running) -> None:
    page = served.get("/encharge/v1/people/all?limit=2&sort=email&order=desc&attributes=leadScore").json()["people"]
    assert [set(person) for person in page] == [{"id", "email", "leadScore"}] * 2
    assert page[0]["email"] > page[1]["email"]
    whole = listed(served, "/encharge/v1/people/all", 60, "&sort=createdAt&order=desc&ignoreAnonymous=true")
    assert whole == [f"p{number}" for number in range(230, 0, -1)]


def test_segments_fields_tags(served: Running) -> None:
    assert [row["name"] for row in served.get("/encharge/v1/segments").json()["segments"]] == ["Trials", "Empty"]
    assert len(listed(served, "/encharge/v1/segments/1/people", 50)) == 120
    assert listed(served, "/encharge/v1/segments/2/people", 50) == []
    assert served.get("/encharge/v1/segments/9/people").status_code == 404
    assert served.get("/encharge/v1/fields").json()["items"][0]["name"] == "email"
    tags = {row["tag"]: row["count"] for row in served.get("/encharge/v1/tags-management").json()["tags"]}
    assert tags == {"trial": 230, "vip": 76}
    assert served.get("/encharge/v1/accounts/info").json()["peopleCount"] == 230


def test_people_by_their_identifiers(served: Running) -> None:
    query = "people[0][email]=person7@company7.example&people[1][id]=p9&people[2][userId]=none"
    found = served.get(f"/encharge/v1/people?{query}").json()["users"]
    assert [person["id"] for person in found] == ["p7", "p9"]


def test_keys_and_errors(served: Running) -> None:
    assert httpx.get(f"{served.url}/encharge/v1/segments?token=sandbox", trust_env=False).status_code == 200
    refused = httpx.get(f"{served.url}/encharge/v1/segments", headers={"X-Encharge-Token": "no"}, trust_env=False)
    assert refused.status_code == 401
    assert set(refused.json()["error"]) == {"message", "markdown", "traceId"}
    assert served.get("/encharge/v1/people/all?limit=x").status_code == 400
    assert "error" in served.get("/encharge/v1/nothing").json()


def test_webhook_subscriptions_are_accepted(served: Running) -> None:
    body = {"eventType": "newUser", "url": "http://127.0.0.1:9/hook"}
    made = served.post("/encharge/v1/event-subscriptions", body)
    assert made.status_code == 201
    number = made.json()["subscription"]["id"]
    headers = {"X-Encharge-Token": "sandbox"}
    address = f"{served.url}/encharge/v1/event-subscriptions/{number}"
    assert httpx.delete(address, headers=headers, trust_env=False).status_code == 204
    assert httpx.delete(address, headers=headers, trust_env=False).status_code == 404
    assert served.post("/encharge/v1/event-subscriptions", {}).status_code == 400
