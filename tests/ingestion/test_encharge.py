"""Encharge into raw: shifting listings, disappearing people, landed events."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from ingestion.encharge.api import Encharge, UnstableListing
from ingestion.encharge.inbox import Inbox, read_lines
from ingestion.encharge.schema import event_id, is_automated, is_automated_agent
from ingestion.encharge.source import readers
from ingestion.http import AuthenticationFailed, HttpClient, RetryBudget, SourceError
from ingestion.load import run_source
from tests.ingestion.raw_harness import Harness

Json = dict[str, Any]
KEY = "encharge-test-key"
CHROME = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 Chrome/120.0 Safari/537.36"


class FakeEncharge:
    """People in an order, segments, fields and tags; `before` may change them or answer itself."""

    def __init__(self) -> None:
        self.people: list[Json] = []
        self.segments: dict[str, list[str]] = {}
        self.fields: list[Json] = []
        self.tags: list[Any] = []
        self.most = 1000
        self.requests: list[str] = []
        self.before: Callable[[httpx.Request], httpx.Response | None] | None = None

    def handle(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request.url.path)
        if self.before is not None and (answer := self.before(request)) is not None:
            return answer
        if request.headers["X-Encharge-Token"] != KEY:
            return httpx.Response(401, json={"error": {"message": "wrong", "traceId": "1"}})
        match request.url.path.removeprefix("/v1").strip("/").split("/"):
            case ["people", "all"]:
                return self._page(request, self.people)
            case ["segments"]:
                return httpx.Response(200, json={"segments": [{"id": int(s), "name": s} for s in self.segments]})
            case ["segments", id_, "people"] if id_ in self.segments:
                return self._page(request, [p for p in self.people if p["id"] in self.segments[id_]])
            case ["fields"]:
                return httpx.Response(200, json={"items": self.fields})
            case ["tags-management"]:
                return httpx.Response(200, json={"tags": self.tags})
        return httpx.Response(404, json={"error": {"message": "not found"}})

    def _page(self, request: httpx.Request, people: list[Json]) -> httpx.Response:
        offset, limit = int(request.url.params["offset"]), min(int(request.url.params["limit"]), self.most)
        return httpx.Response(200, json={"people": people[offset : offset + limit]})

    def client(self, key: str = KEY) -> HttpClient:
        return HttpClient(
            "encharge",
            "https://encharge.test/v1",
            {"X-Encharge-Token": key},
            [key],
            RetryBudget(attempts=2),
            transport=httpx.MockTransport(self.handle),
            sleep=lambda _: None,
        )

    def account(self, **sizes: int) -> Encharge:
        return Encharge(self.client(), **({"page": 10, "overlap": 3} | sizes))


class Account:
    """A fake account, its landing folder, and the raw tables that both are loaded into."""

    def __init__(self, folder: Path) -> None:
        self.fake = FakeEncharge()
        self.raw = Harness(folder, "encharge", {"encharge_api_key": KEY})
        self.inbox = Inbox(self.raw.settings().landing_dir / "encharge")
        self.inbox.prepare()

    def load(self) -> dict[str, int]:
        stored = self.raw.run(lambda context: readers(self.fake.account(), context, self.inbox))
        stored.pop("drift", None)
        return stored

    def land(self, name: str, *events: Json | str) -> None:
        lines = [event if isinstance(event, str) else json.dumps(event) for event in events]
        (self.inbox.inbox / name).write_text("\n".join(lines) + "\n")


@pytest.fixture
def account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Account:
    monkeypatch.setattr("ingestion.encharge.inbox.SETTLE_SECONDS", 0)
    return Account(tmp_path)


def person(number: int, **more: Any) -> Json:
    return {"id": f"p{number:04}", "email": f"p{number}@example.com", **more}


def event(number: int, kind: str = "emailSent", **more: Any) -> Json:
    moment = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=number)
    return {"id": f"evt_{number}", "type": kind, "createdAt": moment.isoformat(timespec="milliseconds"), **more}


def ids(people: list[Json]) -> list[str]:
    return sorted(p["id"] for p in people)


# --- listings -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [0, 1, 2, 9, 10, 11, 17, 50])
def test_all_people_whatever_their_number(count: int):
    fake = FakeEncharge()
    fake.people = [person(n) for n in range(count)]
    assert ids(fake.account().people()) == ids(fake.people)
    fake.most = 4
    assert ids(fake.account().people()) == ids(fake.people)


@pytest.mark.parametrize("removed", [1, 3, 8])
def test_people_removed_while_listing_hide_nobody(removed: int):
    fake = FakeEncharge()
    fake.people = [person(n) for n in range(50)]

    def remove(request: httpx.Request) -> None:
        if len(fake.requests) == 3:
            del fake.people[:removed]

    fake.before = remove
    found = ids(fake.account().people())
    assert set(found) >= set(ids(fake.people))
    assert len(found) == len(set(found))


def test_people_added_in_front_while_listing_hide_nobody_and_double_nobody():
    fake = FakeEncharge()
    fake.people = [person(n) for n in range(50)]
    before = ids(fake.people)

    def add(request: httpx.Request) -> None:
        fake.people.insert(0, person(1000 + len(fake.requests)))

    fake.before = add
    found = ids(fake.account().people())
    assert set(before) <= set(found)
    assert len(found) == len(set(found))


def test_a_listing_that_never_holds_still_is_given_up():
    fake = FakeEncharge()
    fake.people = [person(n) for n in range(1000)]
    fake.before = lambda _: fake.people.__delitem__(slice(0, 8))
    with pytest.raises(UnstableListing, match="shifted in each of 3 attempts"):
        fake.account(attempts=3).people()


def test_an_answer_without_a_list_is_an_error():
    fake = FakeEncharge()
    fake.before = lambda _: httpx.Response(200, json={"status": "ok"})
    with pytest.raises(SourceError, match="no list of people"):
        fake.account().people()


def test_a_wrong_key_is_told_without_showing_it():
    with pytest.raises(AuthenticationFailed, match="ENCHARGE_API_KEY") as caught:
        Encharge(FakeEncharge().client("a-wrong-key")).people()
    assert "a-wrong-key" not in str(caught.value)


def test_tags_may_be_text_or_objects():
    fake = FakeEncharge()
    fake.tags = ["vip", {"tag": "trial", "count": 3}]
    assert fake.account().tags() == [{"tag": "vip"}, {"tag": "trial", "count": 3}]


def test_a_segment_deleted_a_moment_ago_has_nobody():
    assert FakeEncharge().account().segment_people("7") == []


# --- people, segments, fields, tags ---------------------------------------------------------------------------------


def test_only_what_changed_is_stored(account: Account):
    account.fake.people = [person(n, leadScore=n, customField={"deep": 1}) for n in range(30)]
    account.fake.segments = {"5": ["p0001", "p0002"]}
    account.fake.fields = [{"name": "customField", "title": "Custom", "type": "string"}]
    account.fake.tags = ["vip"]
    assert account.load() == {"people": 30, "segments": 1, "segment_people": 2, "fields": 1, "tags": 1}
    assert account.load() == {}
    account.fake.people[3]["leadScore"] = 99
    assert account.load() == {"people": 1}
    account.fake.people[3]["leadScore"] = 3
    assert account.load() == {"people": 1}
    scores = [row["lead_score"] for row in account.raw.versions("people") if row["id"] == "p0003"]
    assert scores == [3, 99, 3]
    assert json.loads(account.raw.newest("people")["p0003"]["payload"])["customField"] == {"deep": 1}
    assert account.raw.newest("segment_people")["5:p0001"]["segment_id"] == "5"


def test_who_disappeared_is_deleted_and_may_come_back(account: Account):
    account.fake.people = [person(n) for n in range(12)]
    account.fake.segments = {"5": ["p0001", "p0002"]}
    account.load()
    gone = account.fake.people.pop(1)
    assert account.load() == {"people": 1, "segment_people": 1}
    row = account.raw.newest("people")["p0001"]
    assert (row["is_deleted"], row["email"]) == (True, "p1@example.com")
    assert account.raw.live("segment_people") == {"5:p0002"}
    assert account.load() == {}
    account.fake.people.append(gone)
    assert account.load() == {"people": 1, "segment_people": 1}
    assert "p0001" in account.raw.live("people")


def test_one_incomplete_listing_deletes_nobody(account: Account):
    account.fake.people = [person(n) for n in range(12)]
    account.load()
    asked: list[int] = []

    def empty_once(request: httpx.Request) -> httpx.Response | None:
        if request.url.path.endswith("/people/all"):
            asked.append(1)
            return httpx.Response(200, json={"people": []}) if len(asked) == 1 else None
        return None

    account.fake.before = empty_once
    assert account.load() == {}


def test_removed_segments_fields_and_tags(account: Account):
    account.fake.people = [person(1)]
    account.fake.segments = {"5": ["p0001"], "6": ["p0001"]}
    account.fake.fields, account.fake.tags = [{"name": "a"}, {"name": "b"}], ["x", "y"]
    account.load()
    del account.fake.segments["5"], account.fake.fields[0], account.fake.tags[0]
    assert account.load() == {"segments": 1, "segment_people": 1, "fields": 1, "tags": 1}
    assert account.raw.live("segment_people") == {"6:p0001"}
    assert (account.raw.live("fields"), account.raw.live("tags")) == ({"b"}, {"y"})


def test_a_person_that_cannot_be_typed_is_quarantined(account: Account):
    account.fake.people = [person(1, leadScore="hot"), person(2, leadScore="7", unsubscribed="true")]
    account.load()
    assert account.raw.live("people") == {"p0002"}
    assert account.raw.newest("people")["p0002"]["is_unsubscribed"] is True
    (row,) = account.raw.query("select * from raw_encharge.quarantine")
    assert (row["id"], row["reason"]) == ("p0001", "leadScore: 'hot' is not a whole number")


# --- events ---------------------------------------------------------------------------------------------------------


def test_landed_events_are_loaded_once_and_archived(account: Account):
    opened = event(
        1, "emailOpened", person={"id": "p1", "email": "a@example.com"}, userAgent=CHROME,
        email={"id": 7, "name": "Welcome", "subject": "Hi"}, campaign={"id": 9, "name": "Onboarding"},
    )  # fmt: skip
    visit = event(2, "pageVisited", anonymousId="anon", page={"url": "https://x.test/?utm_source=a", "title": "Home"})
    account.land("export.jsonl", opened, visit, opened)
    (account.inbox.inbox / "list.json").write_text(json.dumps([event(3), event(4)], indent=2))
    (account.inbox.inbox / "one.json").write_text(json.dumps(event(5)))
    account.inbox.append([json.dumps(event(6)).encode(), json.dumps(opened).encode()])
    assert account.load() == {"events": 6}
    assert account.inbox.waiting() == []
    assert len(list(account.inbox.loaded.iterdir())) == 4
    rows = account.raw.newest("events")
    first, second = rows["evt_1"], rows["evt_2"]
    assert (first["email_id"], first["campaign_name"], first["is_automated"]) == ("7", "Onboarding", False)
    assert first["occurred_at"] == first["modified_at"] == datetime(2026, 1, 1, 0, 1, tzinfo=UTC)
    assert (second["url"], second["anonymous_id"], second["is_automated"]) == (
        "https://x.test/?utm_source=a",
        "anon",
        None,
    )
    account.land("again.jsonl", opened, visit)
    assert account.load() == {}


def test_a_crash_before_archiving_costs_nothing(account: Account, monkeypatch: pytest.MonkeyPatch):
    account.land("export.jsonl", event(1), event(2))
    with monkeypatch.context() as patch:
        patch.setattr("ingestion.encharge.source.Landed.archive", lambda _: None)
        assert account.load() == {"events": 2}
    assert len(account.inbox.waiting()) == 1
    assert account.load() == {}
    assert account.inbox.waiting() == []


def test_a_failed_run_leaves_the_files(account: Account):
    account.land("export.jsonl", event(1))
    account.fake.before = lambda request: httpx.Response(403, json={}) if "tags" in request.url.path else None
    with pytest.raises(SourceError):
        account.load()
    account.fake.before = None
    assert account.load() == {"events": 1}


def test_what_arrives_while_loading_waits_for_the_next_run(account: Account):
    account.land("export.jsonl", event(1))

    def arrive(request: httpx.Request) -> None:
        if request.url.path.endswith("/fields"):
            account.inbox.append([json.dumps(event(2)).encode()])

    account.fake.before = arrive
    account.load()
    account.fake.before = None
    account.load()
    assert account.raw.live("events") == {"evt_1", "evt_2"}


def test_events_without_an_id_are_told_apart_by_content(account: Account):
    anonymous = {key: value for key, value in event(1).items() if key != "id"}
    account.land("a.jsonl", anonymous, dict(reversed(anonymous.items())), anonymous | {"tag": "x"})
    assert account.load() == {"events": 2}
    assert all(id_.startswith("hash:") for id_ in account.raw.live("events"))
    assert event_id(anonymous) == event_id(dict(reversed(anonymous.items())))


def test_what_is_no_event_is_quarantined_with_its_place(account: Account):
    account.land(
        "bad.jsonl", event(1), "{torn", json.dumps([1]), "", event(2) | {"type": ""},
        {"id": "evt_3", "type": "emailSent"}, event(4) | {"createdAt": "yesterday"},
        event(5) | {"score": {"value": "high"}}, event(6),
    )  # fmt: skip
    account.load()
    assert account.raw.live("events") == {"evt_1", "evt_6"}
    reasons = [row["reason"] for row in account.raw.query("select reason from raw_encharge.quarantine")]
    assert sorted(reason.split(":")[0] for reason in reasons) == [
        "bad.jsonl line 2", "bad.jsonl line 3", "bad.jsonl line 5", "bad.jsonl line 6", "createdAt", "score.value",
    ]  # fmt: skip
    assert "bad.jsonl line 5: type missing" in reasons
    assert "bad.jsonl line 6: createdAt missing" in reasons


def test_lines_of_files_in_every_form(tmp_path: Path):
    def read(name: str, content: bytes) -> list[tuple[int, Json | None]]:
        path = tmp_path / name
        path.write_bytes(content)
        return [(line.number, line.event) for line in read_lines(path)]

    assert read("bom.jsonl", b'\xef\xbb\xbf{"a":1}\r\n\r\n{"a":2}') == [(1, {"a": 1}), (3, {"a": 2})]
    assert read("lines.json", b'{"a":1}\n{"a":2}\n') == [(1, {"a": 1}), (2, {"a": 2})]
    assert read("list.json", b'[{"a":1},\n{"a":2}]') == [(1, {"a": 1}), (2, {"a": 2})]
    assert read("broken.json", b'[{"a":1},\n{"a":') == [(1, None)]
    assert read("empty.json", b" ") == read("empty.jsonl", b"") == []
    assert read("latin.jsonl", b'{"a":"\xe9"}') == [(1, None)]


@pytest.mark.parametrize(
    "agent, automated",
    [
        (CHROME, False),
        ("Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)", False),
        ("YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html", False),
        ("Mozilla/5.0", True),
        (" Mozilla/5.0 ", True),
        ("Mozilla/5.0 (compatible; BarracudaSentinel/1.0)", True),
        ("Mimecast-URL-Scanner", True),
        ("Mozilla/5.0 (compatible; bingbot/2.0)", True),
        ("Googlebot/2.1", True),
        ("Mozilla/5.0 (Linux; Android 9; CUBOT X19) AppleWebKit/537.36", False),
        ("Mozilla/5.0 (bottle)", False),
        ("", None),
        (None, None),
    ],
)
def test_user_agents(agent: str | None, automated: bool | None):
    assert is_automated_agent(agent) is automated
    assert is_automated({"type": "emailOpened", "userAgent": agent}) is automated


def test_automation_is_judged_for_opens_only_unless_the_sender_says_it():
    assert is_automated({"type": "emailClicked", "userAgent": "Mozilla/5.0"}) is None
    assert is_automated({"type": "emailClicked", "isAutomated": True}) is True
    assert is_automated({"type": "emailOpened", "userAgent": "Mozilla/5.0", "isAutomated": False}) is False


def test_through_the_loader(account: Account, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("ingestion.encharge.source.HttpClient", lambda *_, **__: account.fake.client())
    account.fake.people = [person(n) for n in range(5)]
    account.land("export.jsonl", *(event(n) for n in range(20)), "{torn")
    settings = account.raw.settings()
    report = run_source("encharge", settings)
    assert (report.rows_loaded["people"], report.rows_loaded["events"]) == (5, 20)
    assert report.rows_quarantined == {"events": 1}
    assert account.inbox.waiting() == []
    account.land("again.jsonl", *(event(n) for n in range(15, 21)))
    report = run_source("encharge", settings.model_copy(update={"as_of": settings.as_of + timedelta(days=1)}))
    assert {stream: rows for stream, rows in report.rows_loaded.items() if rows} == {"events": 1}
