"""The truth about deals, leads and hand-offs, against a second account of it: the objects that HubSpot would show."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime

import pytest

from sandbox import truth_conversion
from sandbox.world import World


@pytest.fixture(scope="module")
def world() -> World:
    return World(5, 40, date(2026, 6, 15))


@pytest.mark.parametrize("kind", ["all", "channel"])
def test_deals_won_lost_and_open_are_those_of_the_crm(world: World, kind: str) -> None:
    rows = [row for row in world.truth_deals() if row["table"] == "month" and row["segment_type"] == kind]
    deals = world.objects("hubspot", "deals").values()
    stages = Counter(deal["properties"]["dealstage"] for deal in deals)
    assert sum(row["won"] for row in rows) == stages["closedwon"] > 0
    assert sum(row["lost"] for row in rows) == stages["closedlost"] > 0
    last = max(row["month"] for row in rows)
    standing = sum(row["open"] for row in rows if row["month"] == last)
    assert standing == len(deals) - stages["closedwon"] - stages["closedlost"]
    assert sum(row["created"] for row in rows) == len(deals)


def test_the_pipeline_of_the_truth_closes(world: World) -> None:
    deals, amounts = Counter(), Counter()
    for row in world.truth_deals():
        if row["table"] == "month":
            segment = row["segment"]
            deals[segment] += row["created"] - row["won"] - row["lost"]
            signs = {"created": 1, "won": -1, "lost": -1, "changed": 1}
            amounts[segment] += sum(sign * float(row[f"{name}_amount"]) for name, sign in signs.items())
            assert (deals[segment], round(amounts[segment], 2)) == (row["open"], float(row["open_amount"]))


@pytest.mark.parametrize("kind", ["all", "channel", "company_size", "country"])
def test_leads_are_the_people_that_the_systems_know(world: World, kind: str) -> None:
    known = {row["truth_id"] for row in world.truth_people() if row["source_type"] in ("contact", "person")}
    cohorts = [row for row in world.truth_leads() if row["table"] == "cohort" and row["within_days"] == 30]
    assert sum(row["leads"] for row in cohorts if row["segment_type"] == kind) == len(known)


def test_assignments_are_the_changes_of_owner_in_the_crm(world: World) -> None:
    changes = [
        entry
        for contact in world.objects("hubspot", "contacts").values()
        for entry in contact["propertiesWithHistory"].get("hubspot_owner_id", [])
    ]
    assert sum(row["assignments"] for row in world.truth_handoffs() if row["table"] == "month") == len(changes) > 0


@pytest.mark.parametrize(
    ("start", "end", "minutes"),
    [
        (datetime(2025, 1, 10, 17), datetime(2025, 1, 13, 9), 120),
        (datetime(2025, 1, 11, 9), datetime(2025, 1, 12, 9), 0),
        (datetime(2025, 1, 10, 9, 0, 30), datetime(2025, 1, 10, 9, 10, 20), 10),
        (datetime(2025, 1, 6), datetime(2025, 1, 13), 3000),
    ],
)
def test_working_minutes(start: datetime, end: datetime, minutes: int) -> None:
    first, last = (round(moment.replace(tzinfo=UTC).timestamp() * 1000) for moment in (start, end))
    assert truth_conversion.business_minutes(first, last) == minutes


def test_survival_by_hand() -> None:
    ends = [(9, True), (10, True), (30, False), (120, True)]
    assert truth_conversion.survival(ends) == [
        (9, 4, 1, 0, 0.75),
        (10, 3, 1, 0, 0.5),
        (30, 2, 0, 1, 0.5),
        (120, 1, 1, 0, 0.0),
    ]
