"""The one HTTP client that every source uses.

It knows a base URL and the headers that carry the key, and it sends them nowhere else: a link or a redirect that
leads to another host, port or scheme is refused. Answers that a second try may mend are tried again with growing,
jittered pauses (or the pause that the server asks for) until the retry budget is spent. What it raises names the
provider, the endpoint and the page, and never the key.
"""

from __future__ import annotations

import json
import logging
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode, urljoin, urlsplit

import httpx
import orjson

log = logging.getLogger(__name__)

Params = Mapping[str, Any] | Sequence[tuple[str, Any]]

RETRIED_STATUS = frozenset({423, 425, 429, 500, 502, 503, 504})
REDIRECTS = frozenset({301, 302, 303, 307, 308})
MAX_REDIRECTS = 5
SHOWN_BODY = 300
# A host that never answered is more likely misspelt than busy: say so soon.
FIRST_CONNECT_ATTEMPTS = 4


class SourceError(Exception):
    """A source could not be read. The message names provider, endpoint and page, and is safe to show."""


class AuthenticationFailed(SourceError):
    """The provider does not accept the key (401)."""


class PermissionDenied(SourceError):
    """The key is valid but may not read this stream (403)."""


class RequestRejected(SourceError):
    """The provider refused the request itself (4xx); the same request would be refused again.

    `status` is the HTTP status; `body` the parsed answer when it was JSON, else None.
    """

    def __init__(self, message: str, status: int, body: Any = None) -> None:
        super().__init__(message)
        self.status = status
        self.body = body


class NotFound(RequestRejected):
    """The object or the endpoint does not exist (404, or 410)."""


@dataclass(frozen=True, slots=True)
class RetryBudget:
    """How long one request may be tried again.

    `attempts` counts the first try too. `total_seconds` bounds the time from the first try on, pauses included.
    Pause n is `first_pause * 2**(n-1)` seconds, at most `longest_pause`, of which a random half is left away so that
    clients do not return in step. A pause that the server asks for is kept in full.
    """

    attempts: int = 12
    total_seconds: float = 600.0
    first_pause: float = 0.5
    longest_pause: float = 60.0

    def pause(self, failures: int, rand: Callable[[], float]) -> float:
        """Seconds to wait after the given number of failures (1 or more)."""
        full = min(self.longest_pause, self.first_pause * 2.0 ** min(failures - 1, 30))
        return full * (0.5 + 0.5 * rand())


class HttpClient:
    """A client for one provider.

    Args:
        provider: name used in messages.
        base_url: where the provider answers; paths are appended to it.
        headers: sent with every request, the key among them.
        secrets: texts that must never appear in a message or a log line.
        budget: how long to try.
        timeout: seconds for connecting, and for each read.
        transport: another httpx transport (tests).
        sleep, clock, rand: waiting, monotonic seconds, and random numbers in [0, 1) (tests).
        retry_on: statuses to be tried again besides 429, 423, 425 and the temporary 5xx, given the status and the body
            text: some providers throttle with other ones.
    """

    def __init__(
        self,
        provider: str,
        base_url: str,
        headers: Mapping[str, str] | None = None,
        secrets: Sequence[str] = (),
        budget: RetryBudget | None = None,
        *,
        timeout: float = 60.0,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        rand: Callable[[], float] = random.random,
        retry_on: Callable[[int, str], bool] | None = None,
    ) -> None:
        parts = urlsplit(base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise SourceError(f"{provider}: base URL {base_url!r} is not an http(s) URL")
        self.provider = provider
        self.base_url = base_url.rstrip("/")
        self.budget = budget or RetryBudget()
        self._secrets = sorted({s for s in secrets if s}, key=len, reverse=True)
        self._origin = _origin(base_url)
        self._sleep = sleep
        self._clock = clock
        self._rand = rand
        self._retry_on = retry_on
        self._was_reached = False
        self._client = httpx.Client(
            headers={"Accept": "application/json", "User-Agent": "throughline", **(headers or {})},
            timeout=httpx.Timeout(timeout),
            follow_redirects=False,
            transport=transport,
            # A proxy of the environment never stands between two programs on one machine.
            trust_env=self._origin[1] not in ("localhost", "127.0.0.1", "::1"),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def get(self, path: str, params: Params | None = None, stream: str | None = None) -> Any:
        """GET a path below the base URL (or a full URL of the same origin) and return the parsed JSON.

        `params` values may be lists, for keys that repeat. `stream` names what is being read, for messages.
        Raises AuthenticationFailed, PermissionDenied, NotFound or RequestRejected at once, and SourceError when the
        budget is spent.
        """
        return self._request("GET", path, params, None, stream)

    def post(self, path: str, json: Any, stream: str | None = None, params: Params | None = None) -> Any:
        """POST a JSON body and return the parsed JSON; 207 counts as success. Raises as `get` does.

        Only for requests that may be repeated (searches, batch reads).
        """
        return self._request("POST", path, params, json, stream)

    get_json = get
    post_json = post

    def redact(self, text: str) -> str:
        """The text without any of the secrets."""
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text

    def url_of(self, path: str) -> str:
        """The full URL of a path. Raises SourceError when it lies outside the provider's own origin."""
        if path.startswith("//") or "://" in path.split("?", 1)[0]:
            url = urljoin(self.base_url + "/", path)
        else:
            url = f"{self.base_url}/{path.lstrip('/')}"
        if _origin(url) != self._origin:
            raise SourceError(
                self.redact(
                    f"{self.provider}: refused to follow a link to {_origin_text(url)}; the key is only sent to "
                    f"{_origin_text(self.base_url)}"
                )
            )
        return url

    # --- one request ------------------------------------------------------------------------------------------------

    def _request(self, method: str, path: str, params: Params | None, body: Any, stream: str | None) -> Any:
        query = _query(params)
        where = self._where(method, path, query, stream)
        started = self._clock()
        failures = 0
        while True:
            wait: float | None = None
            unreachable = False
            try:
                response = self._send(method, path, query, body, where)
                problem, wait = self._problem(response, where, stream)
                if problem is None:
                    try:
                        return _parsed(response)
                    except ValueError as error:
                        problem = f"the answer is not valid JSON ({error})"
            except httpx.InvalidURL as error:
                raise SourceError(self.redact(f"{where}: not a valid URL: {error}")) from None
            except (httpx.TransportError, httpx.DecodingError) as error:
                problem = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
                unreachable = isinstance(error, httpx.ConnectError) and not self._was_reached
            failures += 1
            pause = self.budget.pause(failures, self._rand) if wait is None else wait
            spent = self._clock() - started
            attempts = min(self.budget.attempts, FIRST_CONNECT_ATTEMPTS) if unreachable else self.budget.attempts
            if failures >= attempts or spent + pause > self.budget.total_seconds:
                asked = f"; the provider asked to wait {wait:.0f} s more" if wait else ""
                raise SourceError(
                    self.redact(f"{where}: gave up after {failures} attempts in {spent:.0f} s: {problem}{asked}")
                )
            log.warning("%s", self.redact(f"{where}: {problem}; attempt {failures + 1} in {pause:.1f} s"))
            self._sleep(pause)

    def _send(self, method: str, path: str, query: list[tuple[str, str]], body: Any, where: str) -> httpx.Response:
        url = self.url_of(path)
        content = None if body is None else orjson.dumps(body)
        headers = {"Content-Type": "application/json"} if content is not None else None
        if query:
            url += ("&" if urlsplit(url).query else "?") + urlencode(query)
        for _ in range(MAX_REDIRECTS + 1):
            response = self._client.request(method, url, content=content, headers=headers)
            self._was_reached = True
            target = response.headers.get("location")
            if response.status_code not in REDIRECTS or not target:
                return response
            url = urljoin(url, target)
            if _origin(url) != self._origin:
                raise SourceError(
                    self.redact(
                        f"{where}: refused a redirect to {_origin_text(url)}; the key is only sent to "
                        f"{_origin_text(self.base_url)}"
                    )
                )
            if response.status_code == 303 and method != "GET":
                method, content, headers = "GET", None, None
        raise SourceError(f"{where}: more than {MAX_REDIRECTS} redirects")

    def _problem(self, response: httpx.Response, where: str, stream: str | None) -> tuple[str | None, float | None]:
        """What is wrong with an answer that may be tried again, and the pause asked for; raises for the others."""
        status = response.status_code
        if 200 <= status < 300:
            return None, None
        said = self._said(response)
        if status in RETRIED_STATUS or (self._retry_on is not None and self._retry_on(status, response.text)):
            return f"HTTP {status}{said}", _retry_after(response)
        if status == 401:
            setting = f"THROUGHLINE_{self.provider.upper()}"
            raise AuthenticationFailed(
                self.redact(
                    f"{where}: the key is not accepted (HTTP 401){said}. Check {setting}_API_KEY and {setting}_BASE_URL"
                )
            )
        if status == 403:
            raise PermissionDenied(
                self.redact(
                    f"{where}: the key may not read {stream or 'this endpoint'} (HTTP 403){said}. "
                    f"Give the key of {self.provider} read access to {stream or 'it'}, or use another key"
                )
            )
        kind = NotFound if status in (404, 410) else RequestRejected
        try:
            parsed = orjson.loads(response.content)
        except ValueError:
            parsed = None
        raise kind(self.redact(f"{where}: HTTP {status}{said}"), status, parsed)

    def _said(self, response: httpx.Response) -> str:
        """The provider's own words about an error, shortened."""
        try:
            answer = orjson.loads(response.content)
        except ValueError:
            return "" if "html" in response.headers.get("content-type", "") else _quoted(response.text)
        holder = answer[0] if isinstance(answer, list) and answer else answer
        if isinstance(holder, dict):
            error = holder.get("error", holder)
            if isinstance(error, str):
                return _quoted(error)
            if isinstance(error, dict):
                for key in ("message", "detail", "title", "code"):
                    if isinstance(error.get(key), str):
                        return _quoted(error[key])
        return ""

    def _where(self, method: str, path: str, query: list[tuple[str, str]], stream: str | None) -> str:
        """Provider, stream, endpoint and page of a request, for messages."""
        place = path.split("?", 1)[0]
        shown = [(k, v if len(v) <= 60 else v[:57] + "...") for k, v in query if k not in ("properties", "expand[]")]
        page = "?" + "&".join(f"{k}={v}" for k, v in shown) if shown else ""
        named = f" {stream}" if stream else ""
        return self.redact(f"{self.provider}{named}: {method} {place}{page}")


def _query(params: Params | None) -> list[tuple[str, str]]:
    """Query parameters as text pairs; lists repeat their key, None is left out."""
    pairs = params.items() if isinstance(params, Mapping) else params or ()
    flat: list[tuple[str, str]] = []
    for key, value in pairs:
        for one in value if isinstance(value, list | tuple) else (value,):
            if one is not None:
                flat.append((key, ("true" if one else "false") if isinstance(one, bool) else str(one)))
    return flat


def _parsed(response: httpx.Response) -> Any:
    """The JSON of an answer; None for an empty 204. Raises ValueError for anything else that is not JSON."""
    if response.status_code == 204:
        return None
    try:
        return orjson.loads(response.content)
    except orjson.JSONDecodeError:
        # orjson refuses escaped lone surrogates, which are legal JSON and occur in user-written text.
        return json.loads(response.content, parse_constant=_no_constant)


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _retry_after(response: httpx.Response) -> float | None:
    """Seconds to wait as told by a Retry-After header (seconds or an HTTP date); None when absent or unreadable.

    A date is read against the server's own clock when the answer carries it.
    """
    value = response.headers.get("retry-after", "").strip()
    if value.replace(".", "", 1).isdigit():
        return float(value)
    moment = _http_date(value)
    if moment is None:
        return None
    now = _http_date(response.headers.get("date", "")) or datetime.now(UTC)
    return max(0.0, (moment - now).total_seconds())


def _http_date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (TypeError, ValueError, IndexError):
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _origin(url: str) -> tuple[str, str, int]:
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        port = -1
    return parts.scheme.lower(), (parts.hostname or "").lower(), port or (443 if parts.scheme == "https" else 80)


def _origin_text(url: str) -> str:
    scheme, host, port = _origin(url)
    return f"{scheme}://{host}:{port}"


def _quoted(text: str) -> str:
    plain = " ".join(text.split()).rstrip(".")
    return f': "{plain[:SHOWN_BODY]}"' if plain else ""
