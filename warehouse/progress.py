"""What a person who watches a run sees: one line a step, on standard output, and in the run's log in the UI."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field

QUIET_SECONDS = 5.0

log = logging.getLogger("throughline.progress")
log.setLevel(logging.INFO)
# a line that was printed is not printed again by whatever configured the root logger
log.propagate = False


def say(text: str) -> None:
    """Print a line at once, and log it."""
    print(text, flush=True)
    log.info("%s", text)


@dataclass
class Counter:
    """Tells how far a long load has come, every few seconds. Called with a stream and its objects read so far."""

    source: str
    _last: float = field(default_factory=time.monotonic)

    def __call__(self, stream: str, rows: int) -> None:
        now = time.monotonic()
        if now - self._last >= QUIET_SECONDS:
            self._last = now
            say(f"  {self.source} {stream}: {rows:,} objects read so far")
