"""Reading HubSpot's CRM page by page."""

from datetime import UTC, datetime

import httpx
import pytest

from ingestion.http import PermissionDenied
from ingestion.hubspot.crm import Crm, Paths, ProtocolError, instant, milliseconds, modified_property
from ingestion.hubspot.flatten import history_entries, link_id, links, merged_ids, pipeline_rows, stage_rows
from tests.ingestion.hubspot_fake import FakeHubSpot, at, epoch, iso


def flat(pages):
    return [item for page in pages for item in page]


def small(fake: FakeHubSpot, **sizes: int) -> Crm:
    return Crm(fake.client(), **({"list_page": 3, "history_page": 2, "search_page": 4} | sizes))


def company(count: int, object_type: str = "deals") -> FakeHubSpot:
    fake = FakeHubSpot()
    for number in range(1, count + 1):
        fake.put(object_type, str(number), at(number), dealname=f"Deal {number}")
    return fake


def test_paths_of_plain_and_dated_versions():
    assert Paths().objects("contacts", "search") == "/crm/v3/objects/contacts/search"
    assert Paths().associations("deals", "contacts") == "/crm/v4/associations/deals/contacts/batch/read"
    dated = Paths("2026-09")
    assert dated.objects("contacts") == "/crm/objects/2026-09/contacts"
    assert dated.owners() == "/crm/owners/2026-09"
    assert dated.associations("deals", "contacts") == "/crm/associations/2026-09/deals/contacts/batch/read"


def test_instants_in_every_form():
    moment = datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)
    assert instant("2026-01-02T03:04:05.678Z") == moment
    assert instant(str(epoch(moment))) == instant(epoch(moment)) == moment
    assert instant("") is instant(None) is None
    assert milliseconds(moment) == epoch(moment)
    with pytest.raises(ValueError):
        instant("yesterday")


def test_the_modification_property_differs_for_contacts():
    assert modified_property("contacts") == "lastmodifieddate"
    assert modified_property("deals") == "hs_lastmodifieddate"


def test_list_pages_by_cursor_and_never_by_link():
    fake = company(8)
    rows = flat(small(fake).objects("deals", ["dealname"]))
    assert [row["id"] for row in rows] == [str(n) for n in range(1, 9)]
    assert {path for _, path in fake.requests} == {"/crm/v3/objects/deals"}
    assert len(fake.requests) == 3


def test_list_survives_an_object_that_leaves_between_pages():
    fake = company(8)

    def leave(fake: FakeHubSpot, request: httpx.Request) -> None:
        if len(fake.requests) == 2:
            del fake.objects["deals"]["1"]

    fake.before = leave
    assert [r["id"] for r in flat(small(fake).objects("deals", []))] == [str(n) for n in range(1, 9)]


def test_a_cursor_that_does_not_advance_is_an_error():
    fake = company(1)
    fake.before = lambda *_: httpx.Response(200, json={"results": [], "paging": {"next": {"after": "7"}}})
    with pytest.raises(ProtocolError, match="leads back to itself"):
        flat(small(fake).objects("deals", []))


def test_an_answer_without_results_is_an_error():
    fake = company(1)
    fake.before = lambda *_: httpx.Response(200, json={"status": "ok"})
    with pytest.raises(ProtocolError, match="no list of results"):
        flat(small(fake).objects("deals", []))


def test_history_is_listed_with_the_smaller_page():
    fake = company(5)
    fake.put("deals", "1", at(60), dealstage="won")
    rows = flat(small(fake).objects("deals", [], history=["dealstage"]))
    assert len(fake.requests) == 3
    assert rows[0]["propertiesWithHistory"]["dealstage"][0]["value"] == "won"


def test_too_many_properties_for_a_url_are_read_in_batches():
    fake = company(5)
    names = [f"a_rather_long_custom_property_{n:04}" for n in range(400)]
    fake.put("deals", "3", at(60), **{names[-1]: "kept"})
    rows = flat(Crm(fake.client()).objects("deals", names))
    assert [row["properties"][names[-1]] for row in rows] == [None, None, "kept", None, None]
    assert ("POST", "/crm/v3/objects/deals/batch/read") in fake.requests


def test_archived_objects_with_too_many_properties_are_read_too():
    fake = company(3)
    fake.archive("deals", "2", at(60))
    rows = flat(small(fake, url_budget=5).objects("deals", ["dealname"], archived=True))
    assert [(row["id"], row["properties"]["dealname"]) for row in rows] == [("2", "Deal 2")]


def test_search_goes_on_beyond_the_limit_of_one_query():
    fake = company(50)
    fake.search_cap = 8
    rows = flat(small(fake).changed("deals", at(), ["dealname"]))
    assert [row["id"] for row in rows] == [str(n) for n in range(1, 51)]


@pytest.mark.parametrize("before, sharing, after", [(0, 30, 0), (3, 30, 5), (2, 4, 1), (1, 3, 1), (4, 4, 4), (3, 5, 0)])
def test_many_rows_with_one_timestamp(before: int, sharing: int, after: int):
    fake = FakeHubSpot(search_cap=8)
    wanted = []
    for number in range(before + sharing + after):
        moment = at(min(number, before) if number < before + sharing else number)
        wanted.append(str(1000 - number))
        fake.put("deals", wanted[-1], moment)
    rows = flat(small(fake).changed("deals", at(), []))
    assert sorted(row["id"] for row in rows) == sorted(wanted)


def test_search_starts_on_the_boundary_millisecond():
    fake = company(3)
    assert [r["id"] for r in flat(small(fake).changed("deals", at(2), []))] == ["2", "3"]
    assert [r["id"] for r in flat(small(fake).changed("deals", at(2, 1), []))] == ["3"]


def test_an_object_that_moves_to_the_end_hides_nobody():
    fake = company(20)

    def touch(fake: FakeHubSpot, request: httpx.Request) -> None:
        if len(fake.requests) == 2:
            for number in ("1", "2", "3"):
                fake.put("deals", number, at(100), dealname="again")

    fake.before = touch
    rows = flat(small(fake).changed("deals", at(), ["dealname"]))
    assert {row["id"] for row in rows} == {str(n) for n in range(1, 21)}
    assert {row["id"] for row in rows if row["properties"]["dealname"] == "again"} == {"1", "2", "3"}


def test_a_search_that_ignores_the_order_is_an_error():
    fake = company(3)
    answer = {"results": [fake.objects["deals"][n] for n in ("2", "1")]}
    fake.before = lambda *_: httpx.Response(200, json=answer)
    with pytest.raises(ProtocolError, match="in order of hs_lastmodifieddate"):
        flat(small(fake).changed("deals", at(), []))


def test_batch_read_leaves_out_what_is_gone():
    fake = company(5)
    rows = flat(small(fake).read("deals", ["1", "77", "5"], ["dealname"], history=["dealname"]))
    assert [row["id"] for row in rows] == ["1", "5"]


def test_links_of_every_id_that_was_asked_for():
    fake = FakeHubSpot(number_ids=True)
    fake.link("deals", "1", "companies", "90", 5, "Primary")
    fake.link("deals", "1", "companies", "90", 341)
    found = list(Crm(fake.client()).links("deals", "companies", ["1", "2"]))
    assert found[0]["2"] == []
    rows = links("deals", "1", "companies", found[0]["1"])
    assert [link_id(row) for row in rows] == ["deals:1:companies:90:5", "deals:1:companies:90:341"]
    assert rows[0]["to_id"] == "90"


def test_links_of_one_id_over_several_pages_and_batches():
    fake = FakeHubSpot(links_page=2)
    for number in range(5):
        fake.link("deals", "1", "contacts", str(number))
    found = list(Crm(fake.client()).links("deals", "contacts", [str(n) for n in range(1, 151)]))
    assert [len(batch) for batch in found] == [100, 50]
    assert [entry["toObjectId"] for entry in found[0]["1"]] == ["0", "1", "2", "3", "4"]


def test_an_item_that_failed_inside_hubspot_is_not_taken_for_empty():
    fake = FakeHubSpot()
    error = {"category": "INTERNAL_ERROR", "message": "try later"}
    fake.before = lambda *_: httpx.Response(207, json={"results": [], "errors": [error]})
    with pytest.raises(ProtocolError, match="INTERNAL_ERROR"):
        list(Crm(fake.client()).links("deals", "contacts", ["1"]))


def test_missing_scopes_fail_the_stream():
    fake = FakeHubSpot()
    fake.before = lambda *_: httpx.Response(403, json={"status": "error", "category": "MISSING_SCOPES"})
    with pytest.raises(PermissionDenied, match="tickets"):
        flat(Crm(fake.client()).objects("tickets", []))


def test_owners_include_the_archived():
    fake = FakeHubSpot()
    fake.owners = [{"id": "1", "archived": False}, {"id": "2", "archived": True}]
    assert [owner["id"] for owner in flat(Crm(fake.client()).owners())] == ["1", "2"]


def test_history_keeps_the_newest_of_one_millisecond():
    entries = [
        {"value": "c", "timestamp": iso(at(2))},
        {"value": "b", "timestamp": iso(at(1))},
        {"value": "a", "timestamp": iso(at(1))},
    ]
    item = {"id": 51, "propertiesWithHistory": {"amount": entries, "dealstage": []}}
    rows = history_entries("deals", item, ("amount", "dealstage", "hubspot_owner_id"))
    assert [(row["value"], row["property"], row["object_id"]) for row in rows] == [
        ("c", "amount", "51"),
        ("b", "amount", "51"),
    ]


def test_merged_ids_of_a_chain():
    assert merged_ids({"id": "3", "properties": {"hs_merged_object_ids": "1;2; 1;3"}}) == ["1", "2"]
    assert merged_ids({"id": "3", "properties": {"hs_merged_object_ids": None}}) == []
    assert merged_ids({"id": "3"}) == []


def test_pipelines_and_their_stages():
    pipelines = [{"id": "default", "label": "Sales", "stages": [{"id": "won", "label": "Won", "metadata": {}}]}]
    assert pipeline_rows("deals", pipelines) == [{"id": "default", "label": "Sales", "object_type": "deals"}]
    (stage,) = stage_rows("deals", pipelines)
    assert (stage["object_type"], stage["pipeline_id"], stage["id"]) == ("deals", "default", "won")
