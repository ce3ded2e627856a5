"""Small histories of identity records, drawn by hypothesis: many side by side in one warehouse share a build.

A history is a few dozen versions of a few records whose addresses, domains and references come from small pools, so
that they collide, contradict each other, merge in chains and cycles, and go away. Histories share nothing but names.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from tests.dbt.conftest import DbtWarehouse

FIRST_NIGHT = datetime(2026, 1, 10, tzinfo=UTC)
LOCAL_PARTS = ("ann", "bob", "ann+news", "info", "billing", "Accounts.Payable")
NAMES = ("Ann Stone", "Bob Lamb", "Omega Inc.", "Sigma GmbH", None)
STREAMS = {"contact": "contacts", "company": "companies", "person": "people", "customer": "customers"}
SYSTEMS = {"contact": "hubspot", "company": "hubspot", "person": "encharge", "customer": "stripe"}


@dataclass(frozen=True)
class Version:
    """One version of a record as night `night` brings it; `made` orders versions and need not follow the nights."""

    kind: str
    number: int
    night: int
    made: int
    is_deleted: bool
    values: tuple[tuple[str, Any], ...]


@st.composite
def histories(draw: st.DrawFn, nights: int = 3, records: int = 4) -> list[Version]:
    """A history over so many nights, with up to `records` records of each kind."""
    numbers = st.integers(0, records - 1)
    address = st.tuples(st.sampled_from(LOCAL_PARTS), st.sampled_from(("one", "two", "gmail"))).map(
        lambda parts: f"{parts[0]}@{parts[1]}"
    )
    maybe = st.none() | address
    domain = st.sampled_from((None, "one", "two", "www.one"))
    drawn: list[Version] = []
    for made in range(draw(st.integers(4, 14))):
        kind = draw(st.sampled_from(tuple(STREAMS)))
        values: dict[str, Any] = {}
        if kind == "contact":
            first, _, last = (draw(st.sampled_from(NAMES)) or "").partition(" ")
            values = {"email": draw(maybe), "additional_emails": draw(st.none() | address)}
            values |= {"first_name": first or None, "last_name": last or None}
            values["merged_ids"] = draw(st.none() | st.lists(numbers, min_size=1, max_size=3).map(tuple))
            values["company_id"] = draw(st.none() | numbers)
        elif kind == "company":
            values = {"domain": draw(domain), "name": draw(st.sampled_from(NAMES))}
            values["merged_ids"] = draw(st.none() | st.lists(numbers, min_size=1, max_size=2).map(tuple))
            values["parent_company_id"] = draw(st.none() | numbers)
            values["stripe_customer_id"] = draw(st.none() | numbers)
        elif kind == "person":
            values = {"email": draw(maybe), "hubspot_contact_id": draw(st.none() | numbers)}
            values["stripe_customer_id"] = draw(st.none() | numbers)
        else:
            values = {"email": draw(maybe), "name": draw(st.sampled_from(NAMES))}
            values["hubspot_company_id"] = draw(st.none() | numbers)
        drawn.append(
            Version(
                kind,
                draw(numbers),
                draw(st.integers(0, nights - 1)),
                made,
                draw(st.integers(0, 9)) == 0,
                tuple(values.items()),
            )
        )
    return drawn


@st.composite
def decisions(draw: st.DrawFn, nights: int = 3, records: int = 4) -> list[tuple[Any, ...]]:
    """Overrides of a history: (night, action, entity, left node, right node)."""
    kinds = {"person": ("contact", "person"), "account": ("company", "customer")}
    drawn = []
    for _ in range(draw(st.integers(0, 2))):
        entity = draw(st.sampled_from(tuple(kinds)))
        sides = [(draw(st.sampled_from(kinds[entity])), draw(st.integers(0, records - 1))) for _ in range(2)]
        action = draw(st.sampled_from(("join", "split")))
        drawn.append((draw(st.integers(0, nights - 1)), action, entity, *sides))
    return drawn


def night_of(number: int) -> datetime:
    """When a night's extraction takes place."""
    return FIRST_NIGHT + timedelta(days=number)


def write_night(
    dbt: DbtWarehouse,
    told: Iterable[tuple[list[Version], list[tuple[Any, ...]]]],
    night: int,
) -> None:
    """Append what one night brings of all histories to the raw ledger."""
    rows: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for world, (versions, overrides) in enumerate(told):
        for version in versions:
            if version.night != night:
                continue
            values = {name: _own(world, name, value) for name, value in version.values}
            rows[SYSTEMS[version.kind], STREAMS[version.kind]].append(
                {
                    "id": f"{world}-{version.number}",
                    "created_at": f"2025-0{1 + version.number}-01 00:00:00+00",
                    "modified_at": f"2025-12-01 00:00:{version.made:02d}+00",
                    "is_deleted": version.is_deleted,
                    "version_hash": f"{world}-{version.kind}-{version.number}-{version.made}",
                    **values,
                }
            )
        for when, action, entity, left, right in overrides:
            if when == night:
                rows["ledger", "identity_overrides"].append(_override(world, action, entity, left, right))
    for (source, stream), found in rows.items():
        dbt.raw(source, stream, found, extracted_at=f"{night_of(night):%Y-%m-%d %H:%M:%S}+00")


def _own(world: int, name: str, value: Any) -> Any:
    """A value as this history's own: no other one shares it, free mail apart."""
    if value is None:
        return None
    if name == "merged_ids":
        return ";".join(f"{world}-{number}" for number in value)
    if name.endswith("_id"):
        return f"{world}-{value}"
    if name == "domain":
        return f"{value}-{world}.com"
    if "@" in str(value):
        local, _, domain = value.partition("@")
        return f"{local}.w{world}@gmail.com" if domain == "gmail" else f"{local}@{domain}-{world}.com"
    return value


def _override(world: int, action: str, entity: str, left: tuple[str, int], right: tuple[str, int]) -> dict[str, Any]:
    row: dict[str, Any] = {"id": f"{world}-{action}-{entity}-{left}-{right}", "action": action, "entity": entity}
    for side, (kind, number) in (("left", left), ("right", right)):
        row |= {f"{side}_system": SYSTEMS[kind], f"{side}_type": kind, f"{side}_id": f"{world}-{number}"}
    return row
