"""The sandbox as one ASGI application and one server process: doors, keys, faults, providers."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import uvicorn
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Router
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from sandbox.backend import Backend
from sandbox.servers import encharge, hubspot, stripe
from sandbox.servers.control import Control, Fault
from sandbox.servers.wire import dumps, loads

TRANSPORT = "sandbox.transport"
SHUTDOWN_SECONDS = 2


@dataclass(frozen=True)
class Provider:
    """What the front door needs of a provider."""

    app: ASGIApp
    authorise: Callable[[Request], Response | None]
    fault_response: Callable[[int, float | None], Response]


def _router(routes: list[BaseRoute], not_found: Callable[[Request], Response]) -> Router:
    async def missing(scope: Scope, receive: Receive, send: Send) -> None:
        await not_found(Request(scope))(scope, receive, send)

    return Router(routes, redirect_slashes=False, default=missing)


def _providers(backend: Backend) -> dict[str, Provider]:
    crm, mail, billing = hubspot.HubSpot(backend), encharge.Encharge(backend), stripe.Stripe(backend)
    every = {
        "hubspot": Provider(_router(crm.routes(), hubspot.not_found), hubspot.authorise, hubspot.fault_response),
        "encharge": Provider(_router(mail.routes(), encharge.not_found), encharge.authorise, encharge.fault_response),
        "stripe": Provider(_router(billing.routes(), billing.not_found), stripe.authorise, stripe.fault_response),
    }
    return {name: provider for name, provider in every.items() if name in backend.providers}


def create_app(control: Control) -> ASGIApp:
    """Return the application that serves a backend's providers, its control and its truth."""
    providers = _providers(control.backend)
    own = _router(control.routes(), lambda request: JSONResponse({"error": "no such address"}, 404))

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await own(scope, receive, send)
            return
        path: str = scope["path"]
        name = path.split("/", 2)[1]
        provider = providers.get(name)
        if provider is None:
            await own(scope, receive, send)
            return
        fault = control.fault_for(path)
        inner = {**scope, "root_path": f"/{name}", "app_root_path": ""}
        request = Request(inner, receive)
        answer: ASGIApp = provider.authorise(request) or provider.app
        try:
            if fault is None:
                await answer(inner, receive, send)
            else:
                await _struck(fault, provider, answer, inner, receive, send)
        finally:
            control.requests[_endpoint(inner)] += 1

    return app


def _endpoint(scope: Scope) -> str:
    """Return the method and path of a request, with object ids by their name in the route."""
    path = scope["path"]
    for name, value in scope.get("path_params", {}).items():
        if name == "id":
            path = path.replace(f"/{value}", "/{id}")
    return f"{scope['method']} {path}"


async def _struck(
    fault: Fault, provider: Provider, answer: ASGIApp, scope: Scope, receive: Receive, send: Send
) -> None:
    """Answer a request as its fault demands."""
    if fault.kind.isdigit():
        await provider.fault_response(int(fault.kind), fault.retry_after)(scope, receive, send)
    elif fault.kind == "slow":
        await asyncio.sleep(fault.seconds)
        await answer(scope, receive, send)
    elif fault.kind == "redirect":
        target = fault.location.rstrip("/") + scope["path"]
        await RedirectResponse(target, 302)(scope, receive, send)
    elif fault.kind == "reset":
        _reset(scope["extensions"][TRANSPORT])
        await _gone(receive)
    else:
        start, body = await _captured(answer, scope, receive)
        if fault.kind == "truncate":
            await _truncate(scope["extensions"][TRANSPORT], start, body, send)
            await _gone(receive)
        else:
            body = _elsewhere(body, fault.location.rstrip("/"))
            await Response(body, start["status"], {"Content-Type": "application/json"})(scope, receive, send)


async def _captured(answer: ASGIApp, scope: Scope, receive: Receive) -> tuple[Message, bytes]:
    start: Message = {}
    body = bytearray()

    async def keep(message: Message) -> None:
        if message["type"] == "http.response.start":
            start.update(message)
        elif message["type"] == "http.response.body":
            body.extend(message.get("body", b""))

    await answer(scope, receive, keep)
    return start, bytes(body)


async def _gone(receive: Receive) -> None:
    """Wait until the server has noticed that the connection is closed, and will not miss an answer."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _reset(transport: asyncio.Transport) -> None:
    """Break a connection so that the other side sees a reset, not an end."""
    connection = transport.get_extra_info("socket")
    with socket.socket(fileno=socket.dup(connection.fileno())) as twin:
        twin.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


async def _truncate(transport: asyncio.Transport, start: Message, body: bytes, send: Send) -> None:
    """Promise the whole body, send half of it, and close."""
    await send(start)
    await send({"type": "http.response.body", "body": body[: max(len(body) // 2, 1)], "more_body": True})
    transport.close()


def _elsewhere(body: bytes, location: str) -> bytes:
    """Return a page whose link to the next one leads to another host."""
    page = loads(body)
    following = page.get("paging", {}).get("next") if isinstance(page, dict) else None
    if isinstance(following, dict):
        after = following.get("after", "")
        following["link"] = f"{location}/crm/v3/objects/contacts?after={after}"
    elif isinstance(page, dict) and "url" in page:
        page["url"] = location + str(page["url"])
    return dumps(page)


class _Protocol(HttpToolsProtocol):
    """The server's protocol, which also tells the application the connection it answers on."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {TRANSPORT: self.transport}  # type: ignore[typeddict-item]


class Server(uvicorn.Server):
    """A server that tells when it is up, and ends in order on SIGTERM and SIGINT."""

    def __init__(self, app: ASGIApp, on_ready: Callable[[], None] | None = None) -> None:
        config = uvicorn.Config(
            app, http=_Protocol, ws="none", lifespan="off", log_level="warning", access_log=False, server_header=False,
            timeout_keep_alive=75, timeout_graceful_shutdown=SHUTDOWN_SECONDS, backlog=512,
        )  # fmt: skip
        super().__init__(config)
        self.on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.on_ready is not None:
            self.on_ready()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        # The base class raises the signal again once the server has ended, and the process would not exit with 0.
        with super().capture_signals():
            yield
            self._captured_signals.clear()


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket's address taken; port 0 takes a free one. Raises OSError when it is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    taken = socket.socket(family)
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        taken.bind((host, port))
    except OSError:
        taken.close()
        raise
    return taken


def serve(app: ASGIApp, bound: socket.socket, on_ready: Callable[[], None] | None = None) -> None:
    """Serve until SIGTERM or SIGINT."""
    Server(app, on_ready).run(sockets=[bound])
