"""A sandbox on a real port, in a thread, for tests that speak to it over HTTP."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from sandbox.backend import Backend
from sandbox.servers.app import Server, create_app, listen
from sandbox.servers.control import Control, Landing


@dataclass
class Running:
    """A sandbox that is up."""

    url: str
    backend: Backend
    control: Control

    def get(self, path: str, **kwargs: Any) -> httpx.Response:
        """GET with every provider's key."""
        headers = {"Authorization": "Bearer sandbox", "X-Encharge-Token": "sandbox", **kwargs.pop("headers", {})}
        return httpx.get(self.url + path, headers=headers, trust_env=False, **kwargs)

    def post(self, path: str, body: Any = None, **kwargs: Any) -> httpx.Response:
        """POST JSON with every provider's key."""
        headers = {"Authorization": "Bearer sandbox", "X-Encharge-Token": "sandbox", **kwargs.pop("headers", {})}
        return httpx.post(self.url + path, headers=headers, json=body, trust_env=False, **kwargs)

    @contextmanager
    def faulty(self, *faults: dict[str, Any]) -> Iterator[None]:
        """Set faults for the time of a block."""
        self.post("/_control/faults", list(faults)).raise_for_status()
        try:
            yield
        finally:
            httpx.delete(self.url + "/_control/faults", trust_env=False).raise_for_status()


@contextmanager
def running(backend: Backend, landing: Landing | None = None, ledger: Any = None) -> Iterator[Running]:
    """Serve a backend until the block ends."""
    control = Control(backend, landing or Landing(None, None), ledger)
    control.prepare()
    bound = listen("127.0.0.1", 0)
    up = threading.Event()
    server = Server(create_app(control), up.set)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]}, daemon=True)
    thread.start()
    assert up.wait(10), "the sandbox did not start"
    try:
        yield Running(f"http://127.0.0.1:{bound.getsockname()[1]}", backend, control)
    finally:
        server.should_exit = True
        thread.join(10)
