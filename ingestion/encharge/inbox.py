"""The landing folder of Encharge: where webhook payloads and dropped files wait until they are loaded.

```
<data>/landing/encharge/
    inbox/       *.jsonl (one event a line) and *.json (one event or a list), waiting to be loaded
    loaded/      files whose load has committed
    rejected/    request bodies that were not JSON, for a person to look at
```

Files whose name starts with a dot, or ends otherwise, are still being written and are left alone. The receiver
appends to one dot file; the loader closes it by a rename under the same lock, so everything acknowledged before a load
starts takes part in it, and nothing is ever appended to a file that is being read.
"""

import fcntl
import json
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

CURRENT = ".receiving.jsonl"
ROTATE_BYTES = 64 * 1024 * 1024
SETTLE_SECONDS = 0.5
SETTLE_ATTEMPTS = 6


@dataclass(frozen=True)
class LandedFile:
    """A file of the inbox and what it looked like before it was read: it is moved only if that still holds."""

    path: Path
    inode: int
    size: int
    modified_ns: int

    def is_unchanged(self) -> bool:
        """Whether the file is still the one that was read, byte for byte as far as the file system can tell."""
        return _look_at(self.path) == self


@dataclass(frozen=True)
class Line:
    """One event of a file as it stands there: the parsed object, or the reason why there is none."""

    number: int
    text: str
    event: dict[str, Any] | None
    reason: str | None = None


@dataclass(frozen=True)
class Inbox:
    """The landing folder of one source, shared by the receiver (append) and the loader (close, list, archive)."""

    folder: Path

    @property
    def inbox(self) -> Path:
        return self.folder / "inbox"

    @property
    def loaded(self) -> Path:
        return self.folder / "loaded"

    @property
    def rejected(self) -> Path:
        return self.folder / "rejected"

    def prepare(self) -> None:
        """Create the folders. Raises OSError when the place cannot be written."""
        for folder in (self.inbox, self.loaded, self.rejected):
            folder.mkdir(parents=True, exist_ok=True)

    def append(self, lines: Iterable[bytes]) -> None:
        """Append lines (given without newline) and return when they are on disk. Raises OSError; then none is kept."""
        data = b"".join(line + b"\n" for line in lines)
        if not data:
            return
        current = self.inbox / CURRENT
        with self._locked():
            is_new = not current.exists()
            descriptor = os.open(current, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o640)
            try:
                start = _cut_torn_tail(descriptor)
                try:
                    _write_all(descriptor, data)
                    os.fsync(descriptor)
                except OSError:
                    os.ftruncate(descriptor, start)
                    raise
            finally:
                os.close(descriptor)
            if is_new:
                _sync_folder(self.inbox)
            if start + len(data) >= ROTATE_BYTES:
                self._close(current)

    def close_current(self) -> Path | None:
        """Give what the receiver has written so far a name that the loader takes; None when there is nothing."""
        current = self.inbox / CURRENT
        if not current.exists():
            return None
        with self._locked():
            return self._close(current) if current.exists() else None

    def reject(self, body: bytes, reason: str) -> Path:
        """Keep a body that cannot be taken in, durably; returns where."""
        path = self.rejected / f"{_stamp()}-{os.urandom(3).hex()}-{reason}.body"
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640)
        try:
            _write_all(descriptor, body)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        _sync_folder(self.rejected)
        return path

    def waiting(self) -> list[LandedFile]:
        """Files to load, in order of name. A file that another process is still writing to is left for the next run."""
        if not self.inbox.is_dir():
            return []
        paths = sorted(
            path
            for path in self.inbox.iterdir()
            if path.suffix in (".jsonl", ".json") and not path.name.startswith(".") and path.is_file()
        )
        return [file for path in paths if (file := _settled(path)) is not None]

    def archive(self, files: Iterable[LandedFile]) -> list[Path]:
        """Move loaded files out of the inbox. A file that changed since it was read stays, and is read again."""
        moved = []
        for file in files:
            if file.is_unchanged():
                self.loaded.mkdir(parents=True, exist_ok=True)
                target = _free_name(self.loaded / file.path.name)
                file.path.rename(target)
                moved.append(target)
        if moved:
            _sync_folder(self.inbox)
            _sync_folder(self.loaded)
        return moved

    def _close(self, current: Path) -> Path | None:
        if current.stat().st_size == 0:
            return None
        target = _free_name(self.inbox / f"received-{_stamp()}.jsonl")
        current.rename(target)
        _sync_folder(self.inbox)
        return target

    @contextmanager
    def _locked(self) -> Iterator[None]:
        descriptor = os.open(self.folder / ".lock", os.O_RDWR | os.O_CREAT, 0o640)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def read_lines(path: Path) -> Iterator[Line]:
    """The events of a landed file, with 1-based line numbers; what is not a JSON object comes with a reason."""
    if path.suffix == ".json":
        yield from _read_document(path)
        return
    with path.open("rb") as stream:
        for number, raw in enumerate(stream, start=1):
            raw = raw.removeprefix(b"\xef\xbb\xbf") if number == 1 else raw
            if raw.strip():
                yield _parse(number, raw.strip())


def parse_json(raw: bytes) -> Any:
    """Strict JSON (no NaN, no Infinity). Raises ValueError for everything that is not."""
    try:
        return json.loads(raw, parse_constant=_no_constant)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _read_document(path: Path) -> Iterator[Line]:
    raw = path.read_bytes().removeprefix(b"\xef\xbb\xbf").strip()
    if not raw:
        return
    try:
        document = parse_json(raw)
    except ValueError as error:
        # Exports are often JSON Lines under the name .json.
        lines = [(number, line.strip()) for number, line in enumerate(raw.split(b"\n"), start=1) if line.strip()]
        if len(lines) > 1 and _parse(*lines[0]).event is not None:
            yield from (_parse(number, line) for number, line in lines)
            return
        yield Line(1, _text(raw), None, f"not JSON: {error}")
        return
    for number, item in enumerate(document if isinstance(document, list) else [document], start=1):
        yield _as_line(number, json.dumps(item), item)


def _parse(number: int, raw: bytes) -> Line:
    try:
        return _as_line(number, _text(raw), parse_json(raw))
    except ValueError as error:
        return Line(number, _text(raw), None, f"not JSON: {error}")


def _as_line(number: int, text: str, item: Any) -> Line:
    if isinstance(item, dict):
        return Line(number, text, item)
    return Line(number, text, None, f"not a JSON object but {type(item).__name__}")


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", errors="replace")


def _look_at(path: Path) -> LandedFile | None:
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return LandedFile(path, status.st_ino, status.st_size, status.st_mtime_ns)


def _settled(path: Path) -> LandedFile | None:
    """The file once it has rested for SETTLE_SECONDS, or None while somebody keeps writing to it."""
    for _ in range(SETTLE_ATTEMPTS):
        file = _look_at(path)
        if file is None:
            return None
        # Received files were closed under the lock; only files dropped by others can still be growing.
        if path.name.startswith("received-") or abs(time.time() - file.modified_ns / 1e9) >= SETTLE_SECONDS:
            return file
        time.sleep(SETTLE_SECONDS)
    return None


def _cut_torn_tail(descriptor: int) -> int:
    """Drop what follows the last newline (a writer killed in mid-line; never acknowledged) and return the size."""
    size = os.fstat(descriptor).st_size
    position = size
    while position > 0:
        start = max(0, position - 65536)
        chunk = os.pread(descriptor, position - start, start)
        newline = chunk.rfind(b"\n")
        if newline >= 0:
            end = start + newline + 1
            break
        position = start
    else:
        end = 0
    if end != size:
        os.ftruncate(descriptor, end)
    return end


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _stamp() -> str:
    return datetime.now(UTC).strftime("%Y%m%dT%H%M%S%fZ")


def _free_name(path: Path) -> Path:
    target, number = path, 1
    while target.exists():
        target = path.with_name(f"{path.stem}.{number}{path.suffix}")
        number += 1
    return target
