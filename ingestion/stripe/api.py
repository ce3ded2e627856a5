"""Stripe's API as far as the connector needs it: lists, single objects, events."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ingestion.http import HttpClient, NotFound, RequestRejected, SourceError

# The version whose shapes the schema reads first; an account's own default version does not matter then.
API_VERSION = "2025-09-30.clover"
PAGE_SIZE = 100

JsonObject = dict[str, Any]


def is_busy(status: int, body: str) -> bool:
    """Whether an answer means "not now" in Stripe's own way: 409 for an object that another request holds."""
    return status == 409 and "lock_timeout" in body


class StripeApi:
    """Reads over one client. Everything it raises is a SourceError."""

    def __init__(self, client: HttpClient) -> None:
        self._client = client

    def list(
        self, path: str, params: Mapping[str, Any], stream: str, starting_after: str | None = None
    ) -> Iterator[list[JsonObject]]:
        """Pages of a list, newest first, each in the provider's order."""
        query = {"limit": PAGE_SIZE, **params}
        cursors: Sequence[str] = [starting_after] if starting_after else []
        while True:
            answer = self._page(path, query, stream, cursors)
            page = answer["data"]
            if page:
                yield page
            if not answer.get("has_more"):
                return
            last = [entry.get("id") for entry in page if isinstance(entry, dict) and isinstance(entry.get("id"), str)]
            if not last or (cursors and last[-1] == cursors[0]):
                raise SourceError(
                    f"stripe {stream}: GET {path}: the list says there is more, but its pages do not move on"
                )
            cursors = last[::-1]

    def _page(self, path: str, query: Mapping[str, Any], stream: str, cursors: Sequence[str]) -> JsonObject:
        """One page after the first cursor that still exists: an object may be deleted while its list is being read."""
        for n, cursor in enumerate(cursors or [None]):
            try:
                answer = self._client.get(path, {**query, "starting_after": cursor}, stream=stream)
            except RequestRejected as error:
                if n + 1 < len(cursors) and _is_missing_cursor(error):
                    continue
                raise
            if not isinstance(answer, dict) or not isinstance(answer.get("data"), list):
                raise SourceError(f"stripe {stream}: GET {path}: the answer is not a list")
            return answer
        raise AssertionError("a page needs a cursor or none at all")

    def retrieve(self, path: str, key: str, expand: Sequence[str], stream: str) -> JsonObject | None:
        """One object, or None when it does not exist (any more)."""
        try:
            answer = self._client.get(f"{path}/{key}", {"expand[]": list(expand)}, stream=stream)
        except NotFound:
            return None
        if not isinstance(answer, dict):
            raise SourceError(f"stripe {stream}: GET {path}/{key}: the answer is not an object")
        return None if answer.get("deleted") is True else answer

    def newest_event(self, types: Sequence[str], stream: str) -> int | None:
        """When the newest event of these types happened (seconds since 1970); None when there is none."""
        answer = self._page("/v1/events", {"types[]": list(types), "limit": 1}, stream, [])
        return answer["data"][0]["created"] if answer["data"] else None

    def events(self, types: Sequence[str], since: int | None, stream: str) -> Iterator[JsonObject]:
        """Events of these types that happened at `since` (seconds since 1970) or later, newest first."""
        params = {"types[]": list(types), "created[gte]": since}
        for page in self.list("/v1/events", params, stream):
            yield from page

    def rest_of(
        self, holder: JsonObject, field: str, path: str, params: Mapping[str, Any], stream: str
    ) -> list[JsonObject]:
        """All objects of an embedded list: those embedded (at most ten) and the pages after them."""
        held = holder.get(field)
        if not isinstance(held, dict):
            return []
        found = [entry for entry in held.get("data") or () if isinstance(entry, dict)]
        if held.get("has_more"):
            last = found[-1]["id"] if found else None
            for page in self.list(path, params, stream, starting_after=last):
                found.extend(page)
        return found


def _is_missing_cursor(error: RequestRejected) -> bool:
    details = error.body.get("error") if isinstance(error.body, dict) else None
    return (
        isinstance(details, dict)
        and details.get("code") == "resource_missing"
        and details.get("param") == "starting_after"
    )
