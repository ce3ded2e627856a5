"""What a deliberate fault is, and where the lists of them are."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Fault:
    """`text`, which stands in `path` exactly once, becomes another; one of `tests` (pytest selections) must fail."""

    name: str
    what: str
    path: str
    text: str
    becomes: str
    tests: tuple[str, ...]


def all_faults() -> list[Fault]:
    """The faults of every `faults_<part>.py`, in the order of the files' names."""
    found: list[Fault] = []
    for path in sorted(Path(__file__).parent.glob("faults_*.py")):
        found += importlib.import_module(f"tests.mutation.{path.stem}").FAULTS
    return found
