"""The sandbox's own doors: faults that really happen on the socket, the clock, pushes, the truth, the command."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import httpx
import pytest
import stripe

from sandbox.scenario import ScenarioBackend, ScenarioError
from sandbox.servers.control import Fault, Landing
from tests.sandbox import small_company
from tests.sandbox.serving import Running, running

INVOICES = "/stripe/v1/invoices"


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_company.write(tmp_path_factory.mktemp("company"))


@pytest.fixture(scope="module")
def served(company: Path) -> Iterator[Running]:
    with running(ScenarioBackend(company, small_company.NOW)) as up:
        yield up


@pytest.mark.parametrize(
    ("path", "shape"),
    [
        (INVOICES, lambda body: body["error"]["message"]),
        ("/hubspot/crm/v3/objects/contacts", lambda body: body["correlationId"] and body["message"]),
        ("/encharge/v1/people/all", lambda body: body["error"]["traceId"]),
    ],
)
@pytest.mark.parametrize("status", [401, 403, 429, 500, 503])
def test_status_faults_have_the_providers_shape(served: Running, path: str, shape: Any, status: int) -> None:
    with served.faulty({"path": path, "kind": str(status), "retry_after": 2}):
        struck = served.get(path)
        assert struck.status_code == status
        assert shape(struck.json())
        assert struck.headers["Retry-After"] == "2"
        assert served.get(path).status_code == 200


def test_rate_limits_tell_what_each_provider_tells(served: Running) -> None:
    with served.faulty({"path": "/hubspot", "kind": "429"}, {"path": "/stripe", "kind": 429}):
        crm = served.get("/hubspot/crm/v3/objects/contacts")
        assert (crm.json()["errorType"], crm.json()["policyName"]) == ("RATE_LIMIT", "TEN_SECONDLY_ROLLING")
        assert "Retry-After" not in crm.headers
        assert served.get(INVOICES).headers["Stripe-Rate-Limited-Reason"]


def test_a_fault_lets_some_pass_then_strikes_some_times(served: Running) -> None:
    with served.faulty({"path": INVOICES, "kind": "500", "after": 2, "times": 2}):
        assert [served.get(INVOICES).status_code for _ in range(5)] == [200, 200, 500, 500, 200]
        assert served.get("/stripe/v1/customers").status_code == 200
    with served.faulty({"path": INVOICES, "kind": "500", "times": None, "exact": True}):
        assert {served.get(INVOICES).status_code for _ in range(4)} == {500}
        assert served.get(INVOICES + "/in_7/lines").status_code == 200
    assert served.get(INVOICES).status_code == 200


def test_a_reset_is_a_reset_on_the_socket(served: Running) -> None:
    host, port = served.url.removeprefix("http://").split(":")
    with served.faulty({"path": INVOICES, "kind": "reset"}), socket.create_connection((host, int(port)), 5) as raw:
        raw.sendall(f"GET {INVOICES} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer sandbox\r\n\r\n".encode())
        with pytest.raises(ConnectionResetError):
            raw.recv(1000)
    with served.faulty({"path": INVOICES, "kind": "reset"}), pytest.raises(httpx.TransportError):
        served.get(INVOICES)
    assert served.get(INVOICES).status_code == 200


def test_a_truncated_body_is_shorter_than_promised(served: Running) -> None:
    with served.faulty({"path": INVOICES, "kind": "truncate"}):
        with pytest.raises(httpx.RemoteProtocolError, match="without sending complete message body"):
            served.get(INVOICES + "?limit=100")
        assert len(served.get(INVOICES + "?limit=100").json()["data"]) == 100


def test_slow_and_redirect(served: Running) -> None:
    with served.faulty({"path": INVOICES, "kind": "slow", "seconds": 0.3}):
        begun = time.monotonic()
        assert served.get(INVOICES).status_code == 200
        assert time.monotonic() - begun >= 0.3
    with served.faulty({"path": INVOICES, "kind": "redirect", "location": "http://127.0.0.1:9"}):
        sent = served.get(INVOICES)
        assert (sent.status_code, sent.headers["Location"]) == (302, "http://127.0.0.1:9/stripe/v1/invoices")


def test_a_link_to_the_next_page_can_lead_elsewhere(served: Running) -> None:
    path = "/hubspot/crm/v3/objects/contacts"
    with served.faulty({"path": path, "kind": "bad_next"}):
        paging = served.get(path).json()["paging"]["next"]
        assert paging["link"].startswith("https://elsewhere.invalid/")
        assert paging["after"] == "11"
        assert served.get(path).json()["paging"]["next"]["link"].startswith(served.url)


def test_the_official_client_rides_out_faults(served: Running) -> None:
    client = stripe.StripeClient(
        "sandbox", base_addresses={"api": served.url + "/stripe"}, max_network_retries=3
    )  # fmt: skip
    faults = [{"path": INVOICES, "kind": kind, "after": 1} for kind in ("reset", "500", "503")]
    with served.faulty(*faults):
        assert len(list(client.v1.invoices.list({"limit": 100}).auto_paging_iter())) == 250


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "500"}, {"path": "stripe", "kind": "500"}, {"path": "/stripe", "kind": "rain"},
        {"path": "/stripe", "kind": "200"}, {"path": "/stripe", "kind": "500", "often": 3}, "500",
    ],
)  # fmt: skip
def test_faults_that_make_no_sense_are_refused(served: Running, fault: Any) -> None:
    with pytest.raises(ValueError, match=r"."):
        Fault.parse(fault)
    assert served.post("/_control/faults", [fault]).status_code == 400


def test_state_counts_requests_by_endpoint(served: Running) -> None:
    served.control.requests.clear()
    served.get(INVOICES)
    served.get(INVOICES + "/in_7")
    served.get(INVOICES + "/in_8")
    served.get("/hubspot/crm/v3/objects/contacts/3")
    state = served.get("/_control/state").json()
    assert state["requests"] == {
        "GET /hubspot/crm/v3/objects/contacts/{id}": 1,
        "GET /stripe/v1/invoices": 1,
        "GET /stripe/v1/invoices/{id}": 2,
    }
    assert state["counts"]["stripe/customers"] == 129
    assert state["now"] == "2025-07-01T00:00:00Z"


def test_the_truth_has_its_own_key(served: Running) -> None:
    assert served.get("/_truth/people").status_code == 401
    key = {"X-Truth-Key": "sandbox"}
    for name in ("people", "accounts", "mrr", "revenue", "channels"):
        assert served.get(f"/_truth/{name}", headers=key).json() == []
    assert served.get("/_truth/else", headers=key).status_code == 404


class Receiver(BaseHTTPRequestHandler):
    """Takes webhooks; answers what `status` says."""

    status: ClassVar[int] = 200
    taken: ClassVar[list[dict[str, Any]]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if Receiver.status == 200:
            Receiver.taken.append(json.loads(body))
        self.send_response(Receiver.status)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


def test_events_land_as_monthly_exports_then_as_drops(company: Path, tmp_path: Path) -> None:
    backend = ScenarioBackend(company, small_company.NOW)
    with running(backend, Landing(tmp_path, None)) as up:
        inbox = tmp_path / "encharge" / "inbox"
        assert sorted(path.name for path in inbox.iterdir()) == ["export-2025-05.jsonl", "export-2025-06.jsonl"]
        moved = up.post("/_control/advance", {"days": 1}).json()
        assert moved["now"] == "2025-07-02T00:00:00Z"
        assert moved["events"] == {"new": 1, "delivered": 1, "waiting": 0}
        dropped = inbox / "push-2025-07-02T000000.jsonl"
        assert [json.loads(line)["id"] for line in dropped.read_text().splitlines()] == ["evt_2"]
        up.post("/_control/advance", {"days": 1})
        assert len(list(inbox.iterdir())) == 3
        for days in (0, -1, "1", True, 100_000):
            assert up.post("/_control/advance", {"days": days}).status_code == 400


def test_events_are_pushed_and_pushed_again(company: Path) -> None:
    receiver = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=receiver.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{receiver.server_port}/encharge/secret"
    Receiver.taken, Receiver.status = [], 404
    with running(ScenarioBackend(company, small_company.NOW), Landing(None, url)) as up:
        missed = up.post("/_control/advance", {"days": 1}).json()["events"]
        assert (missed["delivered"], missed["waiting"]) == (0, 1)
        assert "404" in missed["reason"]
        Receiver.status = 200
        assert up.post("/_control/advance", {"days": 1}).json()["events"] == {"new": 0, "delivered": 1, "waiting": 0}
    assert [event["id"] for event in Receiver.taken] == ["evt_2"]
    receiver.shutdown()


def test_objects_can_be_written_into_a_scenario(company: Path) -> None:
    with running(ScenarioBackend(company, small_company.NOW)) as up:
        late = {"id": "300", "properties": {"email": "new@x.example", "lastmodifieddate": "2025-06-30T00:00:00Z"}}
        up.post("/_control/objects", {"provider": "hubspot", "stream": "contacts", "objects": [late], "deleted": ["7"]})
        assert up.get("/hubspot/crm/v3/objects/contacts/300").json()["properties"]["email"] == "new@x.example"
        assert up.get("/hubspot/crm/v3/objects/contacts/7").status_code == 404
        found = up.post("/hubspot/crm/v3/objects/contacts/search", {"sorts": ["-lastmodifieddate"], "limit": 1}).json()
        assert found["results"][0]["id"] == "300"
        # A customer that is deleted while a client pages goes on working as a cursor, and answers as deleted.
        up.get("/stripe/v1/customers")
        up.post("/_control/objects", {"provider": "stripe", "stream": "customers", "deleted": ["cus_120"]})
        page = up.get("/stripe/v1/customers?starting_after=cus_120&limit=1").json()
        assert page["data"][0]["id"] == "cus_119"
        assert up.get("/stripe/v1/customers/cus_120").json()["deleted"] is True
        for body in ({}, {"provider": "stripe"}, {"provider": "ftp", "stream": "x", "objects": []}):
            assert up.post("/_control/objects", body).status_code == 400


def test_stripe_tells_by_events_what_is_written_into_a_scenario(company: Path) -> None:
    with running(ScenarioBackend(company, small_company.NOW)) as up:
        known = {event["id"] for event in up.get("/stripe/v1/events?limit=100").json()["data"]}
        day_before = (small_company.NOW - timedelta(days=1)).isoformat()
        customer = {"id": "cus_119", "name": "Renamed", "created": 1}
        for body in (
            {"stream": "customers", "objects": [customer, {"id": "cus_new", "created": 1}], "at": day_before},
            {"stream": "customers", "deleted": ["cus_118", "cus_never"]},
            {"stream": "balance_transactions", "objects": [{"id": "txn_new", "created": 1}]},
        ):
            assert up.post("/_control/objects", {"provider": "stripe", **body}).status_code == 200
        events = [event for event in up.get("/stripe/v1/events?limit=100").json()["data"] if event["id"] not in known]
        now = int(small_company.NOW.timestamp())
        assert {(event["type"], event["data"]["object"]["id"], now - event["created"]) for event in events} == {
            ("customer.updated", "cus_119", 86_400),
            ("customer.created", "cus_new", 86_400),
            ("customer.deleted", "cus_118", 0),
        }
        ahead = (small_company.NOW + timedelta(days=1)).isoformat()
        late = {"provider": "stripe", "stream": "customers", "objects": [customer], "at": ahead}
        assert up.post("/_control/objects", late).status_code == 400


def test_absent_providers_are_off_and_absent_streams_are_empty(tmp_path: Path) -> None:
    (tmp_path / "stripe").mkdir()
    subscription = {"id": "sub_1", "customer": "cus_1", "status": "active", "items": {"data": [{"id": "si_1"}]}}
    (tmp_path / "stripe" / "subscriptions.json").write_text(json.dumps([subscription]))
    line = {"id": "il_1", "invoice": "in_1", "amount": 5}
    (tmp_path / "stripe" / "invoices.json").write_text(json.dumps([{"id": "in_1", "created": 5}]))
    (tmp_path / "stripe" / "invoice_lines.json").write_text(json.dumps([line]))
    with running(ScenarioBackend(tmp_path, small_company.NOW)) as up:
        assert up.get("/stripe/v1/customers").json()["data"] == []
        shown = up.get("/stripe/v1/subscriptions").json()["data"][0]
        assert shown["items"]["data"] == [{"object": "subscription_item", "subscription": "sub_1", "id": "si_1"}]
        assert up.get("/stripe/v1/invoices/in_1").json()["lines"]["data"][0]["id"] == "il_1"
        assert up.get("/hubspot/crm/v3/objects/contacts").status_code == 404
        assert set(up.get("/_control/state").json()["counts"]) >= {"stripe/invoices"}
    (tmp_path / "stripe" / "invoices.json").write_text("[{]")
    with pytest.raises(ScenarioError, match=r"invoices\.json"):
        ScenarioBackend(tmp_path, small_company.NOW)


def command(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "sandbox", "--port", "0", *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": ""},
    )  # fmt: skip


def test_the_command_says_ready_and_ends_on_sigterm(company: Path, tmp_path: Path) -> None:
    (company / "ledger").mkdir(exist_ok=True)
    (company / "ledger" / "targets.csv").write_text("metric,month,amount,currency\n")
    process = command(
        "--scenario", str(company), "--date", "2025-07-01", "--ledger", str(tmp_path / "ledger"),
        "--landing-url", "http://127.0.0.1:8099/encharge/s3cret",
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    lines = dict(process.stdout.readline().strip().split("=", 1) for _ in range(10))
    assert process.stdout.readline() == "\n"
    url = lines["THROUGHLINE_STRIPE_BASE_URL"]
    assert lines["THROUGHLINE_STRIPE_API_KEY"] == "sandbox"
    assert lines["THROUGHLINE_AS_OF"] == "2025-07-01T00:00:00Z"
    assert lines["THROUGHLINE_LANDING_SECRET"] == "s3cret"
    assert (Path(lines["THROUGHLINE_LEDGER_DIR"]) / "targets.csv").exists()
    # An open connection does not keep the server from ending.
    with httpx.Client(headers={"Authorization": "Bearer sandbox"}, trust_env=False) as client:
        assert client.get(url + "/v1/invoices").status_code == 200
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    assert process.stderr is not None
    assert process.stderr.read() == ""


def test_the_command_refuses_what_it_cannot_serve(tmp_path: Path) -> None:
    process = command("--scenario", str(tmp_path / "nowhere"))
    assert process.wait(20) == 2
    assert process.stderr is not None
    message = process.stderr.read()
    assert message.startswith("sandbox: the scenario folder")
    assert message.count("\n") == 1
