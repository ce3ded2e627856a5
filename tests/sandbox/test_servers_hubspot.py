"""The official HubSpot client, unchanged, against the sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hubspot import HubSpot
from hubspot.crm.associations.v4 import BatchInputPublicFetchAssociationsBatchRequest
from hubspot.crm.contacts import ApiException, BatchReadInputSimplePublicObjectId, PublicObjectSearchRequest

from sandbox.scenario import ScenarioBackend
from sandbox.servers.hubspot_schema import TYPE_IDS
from tests.sandbox import small_company
from tests.sandbox.serving import Running, running

OBJECTS = ("contacts", "companies", "deals", "tickets", "calls", "emails", "meetings", "notes", "tasks")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(ScenarioBackend(small_company.write(tmp_path_factory.mktemp("c")), small_company.NOW)) as up:
        yield up


@pytest.fixture(scope="module")
def crm(served: Running) -> Any:
    return HubSpot(access_token="sandbox", host=served.url + "/hubspot").crm


def search(crm: Any, stream: str = "contacts", **request: Any) -> Any:
    return crm.objects.search_api.do_search(stream, public_object_search_request=PublicObjectSearchRequest(**request))


def where(name: str, operator: str, **values: Any) -> list[dict[str, Any]]:
    return [{"filters": [{"propertyName": name, "operator": operator, **values}]}]


def found(crm: Any, name: str, operator: str, **values: Any) -> set[int]:
    page = search(crm, filter_groups=where(name, operator, **values), limit=200)
    assert page.total == len(page.results)
    return {int(row.id) for row in page.results}


@pytest.mark.parametrize("stream", OBJECTS)
def test_every_type_lists_to_its_end_by_id(served: Running, crm: Any, stream: str) -> None:
    rows = served.backend.collection("hubspot", stream)
    assert [row.id for row in crm.objects.get_all(stream)] == rows.ids
    number = next(key for key, name in TYPE_IDS.items() if name == stream)
    page = crm.objects.basic_api.get_page(number, limit=3)
    assert [row.id for row in page.results] == rows.ids[:3]
    assert page.results[0].updated_at.tzinfo is not None


def test_archived_are_listed_apart(crm: Any) -> None:
    gone = crm.objects.get_all("contacts", archived=True)
    assert [row.id for row in gone] == ["50", "100", "150", "200", "250"]
    assert all(row.archived and row.archived_at for row in gone)
    assert crm.contacts.basic_api.get_by_id("50", archived=True).id == "50"
    with pytest.raises(ApiException) as missing:
        crm.contacts.basic_api.get_by_id("50")
    assert missing.value.status == 404
    assert "<html" in missing.value.body.lower()


def test_default_properties_and_chosen_ones(crm: Any) -> None:
    plain = crm.contacts.basic_api.get_by_id("3").properties
    assert set(plain) == {"createdate", "email", "firstname", "hs_object_id", "lastmodifieddate", "lastname"}
    chosen = crm.contacts.basic_api.get_by_id("3", properties=["lifecyclestage", "not_a_property"]).properties
    assert chosen["lifecyclestage"] == "lead"
    assert "not_a_property" not in chosen
    assert (
        crm.companies.basic_api.get_by_id("1004", properties=["numberofemployees"]).properties["numberofemployees"]
        == "4"
    )
    assert crm.contacts.basic_api.get_by_id("person9@company9.example", id_property="email").id == "9"


def test_history_newest_first_and_at_most_fifty(served: Running, crm: Any) -> None:
    page = crm.contacts.basic_api.get_page(limit=50, properties_with_history=["lifecyclestage"])
    entries = page.results[0].properties_with_history["lifecyclestage"]
    assert [entry.value for entry in entries] == ["lead", "subscriber"]
    assert entries[0].timestamp > entries[1].timestamp
    with pytest.raises(ApiException) as refused:
        crm.contacts.basic_api.get_page(limit=51, properties_with_history=["lifecyclestage"])
    assert refused.value.status == 400
    listed = served.get("/hubspot/crm/v3/objects/contacts?limit=101")
    assert (listed.status_code, listed.json()["category"]) == (400, "VALIDATION_ERROR")


def test_dated_paths_answer_the_same(served: Running) -> None:
    query = "?limit=5&properties=email,lifecyclestage&associations=companies&after=20"
    old, new = (
        served.get(f"/hubspot/crm/{path}{query}").json() for path in ("v3/objects/contacts", "objects/2026-09/contacts")
    )
    assert old["results"] == new["results"]
    assert old["results"][0]["id"] == "20"
    following = new["paging"]["next"]
    assert following["after"] == "25"
    assert served.get(following["link"].removeprefix(served.url)).json()["results"][0]["id"] == "25"
    body = {"filterGroups": where("email", "EQ", value="PERSON12@company12.example")}
    assert served.post("/hubspot/crm/objects/2026-09/contacts/search", body).json()["total"] == 1
    for path in ("owners/2026-09", "pipelines/2026-09/deals", "properties/2026-09/contacts"):
        assert served.get(f"/hubspot/crm/{path}").json()["results"]
    linked = served.post("/hubspot/crm/associations/2026-09/contacts/companies/batch/read", {"inputs": [{"id": "3"}]})
    assert linked.json()["results"][0]["from"]["id"] == "3"


def test_batch_read(crm: Any) -> None:
    def read(*ids: str) -> Any:
        inputs = BatchReadInputSimplePublicObjectId(
            inputs=[{"id": each} for each in ids], properties=["email"], properties_with_history=[]
        )
        return crm.contacts.batch_api.read(batch_read_input_simple_public_object_id=inputs)

    assert [row.id for row in read("5", "3", "5").results] == ["5", "3"]
    partly = read("5", "777777")
    assert [row.id for row in partly.results] == ["5"]
    assert partly.num_errors == 1
    assert partly.errors[0].context["ids"] == ["777777"]
    # A contact that was merged away answers as the one that won.
    assert [row.id for row in read("9002").results] == ["1"]
    with pytest.raises(ApiException):
        read(*map(str, range(1, 102)))


def test_associations_in_lists(crm: Any) -> None:
    page = crm.contacts.basic_api.get_page(limit=10, associations=["companies", "deals"])
    by_id = {row.id: row.associations for row in page.results}
    assert [(link.id, link.type) for link in by_id["3"]["companies"].results] == [
        ("1003", "contact_to_company"),
        ("1003", "contact_to_company_unlabeled"),
    ]
    # Stored on the deals, seen from the contact.
    assert [link.id for link in by_id["3"]["deals"].results] == ["2001", "2002"]
    assert "companies" not in (by_id["7"] or {})


def test_association_batches_answer_207_with_errors(served: Running, crm: Any) -> None:
    request = BatchInputPublicFetchAssociationsBatchRequest(inputs=[{"id": str(each)} for each in range(1, 101)])
    answer = crm.associations.v4.batch_api.get_page(
        "contacts", "companies", batch_input_public_fetch_associations_batch_request=request
    )
    # Every seventh has none, and 50 and 100 are archived.
    assert len(answer.results) == 100 - 14 - 2
    assert answer.num_errors == 16
    path = "/hubspot/crm/v4/associations/contacts/companies/batch/read"
    raw = served.post(path, {"inputs": [{"id": "3"}, {"id": "4"}, {"id": "7"}]})
    assert raw.status_code == 207
    shown = {row["from"]["id"]: row["to"][0]["toObjectId"] for row in raw.json()["results"]}
    assert shown == {"3": "1003", "4": 1004}
    assert raw.json()["errors"][0]["context"]["fromObjectId"] == ["7"]
    assert served.post(path, {"inputs": [{"id": "4"}]}).status_code == 200
    assert served.post(path, {"inputs": [{"id": "4"}] * 101}).status_code == 400
    types = raw.json()["results"][0]["to"][0]["associationTypes"]
    assert [(each["typeId"], each["label"]) for each in types] == [(1, "Primary"), (279, None)]


def test_associations_from_both_sides(crm: Any) -> None:
    forward = crm.associations.v4.basic_api.get_page("contacts", "4", "companies")
    assert [str(link.to_object_id) for link in forward.results] == ["1004"]
    back = crm.associations.v4.basic_api.get_page("companies", "1004", "contacts", limit=3)
    assert [str(link.to_object_id) for link in back.results] == ["4", "44", "124"]
    assert {kind.type_id for kind in back.results[0].association_types} == {2, 280}
    rest = crm.associations.v4.basic_api.get_page(
        "companies", "1004", "contacts", limit=3, after=back.paging.next.after
    )
    assert [str(link.to_object_id) for link in rest.results] == ["164", "204", "244"]


def test_search_operators(crm: Any) -> None:
    assert found(crm, "email", "EQ", value="person12@company12.example") == {12}
    assert found(crm, "lifecyclestage", "IN", values=["customer", "other"]) == {
        number for number in range(5, 261, 5) if number % 50
    }
    leads = {number for number in range(1, 261) if number % 5}
    assert len(leads) > 200
    assert search(crm, filter_groups=where("lifecyclestage", "NEQ", value="customer"), limit=1).total == len(leads)
    assert search(crm, filter_groups=where("lifecyclestage", "NOT_IN", values=["customer"]), limit=1).total == len(
        leads
    )
    assert found(crm, "hs_merged_object_ids", "HAS_PROPERTY") == {1}
    assert search(crm, filter_groups=where("hs_merged_object_ids", "NOT_HAS_PROPERTY"), limit=1).total == 254
    assert found(crm, "email", "CONTAINS_TOKEN", value="*@company7.example") == {7, 47, 87, 127, 167, 207, 247}
    assert found(crm, "lastname", "CONTAINS_TOKEN", value="17") == {17}
    assert found(crm, "hs_object_id", "BETWEEN", value="20", highValue="22") == {20, 21, 22}
    assert found(crm, "hs_object_id", "LT", value="3") == {1, 2}
    assert found(crm, "hs_object_id", "GTE", value="259") == {259, 260}
    either = search(
        crm, filter_groups=where("hs_object_id", "LTE", value="1") + where("hs_object_id", "GT", value="259")
    )
    assert {int(row.id) for row in either.results} == {1, 260}
    assert {row.id for row in search(crm, query="grace", limit=200, properties=["firstname"]).results} >= {"2", "4"}


def test_search_by_modification_and_its_pages(served: Running, crm: Any) -> None:
    rows = served.backend.collection("hubspot", "contacts").rows
    since = datetime(2024, 4, 10, tzinfo=UTC)
    expected = sorted(
        (row["properties"]["lastmodifieddate"], int(row["id"]))
        for row in rows
        if datetime.fromisoformat(row["properties"]["lastmodifieddate"]) >= since
    )
    seen: list[int] = []
    after: str | None = "0"
    while after is not None:
        page = search(
            crm, filter_groups=where("lastmodifieddate", "GTE", value=str(int(since.timestamp() * 1000))),
            sorts=[{"propertyName": "lastmodifieddate", "direction": "ASCENDING"}], limit=50, after=after,
        )  # fmt: skip
        assert page.total == len(expected)
        seen += [int(row.id) for row in page.results]
        after = page.paging.next.after if page.paging else None
    assert seen == [number for _, number in expected]
    newest = search(crm, sorts=["-lastmodifieddate"], limit=3)
    assert [row.id for row in newest.results] == ["260", "251", "252"]
    by_name = search(
        crm, "companies", sorts=[{"propertyName": "numberofemployees", "direction": "DESCENDING"}], limit=2
    )
    assert [row.id for row in by_name.results] == ["1039", "1038"]


@pytest.mark.parametrize(
    "request_body",
    [
        {"limit": 201},
        {"limit": 200, "after": "9900"},
        {"limit": 10, "after": "10000"},
        {"filterGroups": [{"filters": []}] * 6},
        {"filterGroups": [{"filters": [{"propertyName": "a", "operator": "EQ", "value": 1}] * 7}]},
        {"filterGroups": [{"filters": [{"propertyName": "a", "operator": "LIKE", "value": 1}]}]},
        {"filterGroups": [{"filters": [{"propertyName": "a", "operator": "EQ"}]}]},
    ],
)
def test_searches_that_are_refused(served: Running, request_body: dict[str, Any]) -> None:
    answer = served.post("/hubspot/crm/v3/objects/contacts/search", request_body)
    assert answer.status_code == 400
    assert answer.json()["status"] == "error"


def test_catalogues(crm: Any) -> None:
    properties = {row.name: row for row in crm.properties.core_api.get_all("contacts").results}
    assert properties["lifecyclestage"].options[0].value == "lead"
    assert properties["lastmodifieddate"].type == "datetime"
    assert crm.properties.core_api.get_by_name("deals", "amount").type == "number"
    pipelines = crm.pipelines.pipelines_api.get_all("deals").results
    assert [(row.id, [stage.id for stage in row.stages]) for row in pipelines] == [("default", ["open", "won"])]
    assert crm.pipelines.pipelines_api.get_by_id("tickets", "0").stages[0].metadata["ticketState"] == "OPEN"
    assert len(crm.pipelines.pipeline_stages_api.get_all("deals", "default").results) == 2


def test_owners(crm: Any) -> None:
    assert [row.id for row in crm.owners.get_all()] == ["1", "2", "4"]
    first = crm.owners.owners_api.get_page(limit=2)
    assert first.paging.next.after == "4"
    assert [row.id for row in crm.owners.owners_api.get_page(archived=True).results] == ["3"]
    assert crm.owners.owners_api.get_by_id(2).email == "rep2@us.example"
    assert [row.id for row in crm.owners.owners_api.get_page(email="REP4@us.example").results] == ["4"]


def test_keys_and_addresses(served: Running) -> None:
    refused = HubSpot(access_token="wrong", host=served.url + "/hubspot")
    with pytest.raises(ApiException) as failure:
        refused.crm.contacts.basic_api.get_page()
    assert failure.value.status == 401
    assert "INVALID_AUTHENTICATION" in failure.value.body
    assert served.get("/hubspot/crm/v3/objects/unheard_of").status_code == 400
    assert served.get("/hubspot/crm/v3/nothing/at/all").headers["content-type"].startswith("text/html")
    assert served.get("/hubspot/crm/v3/objects/contacts/not-a-number").json()["category"] == "OBJECT_NOT_FOUND"


def test_associations_follow_merges_and_forget_what_is_gone(tmp_path: Path) -> None:
    with running(ScenarioBackend(small_company.write(tmp_path), small_company.NOW)) as up:
        links = [{"id": "9001"}, {"id": "7"}, {"id": "50"}, {"id": "8", "typeId": 3, "label": "Champion"}]
        deal = {"id": "5000", "properties": {}, "associations": {"contacts": {"results": links}}}
        up.post("/_control/objects", {"provider": "hubspot", "stream": "deals", "objects": [deal]})
        up.post("/_control/objects", {"provider": "hubspot", "stream": "contacts", "deleted": ["7"]})
        path = "/hubspot/crm/v4/objects/deals/5000/associations/contacts"
        found = up.get(path).json()["results"]
        # 9001 was merged into 1, 7 is gone, 50 is archived.
        assert [str(link["toObjectId"]) for link in found] == ["1", "8"]
        assert found[1]["associationTypes"][0]["label"] == "Champion"
        back = up.get("/hubspot/crm/v4/objects/contacts/1/associations/deals").json()["results"]
        assert "5000" in {str(link["toObjectId"]) for link in back}
