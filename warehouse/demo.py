"""`throughline demo` and `throughline dev`: the product on a company that does not exist, over real HTTP.

The sandbox runs as a process of its own and hands over nothing but base URLs and keys: what happens here is what
happens at a company, with other settings.
"""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from warehouse.settings import process_environment

READY_WITHIN_SECONDS = 120


class SandboxFailed(Exception):
    """The sandbox did not come up; the message carries its last words."""


@dataclass(frozen=True)
class Sandbox:
    """A running sandbox: the settings that point Throughline at it."""

    environment: dict[str, str]


@contextlib.contextmanager
def sandbox(
    data_dir: Path, *, seed: int = 7, accounts: int = 1, date: str | None, scenario: Path | None = None
) -> Iterator[Sandbox]:
    """Serve a sandbox company on a free port of 127.0.0.1 for the length of the block.

    Its ledger CSVs and its history of email events are written below `data_dir`. With a `scenario` its objects are
    those of that folder. Raises SandboxFailed.
    """
    command = [
        *(sys.executable, "-m", "sandbox", "--port", "0", "--seed", str(seed), "--accounts", str(accounts)),
        *("--ledger", str(data_dir / "ledger"), "--landing", str(data_dir / "landing")),
        *(("--date", date) if date else ()),
        *(("--scenario", str(scenario)) if scenario else ()),
    ]
    data_dir.mkdir(parents=True, exist_ok=True)
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        environment = _environment_lines(process)
        yield Sandbox(environment | {"THROUGHLINE_DATA_DIR": str(data_dir)})
    finally:
        stop(process)


def stop(process: subprocess.Popen, patience_seconds: float = 10) -> None:
    """End a process that we started: by SIGTERM, and by SIGKILL when it does not listen."""
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(timeout=patience_seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def stop_children_on_sigterm() -> None:
    """Make SIGTERM leave by the way of an exception, so that open `sandbox` blocks end their processes."""
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))


def _environment_lines(process: subprocess.Popen[str]) -> dict[str, str]:
    """What the sandbox prints after `ready`: one NAME=value a line, up to an empty line."""
    assert process.stdout is not None
    said: list[str] = []
    deadline = time.monotonic() + READY_WITHIN_SECONDS
    for line in process.stdout:
        said.append(line.strip())
        if line.strip() == "ready":
            break
        if time.monotonic() > deadline:
            raise SandboxFailed(f"the sandbox was not ready after {READY_WITHIN_SECONDS} s: {' / '.join(said[-3:])}")
    else:
        raise SandboxFailed(f"the sandbox stopped: {' / '.join(said[-3:]) or 'it said nothing'}")
    lines = iter(process.stdout.readline, "")
    return dict(text.split("=", 1) for text in _until_blank(lines))


def _until_blank(lines: Iterator[str]) -> Iterator[str]:
    for line in lines:
        if not line.strip():
            return
        if "=" in line:
            yield line.strip()


def run(command: list[str], environment: dict[str, str]) -> int:
    """Run a Throughline command with these settings beside the present environment; returns its exit code."""
    return subprocess.call([sys.executable, "-m", *command], env=process_environment(environment))
