"""The HTTP client: every cause for another try, the budget, and where the key may never go."""

import json
import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest

from ingestion.http import (
    AuthenticationFailed,
    HttpClient,
    NotFound,
    PermissionDenied,
    RequestRejected,
    RetryBudget,
    SourceError,
)

KEY = "sk_live_51AbCdEf"
Answer = Callable[[httpx.Request], httpx.Response]


class Server:
    """Gives the answers in turn, the last one again and again, and notes requests and pauses."""

    def __init__(self, *answers: Answer | httpx.Response | Exception) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []
        self.pauses: list[float] = []
        self.time = 0.0

    def client(self, budget: RetryBudget | None = None, base: str = "https://api.example.com/v1", **more) -> HttpClient:
        return HttpClient(
            "acme",
            base,
            {"Authorization": f"Bearer {KEY}"},
            [KEY],
            budget or RetryBudget(attempts=5),
            transport=httpx.MockTransport(self._answer),
            sleep=self._sleep,
            clock=lambda: self.time,
            rand=lambda: 1.0,
            **more,
        )

    def _sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.time += seconds

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer(request) if callable(answer) else answer


def ok(body: object = None) -> httpx.Response:
    return httpx.Response(200, json={"ok": True} if body is None else body)


class Truncated(httpx.SyncByteStream):
    def __iter__(self) -> Iterator[bytes]:
        yield b'{"data": [1, 2'
        raise httpx.RemoteProtocolError("peer closed connection without sending complete message body")


@pytest.mark.parametrize(
    "failure",
    [
        httpx.Response(429),
        httpx.Response(423),
        httpx.Response(500, text="<html>oops"),
        httpx.Response(502),
        httpx.Response(503),
        httpx.Response(504),
        httpx.Response(200, content=b'{"data": [1, 2'),
        httpx.Response(200, content=b""),
        httpx.Response(200, content=b"NaN"),
        httpx.Response(200, stream=Truncated()),
        httpx.Response(200, headers={"Content-Encoding": "gzip"}, stream=httpx.ByteStream(b"not gzip")),
        httpx.ReadError("connection reset by peer"),
        httpx.RemoteProtocolError("server disconnected"),
        httpx.ReadTimeout("timed out"),
        httpx.ConnectTimeout("timed out"),
        httpx.ConnectError("connection refused"),
        httpx.PoolTimeout("busy"),
    ],
    ids=lambda failure: f"{getattr(failure, 'status_code', type(failure).__name__)}",
)
def test_what_a_second_try_may_mend_is_tried_again(failure: httpx.Response | Exception) -> None:
    server = Server(failure, ok())
    with server.client() as client:
        assert client.get("/things", stream="things") == {"ok": True}
    assert len(server.requests) == 2
    assert len(server.pauses) == 1


def test_pauses_grow_and_are_capped() -> None:
    server = Server(*[httpx.Response(500)] * 7, ok())
    budget = RetryBudget(attempts=8, first_pause=1, longest_pause=10)
    server.client(budget).get("/things")
    assert server.pauses == [1, 2, 4, 8, 10, 10, 10]


def test_jitter_takes_away_at_most_half() -> None:
    budget = RetryBudget(first_pause=2)
    assert (budget.pause(1, lambda: 0.0), budget.pause(1, lambda: 1.0)) == (1.0, 2.0)


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_in_seconds_is_honoured(status: int) -> None:
    server = Server(httpx.Response(status, headers={"Retry-After": "7"}), ok())
    server.client().get("/things")
    assert server.pauses == [7.0]


def test_retry_after_as_a_date_is_read_against_the_servers_clock() -> None:
    server_time = datetime(2020, 1, 1, tzinfo=UTC)
    headers = {
        "Date": format_datetime(server_time, True),
        "Retry-After": format_datetime(server_time + timedelta(seconds=9), True),
    }
    server = Server(httpx.Response(429, headers=headers), ok())
    server.client().get("/things")
    assert server.pauses == [9.0]


@pytest.mark.parametrize("value", ["soon", "-5", "", "nan", "inf", "1.5.2"])
def test_a_retry_after_that_makes_no_sense_is_ignored(value: str) -> None:
    server = Server(httpx.Response(429, headers={"Retry-After": value}), ok())
    server.client(RetryBudget(first_pause=1)).get("/things")
    assert server.pauses == [1.0]


def test_a_retry_after_in_the_past_means_now() -> None:
    headers = {"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}
    server = Server(httpx.Response(429, headers=headers), ok())
    server.client().get("/things")
    assert server.pauses == [0.0]


def test_it_gives_up_after_the_attempts_with_a_message_that_says_where() -> None:
    server = Server(httpx.Response(503, json={"error": {"message": f"overloaded {KEY}"}}))
    with pytest.raises(SourceError) as caught:
        server.client(RetryBudget(attempts=3)).get("/things", {"after": "p17", "limit": 100}, stream="contacts")
    message = str(caught.value)
    assert len(server.requests) == 3
    for part in ("acme", "contacts", "/things", "after=p17", "3 attempts", "503", "overloaded"):
        assert part in message
    assert KEY not in message


def test_it_gives_up_when_the_time_is_spent() -> None:
    server = Server(httpx.Response(429, headers={"Retry-After": "40"}))
    with pytest.raises(SourceError, match="2 attempts"):
        server.client(RetryBudget(attempts=50, total_seconds=60)).get("/things")
    assert server.pauses == [40.0]


def test_a_wait_longer_than_the_budget_is_not_waited_for() -> None:
    server = Server(httpx.Response(429, headers={"Retry-After": "86400"}))
    with pytest.raises(SourceError, match="asked to wait 86400 s"):
        server.client().get("/things")
    assert server.pauses == []


def test_a_host_that_never_answered_is_given_up_early() -> None:
    server = Server(httpx.ConnectError("connection refused"))
    with pytest.raises(SourceError, match="4 attempts"):
        server.client(RetryBudget(attempts=12)).get("/things")
    flaky = Server(ok(), httpx.ConnectError("connection refused"))
    client = flaky.client(RetryBudget(attempts=12))
    client.get("/things")
    with pytest.raises(SourceError, match="12 attempts"):
        client.get("/things")


@pytest.mark.parametrize(("status", "error"), [(401, AuthenticationFailed), (403, PermissionDenied)])
def test_a_refused_key_fails_at_once_and_says_what_to_do(status: int, error: type[SourceError]) -> None:
    server = Server(httpx.Response(status, json={"message": f"bad key {KEY}", "status": "error"}))
    with pytest.raises(error) as caught:
        server.client().get("/things", stream="owners")
    assert len(server.requests) == 1
    message = str(caught.value)
    assert "owners" in message and KEY not in message
    assert "THROUGHLINE_ACME_API_KEY" in message if status == 401 else "read access to owners" in message


@pytest.mark.parametrize(
    ("status", "error"), [(400, RequestRejected), (404, NotFound), (410, NotFound), (409, RequestRejected)]
)
def test_other_refusals_are_not_repeated(status: int, error: type[RequestRejected]) -> None:
    server = Server(httpx.Response(status, json={"error": {"message": "no", "code": "x"}}))
    with pytest.raises(error) as caught:
        server.client().get("/things/1")
    assert len(server.requests) == 1
    assert (caught.value.status, caught.value.body) == (status, {"error": {"message": "no", "code": "x"}})


def test_a_not_found_page_of_html_is_not_quoted() -> None:
    server = Server(httpx.Response(404, html="<html><body>Not here</body></html>"))
    with pytest.raises(NotFound) as caught:
        server.client().get("/things/1")
    assert "<html>" not in str(caught.value)


def test_a_provider_may_have_its_own_way_to_say_later() -> None:
    server = Server(httpx.Response(409, text="lock_timeout"), ok())
    client = server.client(retry_on=lambda status, body: status == 409 and "lock_timeout" in body)
    assert client.get("/things") == {"ok": True}


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/v1/things",
        "http://api.example.com/v1/things",
        "https://api.example.com:8443/v1/things",
        "https://api.example.com.evil.example/v1",
        "//evil.example/things",
        "https://api.example.com@evil.example/",
    ],
)
def test_the_key_never_leaves_its_origin(target: str) -> None:
    for status in (301, 302, 303, 307, 308):
        server = Server(httpx.Response(status, headers={"Location": target}))
        with pytest.raises(SourceError, match="refused a redirect"):
            server.client().get("/things")
        assert [r.url.host for r in server.requests] == ["api.example.com"]
    server = Server(ok())
    with pytest.raises(SourceError, match="refused to follow a link"):
        server.client().get(target)
    assert server.requests == []


def test_a_redirect_within_the_origin_is_followed() -> None:
    server = Server(httpx.Response(307, headers={"Location": "/v2/things?page=2"}), ok())
    assert server.client().post("/things", {"a": 1}) == {"ok": True}
    assert [str(r.url) for r in server.requests] == [
        "https://api.example.com/v1/things",
        "https://api.example.com/v2/things?page=2",
    ]
    assert json.loads(server.requests[1].content) == {"a": 1}


def test_redirects_in_a_circle_end() -> None:
    server = Server(httpx.Response(302, headers={"Location": "/v1/things"}))
    with pytest.raises(SourceError, match="redirects"):
        server.client().get("/things")


def test_a_next_link_of_the_same_origin_is_followed() -> None:
    server = Server(ok())
    server.client().get("https://api.example.com:443/v1/things?after=2")
    assert str(server.requests[0].url) == "https://api.example.com/v1/things?after=2"


def test_parameters_repeat_for_lists_and_leave_none_out() -> None:
    server = Server(ok())
    server.client().get("/things", {"types[]": ["a", "b"], "after": None, "archived": True, "created[gte]": 5})
    assert server.requests[0].url.query.decode() == "types%5B%5D=a&types%5B%5D=b&archived=true&created%5Bgte%5D=5"


def test_a_partial_success_is_a_success() -> None:
    server = Server(httpx.Response(207, json={"results": [], "errors": [{"category": "OBJECT_NOT_FOUND"}]}))
    assert server.client().post("/batch/read", {"inputs": []})["errors"]


def test_no_content_is_nothing() -> None:
    assert Server(httpx.Response(204)).client().get("/things") is None


def test_escaped_lone_surrogates_are_read() -> None:
    assert Server(httpx.Response(200, content=b'{"name": "\\ud83d"}')).client().get("/x") == {"name": "\ud83d"}


def test_the_key_is_in_no_log_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    server = Server(httpx.Response(500, text=f"token {KEY} failed"), httpx.ReadError(f"reset {KEY}"), ok())
    server.client().get("/things", {"token": KEY}, stream="people")
    assert "people" in caplog.text
    ours = [record for record in caplog.records if record.name.startswith("ingestion")]
    assert len(ours) == 2 and not any(KEY in record.getMessage() for record in ours)


@pytest.mark.parametrize("base", ["ftp://x.example", "api.example.com", "http://", ""])
def test_a_base_url_has_to_be_one(base: str) -> None:
    with pytest.raises(SourceError, match="not an http"):
        Server(ok()).client(base=base)
