"""The webhook receiver: what is answered with 200 is on disk, everything else is refused in words."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import uvicorn

from ingestion.encharge.inbox import CURRENT, Inbox, LandedFile, read_lines
from ingestion.landing import create_app, event_lines

SECRET = "a-long-secret"
URL = f"/encharge/{SECRET}"


@pytest.fixture
def inbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Inbox:
    monkeypatch.setattr("ingestion.encharge.inbox.SETTLE_SECONDS", 0.05)
    inbox = Inbox(tmp_path / "landing" / "encharge")
    inbox.prepare()
    return inbox


@pytest.fixture
def client(inbox: Inbox) -> Iterator[httpx.Client]:
    """A client of a receiver that runs in this process, so that its parts can be made to fail."""
    server = uvicorn.Server(uvicorn.Config(create_app(inbox, SECRET, body_limit=2000), port=0, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            time.sleep(0.005)
        port = server.servers[0].sockets[0].getsockname()[1]
        with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
            yield client
    finally:
        server.should_exit = True
        thread.join()


def landed(inbox: Inbox) -> list[dict]:
    """Every event in the inbox, the open file closed first."""
    inbox.close_current()
    return [line.event for file in inbox.waiting() for line in read_lines(file.path)]


def test_one_event_and_a_list_of_events(client: httpx.Client, inbox: Inbox):
    assert client.post(URL, json={"id": "evt_1", "type": "emailOpened"}).json() == {"received": 1}
    assert client.post(URL, json=[{"id": "evt_2"}, {"id": "evt_3"}]).json() == {"received": 2}
    assert client.post(URL, json=[]).json() == {"received": 0}
    assert [event["id"] for event in landed(inbox)] == ["evt_1", "evt_2", "evt_3"]


def test_the_same_event_twice_is_let_in_twice(client: httpx.Client, inbox: Inbox):
    for _ in range(2):
        assert client.post(URL, json={"id": "evt_1"}).status_code == 200
    assert len(landed(inbox)) == 2


@pytest.mark.parametrize(
    "path", ["/encharge/wrong", "/encharge/", "/encharge/a-long-secret/x", "/encharge/%FFa", "/other"]
)
def test_an_unknown_secret_is_not_found(client: httpx.Client, inbox: Inbox, path: str):
    assert client.post(path, json={"id": "evt_1"}).status_code == 404
    assert landed(inbox) == []


def test_health_needs_no_secret(client: httpx.Client):
    assert client.get("/health").json() == {"status": "ok"}
    assert client.get(URL).status_code == 405


@pytest.mark.parametrize(
    "body, message",
    [
        (b"{not json", "not JSON"),
        (b"", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b'{"score": NaN}', "NaN is not JSON"),
        (b'"text"', "event 1 is not a JSON object but str"),
        (b'[{"id":"evt_1"}, 7]', "event 2 is not a JSON object but int"),
        (b"[" * 1500, "not JSON"),
    ],
)
def test_malformed_bodies_are_refused_and_kept(client: httpx.Client, inbox: Inbox, body: bytes, message: str):
    answer = client.post(URL, content=body)
    assert answer.status_code == 400
    assert message in answer.json()["error"]
    assert [path.read_bytes() for path in inbox.rejected.iterdir()] == [body]
    assert landed(inbox) == []


def test_too_long_a_body_is_refused(client: httpx.Client, inbox: Inbox):
    long = json.dumps({"id": "x" * 3000}).encode()
    assert client.post(URL, content=long).status_code == 413
    assert client.post(URL, content=iter([long[:1500], long[1500:]])).status_code == 413
    assert "2000 bytes" in client.post(URL, content=long).json()["error"]
    assert landed(inbox) == []


def test_deeply_nested_json_is_refused_without_harm():
    with pytest.raises(ValueError, match="not JSON"):
        event_lines(b"[" * 200_000 + b"]" * 200_000)


def test_text_that_utf8_cannot_hold_survives(client: httpx.Client, inbox: Inbox):
    assert client.post(URL, content=b'{"name":"\\ud800 \xc3\xa9\\n"}').status_code == 200
    (event,) = landed(inbox)
    assert event["name"] == "\ud800 é\n"


def test_what_cannot_be_stored_is_not_acknowledged(client: httpx.Client, inbox: Inbox, monkeypatch: pytest.MonkeyPatch):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    assert client.post(URL, json={"id": "evt_1"}).status_code == 200
    with monkeypatch.context() as patch:
        patch.setattr("ingestion.encharge.inbox.os.fsync", full)
        assert client.post(URL, json={"id": "evt_2"}).status_code == 503
    assert client.post(URL, json={"id": "evt_3"}).status_code == 200
    assert [event["id"] for event in landed(inbox)] == ["evt_1", "evt_3"]


def test_a_line_torn_by_a_crash_does_not_spoil_the_next(inbox: Inbox):
    inbox.append([b'{"id":"evt_1"}'])
    with (inbox.inbox / CURRENT).open("ab") as stream:
        stream.write(b'{"id":"evt_2","ty')
    inbox.append([b'{"id":"evt_3"}'])
    assert [event["id"] for event in landed(inbox)] == ["evt_1", "evt_3"]


def test_a_full_file_is_closed(inbox: Inbox, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("ingestion.encharge.inbox.ROTATE_BYTES", 20)
    for number in range(3):
        inbox.append([json.dumps({"id": f"evt_{number}"}).encode()])
    assert len(inbox.waiting()) == 1
    assert [event["id"] for event in landed(inbox)] == ["evt_0", "evt_1", "evt_2"]


def test_files_that_are_being_written_are_left_alone(inbox: Inbox):
    for name in (".hidden.jsonl", "export.jsonl.tmp", "export.csv", "export.part"):
        (inbox.inbox / name).write_text("{}\n")
    (inbox.inbox / "folder.jsonl").mkdir()
    assert inbox.waiting() == []


def test_a_file_that_keeps_growing_is_left_for_the_next_run(inbox: Inbox, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("ingestion.encharge.inbox.SETTLE_SECONDS", 0.4)
    monkeypatch.setattr("ingestion.encharge.inbox.SETTLE_ATTEMPTS", 2)
    path, stop = inbox.inbox / "copying.jsonl", threading.Event()
    path.touch()

    def copy() -> None:
        with path.open("a", buffering=1) as stream:
            while not stop.wait(0.005):
                stream.write("{}\n")

    writer = threading.Thread(target=copy)
    writer.start()
    assert inbox.waiting() == []
    stop.set()
    writer.join()
    assert [file.path for file in inbox.waiting()] == [path]


def test_a_file_that_grew_after_reading_is_read_again(inbox: Inbox):
    path = inbox.inbox / "export.jsonl"
    path.write_text('{"id":"evt_1"}\n')
    (before,) = inbox.waiting()
    with path.open("a") as stream:
        stream.write('{"id":"evt_2"}\n')
    assert inbox.archive([before]) == []
    (after,) = inbox.waiting()
    assert inbox.archive([after]) == [inbox.loaded / "export.jsonl"]
    assert inbox.waiting() == []


def test_a_second_file_of_the_same_name_overwrites_nothing(inbox: Inbox):
    for content in ("{}\n", "{} \n"):
        (inbox.inbox / "export.jsonl").write_text(content)
        inbox.archive(inbox.waiting())
    assert sorted(path.name for path in inbox.loaded.iterdir()) == ["export.1.jsonl", "export.jsonl"]


def test_a_file_that_vanished_is_no_error(inbox: Inbox):
    assert inbox.archive([LandedFile(inbox.inbox / "gone.jsonl", 1, 1, 1)]) == []


def test_events_arriving_while_files_are_taken_are_neither_lost_nor_doubled(inbox: Inbox):
    taken: list[str] = []

    def write(worker: int) -> None:
        for number in range(40):
            inbox.append([json.dumps({"id": f"{worker}-{number}"}).encode()])

    with ThreadPoolExecutor(4) as pool:
        writers = [pool.submit(write, worker) for worker in range(3)]
        while not all(writer.done() for writer in writers) or (inbox.inbox / CURRENT).exists():
            inbox.close_current()
            files = inbox.waiting()
            taken += [line.event["id"] for file in files for line in read_lines(file.path)]
            inbox.archive(files)
    for writer in writers:
        writer.result()
    assert sorted(taken) == sorted(f"{worker}-{number}" for worker in range(3) for number in range(40))


# --- as a process ---------------------------------------------------------------------------------------------------


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def environment(data: Path, **more: str) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("THROUGHLINE_")}
    return kept | {"THROUGHLINE_DATA_DIR": str(data), "PYTHONPATH": str(Path.cwd())} | more


@contextmanager
def receiver(data: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A receiver as its own process, and the URL to post to."""
    port = free_port()
    env = environment(data, THROUGHLINE_LANDING_SECRET=SECRET, THROUGHLINE_LANDING_PORT=str(port))
    process = subprocess.Popen(
        [sys.executable, "-m", "ingestion.landing"],
        env=env,
        cwd=data,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        base = f"http://127.0.0.1:{port}"
        for _ in range(200):
            try:
                httpx.get(base + "/health", timeout=2)
                break
            except httpx.TransportError:
                assert process.poll() is None, process.stderr.read()
                time.sleep(0.05)
        yield process, base + URL
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def test_what_was_acknowledged_survives_a_kill(tmp_path: Path):
    inbox = Inbox(tmp_path / "landing" / "encharge")
    with receiver(tmp_path) as (process, url):
        with ThreadPoolExecutor(8) as pool, httpx.Client() as client:
            answers = list(pool.map(lambda n: client.post(url, json={"id": f"evt_{n}"}).status_code, range(100)))
        process.kill()
    assert answers == [200] * 100
    assert {event["id"] for event in landed(inbox)} == {f"evt_{n}" for n in range(100)}
    assert len(landed(inbox)) == 100


def test_sigterm_ends_it_cleanly_and_the_secret_is_never_shown(tmp_path: Path):
    with receiver(tmp_path) as (process, url):
        httpx.post(url, json={"id": "evt_1"})
        httpx.post(url, content=b"{")
        process.send_signal(signal.SIGTERM)
        output, errors = process.communicate(timeout=10)
    assert process.returncode == 0
    assert SECRET not in output + errors
    assert "landing receiver on http://127.0.0.1:" in output


@pytest.mark.parametrize("secret", [None, "", "  "])
def test_without_a_secret_it_does_not_start(tmp_path: Path, secret: str | None):
    env = environment(tmp_path, **({} if secret is None else {"THROUGHLINE_LANDING_SECRET": secret}))
    done = subprocess.run(
        [sys.executable, "-m", "ingestion.landing"], env=env, cwd=tmp_path, text=True, capture_output=True, timeout=20
    )
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "THROUGHLINE_LANDING_SECRET" in line


def test_a_port_in_use_is_said_in_one_line(tmp_path: Path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        env = environment(tmp_path, THROUGHLINE_LANDING_SECRET=SECRET, THROUGHLINE_LANDING_PORT=port)
        done = subprocess.run(
            [sys.executable, "-m", "ingestion.landing"],
            env=env,
            cwd=tmp_path,
            text=True,
            capture_output=True,
            timeout=20,
        )
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert port in line
