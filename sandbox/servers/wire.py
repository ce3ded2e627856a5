"""What the provider servers share on the wire: JSON, query strings, errors that answer."""

from __future__ import annotations

import json
import re
import uuid
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response

try:  # five times the speed of the standard library, and pages are large
    import orjson
except ImportError:  # pragma: no cover - the sandbox runs without it, only slower
    orjson = None  # type: ignore[assignment]

# The one key that every provider accepts, and the one that opens the truth.
API_KEY = "sandbox"


def dumps(value: Any) -> bytes:
    """Return `value` as compact UTF-8 JSON."""
    if orjson is not None:
        return orjson.dumps(value)
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def loads(data: bytes | str) -> Any:
    """Parse JSON; raises ValueError when it is malformed."""
    return orjson.loads(data) if orjson is not None else json.loads(data)


class Json(Response):
    """A JSON response."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return dumps(content)


class ApiError(Exception):
    """Raised by a handler to answer with a provider-shaped error."""

    def __init__(self, response: Response) -> None:
        super().__init__(f"HTTP {response.status_code}")
        self.response = response


_BRACKETS = re.compile(r"\[([^\]]*)\]")


def query_pairs(request: Request) -> list[tuple[str, str]]:
    """Return the decoded query string as (name, value) pairs, in order."""
    return parse_qsl(request.scope["query_string"].decode("latin-1"), keep_blank_values=True)


def nested_query(pairs: list[tuple[str, str]]) -> dict[str, Any]:
    """Return bracketed parameters as nested values.

    `a[]=1&a[]=2` and `a[0]=1&a[1]=2` become a list, `created[gte]=5` becomes `{"gte": "5"}`.
    """
    out: dict[str, Any] = {}
    for name, value in pairs:
        base, _, rest = name.partition("[")
        parts = _BRACKETS.findall("[" + rest) if rest else []
        if not parts:
            out[base] = value
        elif parts[0] == "" or parts[0].isdigit():
            items = out.setdefault(base, [])
            if isinstance(items, list):
                items.append(value)
        else:
            inner = out.setdefault(base, {})
            if isinstance(inner, dict):
                inner[parts[0]] = value
    return out


def new_id() -> str:
    """Return a fresh identifier for correlation and request ids."""
    return str(uuid.uuid4())


async def json_body(request: Request) -> Any:
    """Return the request's JSON body, `{}` when it is empty; raises ValueError when it is malformed."""
    raw = await request.body()
    return loads(raw) if raw else {}
