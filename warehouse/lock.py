"""The one-writer rule, held by the operating system: the kernel frees the lock when its holder dies, however it dies.

The lock is re-entrant within a process: the run takes it once, and each of its steps may take it again.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

FILE_NAME = "writer.lock"


@dataclass(frozen=True)
class Holder:
    """Who holds the lock: process id, since when (UTC, ISO 8601), and what it does."""

    pid: int
    since: str
    purpose: str

    def __str__(self) -> str:
        return f"{self.purpose} (process {self.pid}, since {self.since})"


class WriterBusy(Exception):
    """Another process is writing. `holder` says who, when it is known."""

    def __init__(self, data_dir: Path, holder: Holder | None) -> None:
        self.holder = holder
        who = str(holder) if holder else "another process"
        super().__init__(f"{who} is writing to {data_dir}; wait for it to end, or stop it, and run this again")


_guard = threading.Lock()
_held: dict[Path, tuple[int, int]] = {}  # lock file -> (descriptor, depth)


@contextlib.contextmanager
def writer_lock(data_dir: Path, purpose: str = "throughline") -> Iterator[None]:
    """Hold the writer lock of a data folder for the length of the block. Raises WriterBusy at once when it is taken."""
    path = data_dir.absolute() / FILE_NAME
    _acquire(path, purpose)
    try:
        yield
    finally:
        _release(path)


def current_holder(data_dir: Path) -> Holder | None:
    """Who writes right now; None when nobody does. Takes nothing away from anybody."""
    path = data_dir.absolute() / FILE_NAME
    if path in _held:
        return _read(path)
    try:
        descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _read(path) or Holder(0, "unknown", "another process")
    finally:
        os.close(descriptor)
    return None


def _acquire(path: Path, purpose: str) -> None:
    with _guard:
        if path in _held:
            descriptor, depth = _held[path]
            _held[path] = (descriptor, depth + 1)
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        # children inherit nothing: a process that outlives the run must not keep the lock
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            _lock(descriptor, path)
        except BaseException:
            os.close(descriptor)
            raise
        holder = Holder(os.getpid(), datetime.now(UTC).isoformat(timespec="seconds"), purpose)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(asdict(holder)).encode(), 0)
        _held[path] = (descriptor, 1)


def _lock(descriptor: int, path: Path) -> None:
    for patience in range(5, -1, -1):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            holder = _read(path)
            # nameless: somebody only looks (`current_holder`), or has not written its name yet
            if holder or not patience:
                raise WriterBusy(path.parent, holder) from None
            time.sleep(0.02)


def _release(path: Path) -> None:
    with _guard:
        descriptor, depth = _held[path]
        if depth > 1:
            _held[path] = (descriptor, depth - 1)
            return
        del _held[path]
        os.ftruncate(descriptor, 0)
        os.close(descriptor)


def _read(path: Path) -> Holder | None:
    try:
        return Holder(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        # the holder is between taking the lock and writing its name
        return None
