"""HubSpot into raw: first and later runs, archives, merges, associations, history, reconciliation."""

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import httpx
import pytest

from ingestion.http import PermissionDenied
from ingestion.hubspot.crm import Crm
from ingestion.hubspot.schema import OBJECT_STREAMS, STREAMS
from ingestion.hubspot.source import Options, readers
from tests.ingestion.hubspot_fake import KEY, FakeHubSpot, at, iso
from tests.ingestion.raw_harness import Harness

NEVER = Options(reconcile_every=timedelta(days=10_000))
ALWAYS = Options(reconcile_every=timedelta(0))


class Account:
    """A fake account and the raw tables that it is loaded into."""

    def __init__(self, folder: Path, **settings: object) -> None:
        self.fake = FakeHubSpot()
        self.raw = Harness(folder, "hubspot", {"hubspot_api_key": KEY, **settings})

    def load(self, options: Options = NEVER, **sizes: int) -> dict[str, int]:
        crm = Crm(self.fake.client(), **({"list_page": 3, "history_page": 2, "search_page": 4} | sizes))
        stored = self.raw.run(lambda context: readers(crm, context, options))
        stored.pop("drift", None)
        stored.pop("properties", None)
        return stored


@pytest.fixture
def account(tmp_path: Path) -> Account:
    return Account(tmp_path)


def test_first_run_reads_all_and_the_second_stores_nothing(account: Account):
    for number in range(1, 8):
        account.fake.put("contacts", str(number), at(number), email=f"p{number}@example.com", lifecyclestage="lead")
        account.fake.put("calls", str(100 + number), at(number), hs_call_status="COMPLETED", hs_call_duration="60000")
        account.fake.link("calls", str(100 + number), "contacts", str(number))
    assert account.load() == {"contacts": 7, "calls": 7, "property_history": 7, "associations": 7}
    assert account.load() == {}
    assert account.load(ALWAYS) == {}
    row = account.raw.newest("calls")["101"]
    assert (row["status"], row["duration_ms"], row["modified_at"]) == ("COMPLETED", 60_000, at(1))
    assert account.raw.newest("associations")["calls:101:contacts:1:1"]["from_type"] == "calls"


def test_a_change_on_the_boundary_millisecond_is_found(account: Account):
    account.fake.put("deals", "1", at(5), amount="10")
    account.load()
    account.fake.put("deals", "2", at(5), amount="20")
    account.fake.put("deals", "3", at(-5), amount="30")
    assert account.load()["deals"] == 2
    assert account.raw.live("deals") == {"1", "2", "3"}


def test_every_state_is_kept_and_the_newest_wins(account: Account):
    for minute, amount in enumerate(["10", "20", "10"]):
        account.fake.put("deals", "1", at(minute), amount=amount)
        account.load()
    assert [row["amount"] for row in account.raw.versions("deals")] == [10, 20, 10]
    assert account.raw.newest("deals")["1"]["amount"] == Decimal(10)
    history = account.raw.versions("property_history")
    assert [(row["property"], row["value"], row["changed_at"]) for row in history] == [
        ("amount", "10", at(0)),
        ("amount", "20", at(1)),
        ("amount", "10", at(2)),
    ]
    assert history[0]["id"] == f"deals:1:amount:{int(at(0).timestamp() * 1000)}"
    assert (history[0]["source_type"], history[0]["updated_by_user_id"]) == ("CRM_UI", "7")


def test_what_changes_during_a_long_listing_is_found_by_the_next_run(account: Account):
    now = datetime.now(UTC)
    for number in range(1, 8):
        account.fake.put("notes", str(number), at(number))

    def change(fake: FakeHubSpot, request: httpx.Request) -> None:
        if request.url.path.endswith("/objects/notes") and "after=3" in str(request.url):
            fake.put("notes", "1", now + timedelta(hours=1))
            fake.put("notes", "7", now + timedelta(hours=2))

    account.fake.before = change
    account.load()
    account.fake.before = None
    account.load()
    assert account.raw.newest("notes")["1"]["modified_at"] > now


def test_archived_objects_are_deleted_versions_at_their_instant(account: Account):
    for number in "123":
        account.fake.put("companies", number, at(0), name=f"Company {number}")
    account.fake.archive("companies", "1", at(10))
    account.fake.put("contacts", "9", at(0))
    account.fake.link("contacts", "9", "companies", "2")
    account.load()
    assert account.raw.live("companies") == {"2", "3"}
    account.fake.archive("companies", "2", at(20))
    account.fake.archive("contacts", "9", at(20))
    account.load()
    row = account.raw.newest("companies")["2"]
    assert (row["is_deleted"], row["modified_at"], row["name"]) == (True, at(20), "Company 2")
    assert account.raw.live("companies") == {"3"}
    assert account.raw.live("associations") == set()
    assert account.load() == {}


def test_an_object_taken_out_of_the_archive_is_live_again(account: Account):
    account.fake.put("companies", "1", at(0), name="Back again")
    account.fake.put("companies", "2", at(600))
    account.load()
    account.fake.archive("companies", "1", at(700))
    account.load()
    account.fake.objects["companies"]["1"]["archived"] = False
    del account.fake.objects["companies"]["1"]["archivedAt"]
    assert account.load(ALWAYS) == {"companies": 1}
    assert account.raw.live("companies") == {"1", "2"}
    assert account.raw.newest("companies")["1"]["name"] == "Back again"
    assert account.load(ALWAYS) == {}
    account.fake.archive("companies", "1", account.raw.as_of)
    account.load()
    assert account.raw.live("companies") == {"2"}


def test_merges_in_a_chain(account: Account):
    for number in "123":
        account.fake.put("contacts", number, at(0), email=f"p{number}@example.com")
        account.fake.link("contacts", number, "companies", "90")
    account.load()
    account.fake.merge("2", "1", at(10))
    account.load()
    account.fake.merge("3", "2", at(20))
    account.load()
    newest = account.raw.newest("contacts")
    assert newest["3"]["merged_ids"] == "1;2"
    assert [(newest[n]["is_deleted"], newest[n]["modified_at"]) for n in "12"] == [(True, at(10)), (True, at(20))]
    assert newest["1"]["email"] == "p1@example.com"
    assert account.raw.live("associations") == {"contacts:3:companies:90:1"}
    assert account.load(ALWAYS) == {}


def test_a_merge_before_the_first_run_invents_no_object(account: Account):
    account.fake.put("contacts", "1", at(0))
    account.fake.put("contacts", "2", at(0))
    account.fake.merge("2", "1", at(10))
    account.load()
    account.load()
    assert set(account.raw.newest("contacts")) == {"2"}


def test_a_removed_association_ends(account: Account):
    account.fake.put("deals", "1", at(0))
    account.fake.put("contacts", "1", at(0))
    account.fake.link("contacts", "1", "companies", "90")
    for company in ("90", "91"):
        account.fake.link("deals", "1", "companies", company)
    account.load()
    account.fake.unlink("deals", "1", "companies", "90")
    account.fake.put("deals", "1", at(10))
    account.load()
    assert account.raw.live("associations") == {"contacts:1:companies:90:1", "deals:1:companies:91:1"}
    account.fake.link("deals", "1", "companies", "90")
    account.fake.put("deals", "1", at(20))
    account.load()
    assert "deals:1:companies:90:1" in account.raw.live("associations")
    states = [
        row["is_deleted"]
        for row in account.raw.versions("associations")
        if row["id"].endswith("deals:1:companies:90:1")
    ]
    assert states == [False, True, False]


def test_an_association_that_changed_alone_is_found_by_reconciling(account: Account):
    account.fake.put("deals", "1", at(0))
    account.fake.put("deals", "2", at(60))
    account.fake.link("deals", "1", "companies", "90")
    account.load()
    account.fake.unlink("deals", "1", "companies", "90")
    assert account.load() == {}
    assert account.load(ALWAYS) == {"associations": 1}
    assert account.raw.live("associations") == set()


def test_ids_of_associations_are_text_whatever_they_were(account: Account):
    account.fake.put("deals", "1", at(0))
    account.fake.link("deals", "1", "companies", "90", 5, "Primary")
    account.load()
    account.fake.number_ids = True
    assert account.load(ALWAYS) == {}
    row = account.raw.newest("associations")["deals:1:companies:90:5"]
    assert (row["to_id"], row["type_id"], row["label"], row["category"]) == ("90", 5, "Primary", "HUBSPOT_DEFINED")


def test_reconciling_finds_purged_and_missed_objects(account: Account):
    for number in range(1, 9):
        account.fake.put("tickets", str(number), at(60 * number), subject=f"Ticket {number}")
    account.load()
    del account.fake.objects["tickets"]["2"]
    account.fake.put("tickets", "99", at(-600), subject="came with an old instant")
    assert account.load() == {}
    as_of = account.raw.as_of
    assert account.load(ALWAYS) == {"tickets": 2}
    newest = account.raw.newest("tickets")
    assert (newest["2"]["is_deleted"], newest["2"]["subject"], newest["2"]["modified_at"]) == (True, "Ticket 2", as_of)
    assert not newest["99"]["is_deleted"]
    assert account.load(ALWAYS) == {}


def test_reconciling_happens_at_its_interval(account: Account):
    account.fake.put("tickets", "1", at(0))
    account.fake.put("tickets", "2", at(60))
    weekly = Options()
    account.load(weekly)
    del account.fake.objects["tickets"]["1"]
    stored = [account.load(weekly).get("tickets", 0) for _ in range(7)]
    assert stored == [0, 0, 0, 0, 0, 0, 1]


def test_a_short_listing_alone_deletes_nobody(account: Account):
    for number in range(1, 6):
        account.fake.put("tickets", str(number), at(number * 60))
    account.load()

    def short(fake: FakeHubSpot, request: httpx.Request) -> httpx.Response | None:
        is_list = request.method == "GET" and request.url.path.endswith("/objects/tickets")
        return httpx.Response(200, json={"results": []}) if is_list else None

    account.fake.before = short
    assert account.load(ALWAYS) == {}


def test_lost_cursors_cost_a_full_read_and_no_rows(account: Account):
    for number in range(1, 6):
        account.fake.put("deals", str(number), at(number), dealstage="open")
        account.fake.link("deals", str(number), "contacts", "7")
    account.load()
    account.raw.states.clear()
    del account.fake.objects["deals"]["1"]
    assert account.load() == {"deals": 1, "associations": 1}
    assert "1" not in account.raw.live("deals")


def test_custom_properties_lie_in_the_payload(account: Account):
    account.fake.put("contacts", "1", at(0), email="a@example.com", shoe_size="43", empty=None)
    account.load()
    payload = json.loads(account.raw.newest("contacts")["1"]["payload"])
    assert payload["properties"]["shoe_size"] == "43"
    assert "propertiesWithHistory" not in payload
    fields = {
        row["field"] for row in account.raw.query("select field from raw_hubspot.drift where stream = 'contacts'")
    }
    assert "properties.shoe_size" in fields
    names = {row["name"] for row in account.raw.versions("properties") if row["object_type"] == "contacts"}
    assert "shoe_size" in names


def test_a_new_property_changes_no_object(account: Account):
    account.fake.put("notes", "1", at(0))
    account.load()
    account.fake.custom["notes"] = ["brand_new"]
    assert account.load(ALWAYS) == {}


def test_what_cannot_be_typed_is_quarantined_and_the_rest_is_loaded(account: Account):
    account.fake.put("deals", "1", at(0), amount="12.50", closedate="2026-03-01T00:00:00Z")
    account.fake.put("deals", "2", at(1), amount="a lot")
    account.load()
    assert account.raw.live("deals") == {"1"}
    (row,) = account.raw.query("select * from raw_hubspot.quarantine")
    assert (row["stream"], row["id"]) == ("deals", "2")
    assert "properties.amount: 'a lot' is not a decimal number" in row["reason"]
    deal = account.raw.newest("deals")["1"]
    assert (deal["amount"], deal["close_at"]) == (Decimal("12.5"), datetime(2026, 3, 1, tzinfo=UTC))


def test_owners_pipelines_and_stages(account: Account):
    account.fake.owners = [
        {"id": "1", "email": "a@example.com", "firstName": "A", "userId": 11, "teams": [{"id": "5", "name": "EMEA"}],
         "createdAt": iso(at(0)), "updatedAt": iso(at(0)), "archived": False},
        {"id": "2", "createdAt": iso(at(0)), "updatedAt": iso(at(1)), "archived": True},
    ]  # fmt: skip
    won = {"id": "won", "label": "Won", "displayOrder": 2, "metadata": {"isClosed": "true", "probability": "1.0"}}
    done = {"id": "4", "label": "Closed", "displayOrder": 3, "metadata": {"ticketState": "CLOSED"}}
    account.fake.pipelines = {
        "deals": [{"id": "default", "label": "Sales", "stages": [won]}],
        "tickets": [{"id": "0", "label": "Support", "stages": [done]}],
    }
    assert account.load() == {"owners": 2, "pipelines": 2, "pipeline_stages": 2}
    owner = account.raw.newest("owners")["1"]
    assert (owner["user_id"], owner["team"], owner["first_name"]) == ("11", "EMEA", "A")
    assert account.raw.live("owners") == {"1"}
    stages = account.raw.newest("pipeline_stages")
    stage = stages["deals:default:won"]
    assert (stage["is_closed"], stage["probability"], stage["display_order"]) == (True, 1, 2)
    assert stages["tickets:0:4"]["is_closed"] is True
    assert account.raw.newest("pipelines")["deals:default"]["label"] == "Sales"

    account.fake.pipelines["deals"][0]["stages"] = []
    assert account.load() == {"pipeline_stages": 1}
    assert account.raw.live("pipeline_stages") == {"tickets:0:4"}


def test_a_start_date_limits_the_first_run(tmp_path: Path):
    account = Account(tmp_path, hubspot_start_date=date(2026, 1, 2))
    account.fake.put("deals", "1", at(0))
    account.fake.put("deals", "2", at(48 * 60))
    account.load(ALWAYS)
    account.load(ALWAYS)
    assert account.raw.live("deals") == {"2"}


def test_missing_scopes_are_told_and_move_no_cursor(account: Account):
    account.fake.put("tickets", "1", at(0))

    def deny(fake: FakeHubSpot, request: httpx.Request) -> httpx.Response | None:
        denied = {"status": "error", "message": "scope tickets is missing", "category": "MISSING_SCOPES"}
        return httpx.Response(403, json=denied) if "/objects/tickets" in request.url.path else None

    account.fake.before = deny
    with pytest.raises(PermissionDenied, match="tickets"):
        account.load()
    assert account.raw.states == {}


def test_many_objects_of_one_instant_beyond_the_search_limit(account: Account):
    account.fake.search_cap = 8
    account.fake.put("emails", "1", at(0))
    account.load()
    for number in range(2, 42):
        account.fake.put("emails", str(number), at(5))
    assert account.load()["emails"] == 40


def test_declared_streams():
    assert len({stream.name for stream in STREAMS}) == len(STREAMS) == 15
    for name, stream in OBJECT_STREAMS.items():
        assert stream.container == "properties"
        assert stream.name == name
