"""The webhook receiver: takes what can only be pushed, and answers 200 when it is safely on disk.

`POST /encharge/<secret>` with one JSON object or a list of them appends one line per event to the landing folder, which
the `encharge` source loads from. `GET /health` says that the receiver is up. Duplicates are let in: the load tells them
apart by event id or content. The secret stands in the path because the sender signs nothing, so paths are never logged.
"""

import asyncio
import hmac
import json
import logging
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import uvicorn
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ingestion.encharge.inbox import Inbox, parse_json
from warehouse.settings import BadSettings, Settings, get_settings

BODY_LIMIT = 1024 * 1024
log = logging.getLogger(__name__)


@dataclass
class GroupCommit:
    """Writes what concurrent requests bring with one fsync, so that durability does not cost one disk flush each."""

    inbox: Inbox
    queue: asyncio.Queue[tuple[list[bytes], asyncio.Future[None]]] = field(default_factory=asyncio.Queue)

    async def write(self, lines: list[bytes]) -> None:
        """Return when the lines are on disk; raises OSError when they could not be written."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        await self.queue.put((lines, done))
        await done

    async def run(self) -> None:
        """Serve the queue until cancelled."""
        while True:
            batch = [await self.queue.get()]
            while not self.queue.empty():
                batch.append(self.queue.get_nowait())
            failure: OSError | None = None
            try:
                await asyncio.to_thread(self.inbox.append, [line for lines, _ in batch for line in lines])
            except OSError as error:
                failure = error
            for _, done in batch:
                if not done.done():
                    done.set_result(None) if failure is None else done.set_exception(failure)
                self.queue.task_done()


def create_app(inbox: Inbox, secret: str, body_limit: int = BODY_LIMIT) -> Starlette:
    """The receiver as an ASGI application. `body_limit` is in bytes; longer bodies are answered with 413."""
    commit = GroupCommit(inbox)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        inbox.prepare()
        writer = asyncio.create_task(commit.run())
        yield
        await commit.queue.join()
        writer.cancel()

    async def health(_: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def receive(request: Request) -> Response:
        if not hmac.compare_digest(request.path_params["secret"].encode(errors="replace"), secret.encode()):
            return _problem(404, "not found")
        try:
            body = await _read_body(request, body_limit)
        except ClientDisconnect:
            return Response(status_code=400)
        if body is None:
            return _problem(413, f"the body is longer than {body_limit} bytes: send fewer events at a time")
        try:
            lines = event_lines(body)
        except ValueError as error:
            path = await asyncio.to_thread(inbox.reject, body, "malformed")
            log.warning("a request body was rejected (%s) and kept in %s", error, path)
            return _problem(400, f"{error}. The body was kept and nothing was taken in")
        try:
            await commit.write(lines)
        except OSError as error:
            log.error("events could not be stored: %s", error)
            return _problem(503, "the events could not be stored: send them again")
        return JSONResponse({"received": len(lines)})

    routes = [
        Route("/health", health, methods=["GET"]),
        Route("/encharge/{secret:path}", receive, methods=["POST"]),
    ]
    return Starlette(routes=routes, lifespan=lifespan)


def event_lines(body: bytes) -> list[bytes]:
    """One compact JSON line per event of a request body; raises ValueError that says what is wrong with it."""
    try:
        document = parse_json(body)
    except ValueError as error:
        raise ValueError(f"the body is not JSON ({error})") from error
    events = document if isinstance(document, list) else [document]
    for position, event in enumerate(events, start=1):
        if not isinstance(event, dict):
            raise ValueError(f"event {position} is not a JSON object but {type(event).__name__}")
    # Escaped to ASCII: a lone surrogate is legal in JSON and cannot be written as UTF-8.
    return [json.dumps(event, separators=(",", ":")).encode("ascii") for event in events]


async def _read_body(request: Request, limit: int) -> bytes | None:
    """The whole body, or None as soon as it is known to be longer than the limit."""
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > limit:
        return None
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            return None
    return bytes(body)


def _problem(status: int, message: str) -> JSONResponse:
    return JSONResponse({"error": message}, status_code=status)


def serve(settings: Settings, host: str = "127.0.0.1") -> int:
    """Serve until SIGTERM or Ctrl-C; returns the exit status. What cannot work is said in one line on stderr."""
    secret = settings.landing_secret.get_secret_value() if settings.landing_secret else ""
    if not secret:
        return _refuse(
            "set THROUGHLINE_LANDING_SECRET to a long random value; it is the last part of the webhook's URL"
        )
    inbox = Inbox(settings.landing_dir / "encharge")
    try:
        inbox.prepare()
    except OSError as error:
        return _refuse(f"the landing folder cannot be written: {error}")
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, settings.landing_port))
    except OSError as error:
        return _refuse(f"port {settings.landing_port} on {host} cannot be used ({error}): set THROUGHLINE_LANDING_PORT")
    config = uvicorn.Config(
        create_app(inbox, secret),
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=10,
        server_header=False,
    )
    server = uvicorn.Server(config)
    # uvicorn raises the signal again once it has shut down; ending on request is success, not a death by signal. One
    # that comes before uvicorn listens to signals itself ends it too.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: setattr(server, "should_exit", True))
    print(
        f"landing receiver on http://{host}:{listener.getsockname()[1]}/encharge/<secret>, into {inbox.inbox}",
        flush=True,
    )
    with listener:
        server.run(sockets=[listener])
    return 0


def _refuse(reason: str) -> int:
    print(f"landing receiver not started: {reason}", file=sys.stderr)
    return 1


def main() -> int:
    """Entry point of `python -m ingestion.landing`."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    try:
        settings = get_settings()
    except BadSettings as error:
        return _refuse(str(error))
    return serve(settings)


if __name__ == "__main__":
    sys.exit(main())
