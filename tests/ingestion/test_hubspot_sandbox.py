"""HubSpot and Encharge read over HTTP from the sandbox, faults and all."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from ingestion import http
from ingestion.http import PermissionDenied, RetryBudget, SourceError
from ingestion.load import LoadReport, current_hashes, run_source
from ingestion.registry import streams_of
from warehouse.settings import Settings

PEOPLE = 230


def scenario(folder: Path) -> Path:
    """A small company in the providers' own shapes."""
    moment = "2026-05-01T10:00:00.000Z"
    contacts = [
        {
            "id": str(n),
            "properties": {"email": f"p{n}@example.com", "lifecyclestage": "lead", "lastmodifieddate": moment},
        }
        for n in range(1, PEOPLE + 1)
    ]
    contacts[0]["properties"]["hs_merged_object_ids"] = "9001;9002"
    streams = {
        "hubspot/contacts": contacts,
        "hubspot/companies": [{"id": "500", "properties": {"name": "Acme", "domain": "acme.test"}}],
        "hubspot/deals": [
            {"id": "700", "properties": {"dealname": "One", "amount": "10.5", "custom": "x"}},
            {"id": "701", "properties": {"dealname": "Two"}, "archived": True, "archivedAt": "2026-05-02T00:00:00Z"},
        ],
        "hubspot/associations": [
            {"from_type": "contacts", "from_id": str(n), "to_type": "companies", "to_id": "500"} for n in range(1, 151)
        ],
        "hubspot/owners": [{"id": "3", "email": "rep@example.com", "firstName": "Rep"}],
        "encharge/people": [{"id": f"p{n}", "email": f"p{n}@example.com", "tags": "a,b"} for n in range(PEOPLE)],
        "encharge/segments": [{"id": 5, "name": "Trial"}],
        "encharge/segment_people": [{"segment_id": "5", "person_id": "p7"}],
        "encharge/events": [{"id": "evt_1", "type": "emailSent", "createdAt": moment, "person": {"id": "p7"}}],
    }
    for name, rows in streams.items():
        path = folder / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(rows))
    return folder


@contextmanager
def serving(*options: str) -> Iterator[dict[str, str]]:
    """A sandbox process, and the settings that it prints."""
    command = [sys.executable, "-m", "sandbox", "--port", "0", *options]
    with subprocess.Popen(command, text=True, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            lines = []
            while not (lines and lines[-1].startswith("THROUGHLINE_AS_OF")):
                lines.append(process.stdout.readline().strip())
            pairs = (line.removeprefix("THROUGHLINE_").split("=", 1) for line in lines)
            yield {name.lower(): value for name, value in pairs}
        finally:
            process.terminate()


class Sandbox:
    """A served scenario and a data folder to load it into."""

    def __init__(self, values: dict[str, str], data: Path) -> None:
        keys = {name: value for name, value in values.items() if name.endswith(("_base_url", "_api_key"))}
        self.control = values["hubspot_base_url"].removesuffix("/hubspot") + "/_control"
        self.as_of = datetime.fromisoformat(values["as_of"]).astimezone(UTC)
        self.settings = Settings(data_dir=data, _env_file=None, as_of=self.as_of, **keys)

    def load(self, source: str, days: int = 0) -> LoadReport:
        moment = self.as_of + timedelta(days=days)
        return run_source(source, self.settings.model_copy(update={"as_of": moment}))

    def fault(self, path: str, kind: str, **more: object) -> None:
        answer = httpx.post(self.control + "/faults", json={"path": path, "kind": kind, **more})
        assert answer.status_code == 200, answer.text


def loaded(report: LoadReport) -> dict[str, int]:
    return {stream: rows for stream, rows in report.rows_loaded.items() if rows and stream != "properties"}


def contents(data: Path) -> dict[str, dict[str, str]]:
    """Content hash of the newest version of every live object, by stream."""
    settings = Settings(data_dir=data, _env_file=None)
    return {stream.name: current_hashes("hubspot", stream.name, settings) for stream in streams_of("hubspot")}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[dict[str, str], Path]]:
    data = tmp_path_factory.mktemp("data")
    folder = scenario(tmp_path_factory.mktemp("scenario"))
    with serving("--scenario", str(folder), "--date", "2026-06-01", "--landing", str(data / "landing")) as values:
        yield values, data


def test_hubspot_in_spite_of_faults(served: tuple[dict[str, str], Path], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(http.RetryBudget, "pause", lambda *_: 0.01)
    sandbox = Sandbox(*served)
    sandbox.fault("/hubspot/crm/v3/objects/contacts", "429", times=2)
    sandbox.fault("/hubspot/crm/v3/objects/companies", "reset")
    sandbox.fault("/hubspot/crm/v3/objects/deals", "truncate")
    sandbox.fault("/hubspot/crm/v3/owners", "423")
    sandbox.fault("/hubspot/crm/v3/objects/contacts", "bad_next", times=None)
    first = sandbox.load("hubspot")
    assert loaded(first) == {
        "contacts": PEOPLE,
        "companies": 1,
        "deals": 2,
        "owners": 1,
        "associations": 2 * 150,  # the plain one and the primary one
        "property_history": PEOPLE + 1,
    }
    assert first.rows_quarantined == {}
    httpx.delete(sandbox.control + "/faults")
    assert loaded(sandbox.load("hubspot", days=9)) == {}


def test_refusals_are_told(served: tuple[dict[str, str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(http, "RetryBudget", lambda: RetryBudget(attempts=2, first_pause=0.01))
    sandbox = Sandbox(served[0], tmp_path)
    sandbox.fault("/hubspot/crm/v3/objects/tickets", "403", times=None)
    with pytest.raises(PermissionDenied, match="hubspot tickets"):
        sandbox.load("hubspot")
    httpx.delete(sandbox.control + "/faults")
    sandbox.fault("/hubspot/crm/v3/owners", "redirect", times=None)
    with pytest.raises(SourceError, match="refused a redirect"):
        sandbox.load("hubspot")
    httpx.delete(sandbox.control + "/faults")


def test_encharge(served: tuple[dict[str, str], Path]):
    sandbox = Sandbox(*served)
    report = sandbox.load("encharge")
    assert {name: report.rows_loaded[name] for name in ("people", "segments", "segment_people", "events")} == {
        "people": PEOPLE,
        "segments": 1,
        "segment_people": 1,
        "events": 1,
    }
    assert loaded(sandbox.load("encharge", days=1)) == {}


def test_following_a_company_leads_to_what_a_first_run_sees(tmp_path: Path):
    with serving("--seed", "5", "--accounts", "30", "--date", "2026-03-01") as values:
        followed, fresh = Sandbox(values, tmp_path / "followed"), Sandbox(values, tmp_path / "fresh")
        followed.load("hubspot")
        httpx.post(followed.control + "/advance", json={"days": 45}, timeout=60).raise_for_status()
        assert loaded(followed.load("hubspot", days=45))["contacts"] > 0
        assert loaded(followed.load("hubspot", days=46)) == {}
        fresh.load("hubspot", days=46)
    left, right = contents(tmp_path / "followed"), contents(tmp_path / "fresh")
    # The history of contacts that were merged away since stays.
    assert left.pop("property_history").items() >= right.pop("property_history").items()
    assert left == right
