"""The sandbox's own doors: moving the clock, switching faults, counting requests, and the truth."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

import httpx
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from sandbox.backend import TRUTHS, Backend, Object
from sandbox.servers.wire import API_KEY, Json, dumps, json_body

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
FAULT_KINDS = frozenset({"reset", "truncate", "slow", "redirect", "bad_next"})
MAX_DAYS = 3660
PUSHES_AT_ONCE = 8
PUSH_TRIES = 3


@dataclass
class Fault:
    """A fault on one endpoint: lets `after` requests pass, then strikes `times` times (None: until cleared)."""

    path: str
    kind: str
    times: int | None = 1
    after: int = 0
    retry_after: float | None = None
    seconds: float = 2.0
    location: str = "https://elsewhere.invalid"
    exact: bool = False
    seen: int = 0
    struck: int = 0

    @classmethod
    def parse(cls, entry: Any) -> Fault:
        """Return the fault that a request describes; raises ValueError with what is wrong."""
        if not isinstance(entry, dict):
            raise ValueError("a fault is an object with path and kind")
        known = {"path", "kind", "times", "after", "retry_after", "seconds", "location", "exact"}
        if set(entry) - known:
            raise ValueError(f"unknown fields {sorted(set(entry) - known)}; known: {sorted(known)}")
        path, kind = entry.get("path"), str(entry.get("kind"))
        if not isinstance(path, str) or not path.startswith("/"):
            raise ValueError("path must start with /, for example /stripe/v1/invoices")
        if kind not in FAULT_KINDS and not (kind.isdigit() and 400 <= int(kind) <= 599):
            raise ValueError(f"kind must be a status from 400 to 599 or one of {sorted(FAULT_KINDS)}, was {kind!r}")
        fault = cls(**{**entry, "path": "/" + path.strip("/"), "kind": kind})
        if fault.times is not None and fault.times < 0:
            fault.times = None
        return fault

    def matches(self, path: str) -> bool:
        """Tell whether a request path is this endpoint or, unless `exact`, lies below it."""
        path = path.rstrip("/")
        return path == self.path or (not self.exact and path.startswith(self.path.rstrip("/") + "/"))

    def strikes(self) -> bool:
        """Count a request that matches, and tell whether it is struck."""
        self.seen += 1
        if self.seen <= self.after or (self.times is not None and self.struck >= self.times):
            return False
        self.struck += 1
        return True


class Landing:
    """Where Encharge's events go: a drop folder, a receiver's address, or nowhere."""

    def __init__(self, directory: Path | None, url: str | None) -> None:
        self.inbox = directory / "encharge" / "inbox" if directory else None
        self.url = url
        self.waiting: list[Object] = []  # not yet delivered, tried again at the next push

    def write_history(self, events: Iterable[Object]) -> int:
        """Write events as one export file a month; returns how many there were.

        A file appears under its name only when it is whole.
        """
        if self.inbox is None:
            return 0
        self.inbox.mkdir(parents=True, exist_ok=True)
        count, files, finals = 0, dict[str, TextIO](), list[Path]()
        with ExitStack() as stack:
            for event in events:
                month = str(event["createdAt"])[:7]
                out = files.get(month)
                if out is None:
                    finals.append(self.inbox / f"export-{month}.jsonl")
                    out = files[month] = stack.enter_context(_part(finals[-1]).open("w", encoding="utf-8"))
                out.write(dumps(event).decode() + "\n")
                count += 1
        for final in finals:
            _part(final).replace(final)
        return count

    def drop(self, events: list[Object], stamp: datetime) -> None:
        """Write events as one new file of the drop folder."""
        if self.inbox is None or not events:
            return
        self.inbox.mkdir(parents=True, exist_ok=True)
        name = f"push-{stamp:%Y-%m-%dT%H%M%S}"
        final, number = self.inbox / f"{name}.jsonl", 1
        while final.exists():
            final, number = self.inbox / f"{name}-{number}.jsonl", number + 1
        _part(final).write_bytes(b"".join(dumps(event) + b"\n" for event in events))
        _part(final).replace(final)

    async def push(self, events: list[Object], stamp: datetime) -> Object:
        """Deliver events; returns `{"delivered": n, "waiting": n}` and the reason when some wait."""
        if self.url is None:
            self.drop(events, stamp)
            return {"delivered": len(events) if self.inbox else 0, "waiting": 0}
        queue, self.waiting = self.waiting + events, []
        reasons: list[str] = []
        gate = asyncio.Semaphore(PUSHES_AT_ONCE)

        async def deliver(client: httpx.AsyncClient, event: Object) -> None:
            async with gate:
                reason = reasons[0] if reasons else await self._post(client, event)
            if reason:
                reasons.append(reason)
                self.waiting.append(event)

        async with httpx.AsyncClient(timeout=30, trust_env=False) as client:
            await asyncio.gather(*(deliver(client, event) for event in queue))
        out: Object = {"delivered": len(queue) - len(self.waiting), "waiting": len(self.waiting)}
        if reasons:
            out["reason"] = reasons[0]
        return out

    async def _post(self, client: httpx.AsyncClient, event: Object) -> str | None:
        """Deliver one event, trying again as a webhook sender does; returns why it could not, None when it could."""
        reason = None
        for attempt in range(PUSH_TRIES):
            if attempt:
                await asyncio.sleep(0.2 * 2**attempt)
            try:
                assert self.url is not None
                answer = await client.post(self.url, content=dumps(event), headers={"Content-Type": "application/json"})
            except httpx.HTTPError as problem:
                reason = f"{type(problem).__name__}: {problem}"
                continue
            if answer.is_success:
                return None
            reason = f"the receiver answered {answer.status_code}"
            if answer.status_code in {400, 401, 403, 404, 405, 410, 413, 415, 422}:
                break
        return reason


@dataclass
class Control:
    """The state behind the sandbox's own doors."""

    backend: Backend
    landing: Landing
    ledger: Path | None = None
    faults: list[Fault] = field(default_factory=list)
    requests: Counter[str] = field(default_factory=Counter)
    _moving: asyncio.Lock = field(default_factory=asyncio.Lock)

    def prepare(self) -> None:
        """Write the files that the past leaves: event exports and the ledger."""
        if self.landing.inbox is not None:
            self.landing.write_history(self.backend.landing_events(BEGINNING, self.backend.now))
        if self.ledger is not None:
            self.backend.write_ledger(self.ledger)

    def fault_for(self, path: str) -> Fault | None:
        """Return the first fault that strikes a request."""
        struck = None
        for fault in self.faults:
            if struck is None and fault.matches(path) and fault.strikes():
                struck = fault
        return struck

    def routes(self) -> list[BaseRoute]:
        """Return the control and truth routes."""
        return [
            Route("/_control/advance", self.advance, methods=["POST"]),
            Route("/_control/faults", self.set_faults, methods=["POST"]),
            Route("/_control/faults", self.list_faults, methods=["GET"]),
            Route("/_control/faults", self.clear_faults, methods=["DELETE"]),
            Route("/_control/objects", self.put_objects, methods=["POST"]),
            Route("/_control/state", self.state, methods=["GET"]),
            Route("/_truth/{name}", self.truth, methods=["GET"]),
        ]

    async def advance(self, request: Request) -> Response:
        """`POST {"days": n}`: move the clock, push what happened, write the ledger again."""
        try:
            body = await json_body(request)
            days = body.get("days", 1) if isinstance(body, dict) else None
        except ValueError:
            days = None
        if not isinstance(days, int) or isinstance(days, bool) or not 1 <= days <= MAX_DAYS:
            return _bad(f'the body must be {{"days": n}} with n from 1 to {MAX_DAYS}')
        async with self._moving:
            before = self.backend.now
            changes = self.backend.advance(days)
            events = list(self.backend.landing_events(before, self.backend.now))
            pushed = await self.landing.push(events, self.backend.now)
            if self.ledger is not None:
                self.backend.write_ledger(self.ledger)
        return Json({"now": self._now(), "changes": changes, "events": {"new": len(events), **pushed}})

    async def set_faults(self, request: Request) -> Response:
        """`POST [{path, kind, times, after, retry_after}]`: add faults."""
        try:
            body = await json_body(request)
            added = [Fault.parse(entry) for entry in (body if isinstance(body, list) else [body])]
        except (ValueError, TypeError) as problem:
            return _bad(str(problem))
        self.faults.extend(added)
        return await self.list_faults(request)

    async def list_faults(self, request: Request) -> Response:
        """The faults that are set, with how often each has struck."""
        return Json({"faults": [vars(fault) for fault in self.faults]})

    async def clear_faults(self, request: Request) -> Response:
        """Remove every fault."""
        self.faults.clear()
        return await self.list_faults(request)

    async def put_objects(self, request: Request) -> Response:
        """`POST {provider, stream, objects, deleted, at}`: write into a scenario as its provider's users would."""
        try:
            body = await json_body(request)
            provider, stream, at = body["provider"], body["stream"], body.get("at")
            moment = datetime.fromisoformat(at) if at else None
            deleted = [str(each) for each in body.get("deleted", [])]
            self.backend.put(provider, stream, body.get("objects", []), deleted, moment)
        except (ValueError, KeyError, TypeError, AttributeError) as problem:
            return _bad(f"the body must be {{provider, stream, objects, deleted, at}}: {problem}")
        except NotImplementedError as problem:
            return _bad(str(problem), 409)
        return Json({"now": self._now(), "count": self.backend.collection(provider, stream).live})

    async def state(self, request: Request) -> Response:
        """The present instant, objects by stream, and requests by endpoint."""
        counts = {
            f"{provider}/{stream}": self.backend.collection(provider, stream).live
            for provider in self.backend.providers
            for stream in self.backend.streams(provider)
        }
        waiting = len(self.landing.waiting)
        return Json(
            {"now": self._now(), "counts": counts, "requests": dict(sorted(self.requests.items())), "waiting": waiting}
        )

    async def truth(self, request: Request) -> Response:
        """What is true about the world, for tests alone: behind its own key."""
        if request.headers.get("x-truth-key") != API_KEY:
            return Json({"error": "the truth needs the header X-Truth-Key"}, 401)
        name = request.path_params["name"]
        if name not in TRUTHS:
            return Json({"error": f"no such truth; there are {', '.join(TRUTHS)}"}, 404)
        return Json(self.backend.truth(name))

    def _now(self) -> str:
        return self.backend.now.isoformat().replace("+00:00", "Z")


def _part(final: Path) -> Path:
    """Return the name of a file that is not whole yet: hidden, and of no kind that a reader looks for."""
    return final.with_name(f".{final.name}.part")


def _bad(message: str, status: int = 400) -> Response:
    return Json({"error": message}, status)
