"""Encharge's REST API over the sandbox's people: full listings only, because it offers nothing else."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from sandbox.backend import Backend, Object
from sandbox.servers.wire import API_KEY, ApiError, Json, json_body, nested_query, new_id, query_pairs

DEFAULT_LIMIT = 100
MAX_LIMIT = 1000

# What a person always answers with, whatever attributes are asked for.
ALWAYS = ("id", "email", "userId")


def error(status: int, message: str) -> ApiError:
    """Return an Encharge-shaped error to raise."""
    body = {"error": {"message": message, "markdown": message, "traceId": new_id()}}
    return ApiError(Json(body, status))


def authorise(request: Request) -> Response | None:
    """Return the refusal of a request without the key, None when it may pass."""
    key = request.headers.get("x-encharge-token") or request.query_params.get("token")
    if key == API_KEY:
        return None
    return error(401, "Invalid API key. Please check your API key." if key else "Missing API key.").response


def fault_response(status: int, retry_after: float | None) -> Response:
    """Return the answer of an injected fault, in Encharge's shape."""
    messages = {429: "Too many requests", 401: "Invalid API key. Please check your API key.", 403: "Forbidden"}
    failure = error(status, messages.get(status, "Something went wrong"))
    if retry_after is not None:
        failure.response.headers["Retry-After"] = f"{retry_after:g}"
    return failure.response


def not_found(request: Request) -> Response:
    """The answer to an address that does not exist."""
    return error(404, f"Cannot {request.method} {request.url.path}").response


class Encharge:
    """The handlers, over one backend."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self.subscriptions: dict[int, Object] = {}

    def routes(self) -> list[BaseRoute]:
        """Return the routes below the provider's base address, with and without the version in the path."""
        found: list[BaseRoute] = []

        def add(path: str, handler: Callable[[Request], Any], method: str = "GET") -> None:
            found.extend(Route(prefix + path, _answer(handler), methods=[method]) for prefix in ("/v1", ""))

        add("/people/all", self.people)
        add("/people", self.some_people)
        add("/segments", self.segments)
        add("/segments/{id}/people", self.segment_people)
        add("/fields", self.fields)
        add("/tags-management", self.tags)
        add("/objects/{name}", self.objects)
        add("/accounts/info", self.account)
        add("/emails/{id}", self.email)
        add("/event-subscriptions", self.subscribe, "POST")
        add("/event-subscriptions/{id}", self.unsubscribe, "DELETE")
        return found

    async def people(self, request: Request) -> Object:
        """A page of all people."""
        return {"people": self._page(request, self.backend.collection("encharge", "people").rows, ("people",))}

    async def some_people(self, request: Request) -> Object:
        """The people that are asked for: `people[0][email]=...`, `[userId]` or `[id]`."""
        rows = self.backend.collection("encharge", "people")
        found: dict[str, Object] = {}
        for name, value in query_pairs(request):
            matched = re.fullmatch(r"people\[\d+\]\[(id|email|userId)\]", name)
            if matched:
                field = matched.group(1)
                for place in rows.index(field, lambda row, field=field: row.get(field)).get(value, ()):
                    found[rows.ids[place]] = rows.rows[place]
        return {"users": list(found.values())}

    async def segments(self, request: Request) -> Object:
        """All segments."""
        return {"segments": self.backend.collection("encharge", "segments").rows}

    async def segment_people(self, request: Request) -> Object:
        """A page of a segment's people."""
        wanted = request.path_params["id"]
        if not any(str(row.get("id")) == wanted for row in self.backend.collection("encharge", "segments").rows):
            raise error(404, f"Segment {wanted} not found")
        members = self.backend.derived("encharge members", self._members)
        return {"people": self._page(request, members.get(wanted, []), ("segment", wanted))}

    def _members(self) -> dict[str, list[Object]]:
        people = self.backend.collection("encharge", "people")
        rows = self.backend.collection("encharge", "segment_people")
        members: dict[str, list[Object]] = {}
        for key, row in zip(rows.ids, rows.rows, strict=True):
            left, _, right = key.partition(":")
            segment_id = row.get("segment_id", row.get("segmentId", left))
            person = people.get(str(row.get("person_id", row.get("personId", right))))
            if person is not None:
                members.setdefault(str(segment_id), []).append(person)
        return members

    async def fields(self, request: Request) -> Object:
        """The catalogue of person fields."""
        return {"items": self.backend.collection("encharge", "fields").rows}

    async def tags(self, request: Request) -> Object:
        """All tags, with the number of people that carry each."""

        def build() -> list[Object]:
            counts: dict[str, int] = {}
            for person in self.backend.collection("encharge", "people").rows:
                for tag in _tags(person.get("tags")):
                    counts[tag] = counts.get(tag, 0) + 1
            rows = self.backend.collection("encharge", "tags")
            told = [{"tag": row.get("tag") or key, **row} for key, row in zip(rows.ids, rows.rows, strict=True)]
            names = {row["tag"] for row in told}
            every = [*told, *({"tag": tag} for tag in sorted(counts) if tag not in names)]
            return [{**row, "count": counts.get(row["tag"], 0)} for row in every]

        return {"tags": self.backend.derived("encharge tags", build)}

    async def objects(self, request: Request) -> Object:
        """Custom objects of one kind; the sandbox's company has none beyond its files."""
        return {"objects": self.backend.collection("encharge", request.path_params["name"]).rows}

    async def account(self, request: Request) -> Object:
        """The account behind the key."""
        return {
            "accountId": 1, "name": "Sandbox", "site": "https://sandbox.example", "status": "active", "timezone": "UTC",
            "peopleCount": len(self.backend.collection("encharge", "people")), "services": {}, "activeServices": [],
        }  # fmt: skip

    async def email(self, request: Request) -> Object:
        """One email template."""
        wanted = request.path_params["id"]
        found = self.backend.collection("encharge", "emails").get(wanted)
        if found is None:
            raise error(404, f"Email {wanted} not found")
        return {"email": found}

    async def subscribe(self, request: Request) -> Response:
        """Accept a webhook subscription. Events go to the landing address that the sandbox was started with."""
        try:
            body = await json_body(request)
        except ValueError:
            body = None
        if not isinstance(body, dict) or not body.get("eventType") or not body.get("url"):
            raise error(400, "eventType and url are required")
        number = len(self.subscriptions) + 1
        self.subscriptions[number] = body
        return Json({"subscription": {"id": number, **body}}, 201)

    async def unsubscribe(self, request: Request) -> Response:
        """Remove a webhook subscription."""
        wanted = request.path_params["id"]
        if not wanted.isdigit() or self.subscriptions.pop(int(wanted), None) is None:
            raise error(404, f"Event subscription {wanted} not found")
        return Response(status_code=204)

    def _page(self, request: Request, rows: list[Object], place: tuple[str, ...]) -> list[Object]:
        params = nested_query(query_pairs(request))
        limit = min(_whole(params.get("limit"), DEFAULT_LIMIT, "limit"), MAX_LIMIT)
        offset = _whole(params.get("offset"), 0, "offset")
        if str(params.get("ignoreAnonymous", "")).lower() == "true":
            every = rows
            rows = self.backend.derived(("encharge known", place), lambda: [row for row in every if row.get("email")])
            place = (*place, "known")
        sort, order = params.get("sort"), params.get("order", "asc")
        if sort:
            unsorted = rows
            rows = self.backend.derived(
                ("encharge sorted", place, sort, order),
                lambda: sorted(
                    unsorted,
                    key=lambda row: (row.get(sort) is not None, str(row.get(sort)), str(row.get("id"))),
                    reverse=order == "desc",
                ),
            )
        page = rows[offset : offset + limit]
        wanted = params.get("attributes")
        if not wanted:
            return page
        listed = wanted if isinstance(wanted, list) else [wanted]
        names = [*ALWAYS, *(name for part in listed for name in part.split(","))]
        return [{name: row[name] for name in names if name in row} for row in page]


def _answer(handler: Callable[[Request], Any]) -> Callable[[Request], Any]:
    async def endpoint(request: Request) -> Response:
        try:
            answer = await handler(request)
        except ApiError as failure:
            return failure.response
        return answer if isinstance(answer, Response) else Json(answer)

    return endpoint


def _tags(value: Any) -> list[str]:
    if isinstance(value, str):
        return [tag.strip() for tag in value.split(",") if tag.strip()]
    return [str(tag) for tag in value] if isinstance(value, list) else []


def _whole(value: Any, default: int, name: str) -> int:
    if value is None or value == "":
        return default
    if not str(value).isdigit():
        raise error(400, f"{name} must be a whole number")
    return int(value)
