"""Which sources there are, and where their code lies. Importing this module imports none of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from ingestion.extract import Context, Reader
    from ingestion.versions import Stream
    from warehouse.settings import Settings

SOURCES: Mapping[str, str] = {
    "hubspot": "ingestion.hubspot",
    "encharge": "ingestion.encharge",
    "stripe": "ingestion.stripe",
    "ledger": "ingestion.ledger",
}

Build = Callable[["Settings", "Context"], "list[Reader]"]


def streams_of(name: str) -> tuple[Stream, ...]:
    """The streams of a source. Light: imports its declarations only. Raises ValueError for an unknown source."""
    return cast("tuple[Stream, ...]", import_module(f"{_package(name)}.schema").STREAMS)


def builder_of(name: str) -> Build:
    """The source's `build(settings, context)`. Raises ValueError for an unknown source."""
    return cast("Build", import_module(f"{_package(name)}.source").build)


def _package(name: str) -> str:
    try:
        return SOURCES[name]
    except KeyError:
        raise ValueError(f"unknown source {name!r}; there are {', '.join(SOURCES)}") from None
