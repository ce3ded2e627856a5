"""`python -m ingestion.probe`: one small request to each configured source, to see whether its key opens the door.

Prints one JSON object: the source's name, and null or what is wrong.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass

from ingestion.http import HttpClient, RetryBudget, SourceError
from warehouse.settings import API_SOURCES, BadSettings, Settings, get_settings

TIMEOUT_SECONDS = 10.0


@dataclass(frozen=True)
class Door:
    """Where to knock: a cheap endpoint, and the header that carries the key."""

    path: str
    header: str
    prefix: str = ""


DOORS = {
    "hubspot": Door("/crm/v3/owners?limit=1", "Authorization", "Bearer "),
    "encharge": Door("/fields", "X-Encharge-Token"),
    "stripe": Door("/v1/events?limit=1", "Authorization", "Bearer "),
}


def probe(name: str, settings: Settings) -> str | None:
    """What keeps a configured source from being read; None when it answers."""
    source, door = settings.source(name), DOORS[name]
    key = source.api_key.get_secret_value() if source.api_key else ""
    budget = RetryBudget(attempts=1)
    try:
        with HttpClient(
            name, source.base_url, {door.header: door.prefix + key}, [key], budget, timeout=TIMEOUT_SECONDS
        ) as client:
            client.get(door.path)
    except SourceError as error:
        return str(error)
    return None


def main() -> int:
    """Knock at every configured source."""
    try:
        settings = get_settings()
    except BadSettings as error:
        print(error, file=sys.stderr)
        return 1
    print(json.dumps({name: probe(name, settings) for name in API_SOURCES if settings.source(name).is_configured}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
