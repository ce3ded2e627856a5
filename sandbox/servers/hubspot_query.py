"""What a request to HubSpot's API may ask: errors, page sizes, lists of names, bodies, cursors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from sandbox.backend import Object
from sandbox.servers import hubspot_schema as schema
from sandbox.servers.hubspot_search import BadSearch
from sandbox.servers.wire import ApiError, Json, json_body, new_id, query_pairs


def error(status: int, message: str, category: str = "VALIDATION_ERROR", **extra: Any) -> ApiError:
    """Return a HubSpot-shaped error to raise."""
    body = {"status": "error", "message": message, "correlationId": new_id(), "category": category, **extra}
    return ApiError(Json(body, status))


class Query:
    """The query string of a request."""

    def __init__(self, request: Request) -> None:
        self.pairs = query_pairs(request)

    def __getitem__(self, name: str) -> str | None:
        """Return the last value given, None when there is none or it is empty."""
        return next((value for key, value in reversed(self.pairs) if key == name and value), None)

    def names(self, name: str) -> list[str]:
        """Return a list given as commas, as repetition, or both."""
        return [part.strip() for key, value in self.pairs if key == name for part in value.split(",") if part.strip()]

    def flag(self, name: str) -> bool:
        """Return a boolean; the official client writes it with a capital."""
        return (self[name] or "").lower() == "true"

    def limit(self, most: int, default: int = 10) -> int:
        """Return the page size; raises the provider's error when it is not between 1 and `most`."""
        text = self["limit"]
        if text is None:
            return default
        if not text.isdigit() or not 1 <= int(text) <= most:
            raise error(400, f"limit must be between 1 and {most}, was {text}")
        return int(text)


def answer(handler: Callable[[Request], Any]) -> Callable[[Request], Any]:
    """Return the endpoint that answers with what a handler returns, or with the error it raises."""

    async def endpoint(request: Request) -> Response:
        try:
            answer = await handler(request)
        except ApiError as failure:
            return failure.response
        return answer if isinstance(answer, Response) else Json(answer)

    return endpoint


def stream_of(request: Request, param: str = "type") -> str:
    """Return the object type that the path names; raises the API's error when there is none."""
    name = request.path_params[param]
    found = schema.canonical(name)
    if found is None:
        raise error(400, f"Unable to infer object type from: {name}")
    return found


async def body_of(request: Request) -> Object:
    """Return the JSON body; raises the API's error when it is no object."""
    try:
        body = await json_body(request)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise error(400, "Invalid input JSON: the body must be a JSON object")
    return body


def inputs_of(body: Object, most: int) -> list[Object]:
    """Return a batch's inputs; raises the API's error when there are more than `most`."""
    inputs = body.get("inputs")
    if not isinstance(inputs, list) or any(not isinstance(entry, dict) for entry in inputs):
        raise error(400, "Invalid input JSON: inputs must be a list of {id}")
    if len(inputs) > most:
        raise error(400, f"inputs: at most {most} per request, was {len(inputs)}")
    return inputs


def paging(request: Request, pairs: list[tuple[str, str]], after: str) -> Object:
    """Return the cursor and the link of the next page."""
    query = urlencode([*((name, value) for name, value in pairs if name != "after"), ("after", after)])
    return {"next": {"after": after, "link": f"{request.url.replace(query='')}?{query}"}}


def sort_of(sorts: Any) -> tuple[str | None, bool]:
    """Return the property and direction of the first sort: HubSpot looks at no other."""
    if not isinstance(sorts, list):
        raise BadSearch("sorts must be a list")
    if not sorts:
        return None, False
    first = sorts[0]
    if isinstance(first, str):
        return first.lstrip("-"), first.startswith("-")
    if not isinstance(first, dict) or not first.get("propertyName"):
        raise BadSearch("a sort needs a propertyName")
    return first["propertyName"], first.get("direction") == "DESCENDING"


def full_text(properties: Object, names: list[str], text: str) -> bool:
    """Tell whether every word of a text query begins a word of the searched properties."""
    words = [word for name in names for word in str(properties.get(name) or "").lower().split()]
    return all(any(word.startswith(part) for word in words) for part in text.split())


def single_history(row: Object, name: str) -> list[Object]:
    """Return the history of a value of which only the present is known."""
    value = row["properties"].get(name)
    return [] if value is None else [{"value": value, "timestamp": row["updatedAt"], "sourceType": "INTEGRATION"}]
