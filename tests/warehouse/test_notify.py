"""Failures reach the log, or the webhook."""

from __future__ import annotations

import json
import logging
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from warehouse.notify import notify
from warehouse.settings import Settings


@pytest.fixture
def hook():
    received: list[dict] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            received.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_):
            """Quiet."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/hook", received
    server.shutdown()
    server.server_close()


def test_without_a_webhook_it_is_logged(settings: Settings, caplog: pytest.LogCaptureFixture):
    notify(settings, "nightly failed", "stripe: HTTP 401")
    assert "nightly failed: stripe: HTTP 401" in caplog.text


def test_a_webhook_gets_it_as_json(settings: Settings, hook):
    url, received = hook
    notify(settings.model_copy(update={"notify_webhook_url": url}), "nightly failed", "why")
    assert received == [{"title": "nightly failed", "text": "nightly failed: why"}]


def test_a_webhook_that_is_away_breaks_nothing(settings: Settings, caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.ERROR):
        notify(settings.model_copy(update={"notify_webhook_url": "http://127.0.0.1:9/"}), "nightly failed", "why")
    assert "nightly failed: why" in caplog.text and "THROUGHLINE_NOTIFY_WEBHOOK_URL" in caplog.text
