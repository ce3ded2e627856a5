"""What holds for any life of a company, tried on many drawn ones at once.

Lives share nothing but the warehouse, so a few builds try all of them. Each life stands there twice: as it was
(`w<n>`), and with its merges and deletions (`m<n>`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

import pytest

from tests.dbt.conftest import DbtWarehouse
from tests.journey import invariants, zones
from tests.journey.lives import AS_OF, Life, drawn, of_the_day
from tests.journey.telling import land, on_time, told

# where days are not those of UTC, and some are an hour shorter
ZONE = "America/Los_Angeles"
MARTS = ("unit_economics_by_segment_monthly", "unit_economics_monthly", "lead_conversion_*", "win_rates", "pipeline_*")
MARTS += ("sales_cycles", "stage_conversion", "lead_handoffs", "retention_cohorts", "funnel_cohorts")
FACTS = ("fct_journeys", "fct_leads", "fct_tickets", "account_aliases", "person_aliases")
BUILT = tuple(f"+{name}" for name in (*MARTS, *FACTS))
ACTIVITIES_GONE = ("deals", "calls", "emails", "meetings")


def twins(lives: list[Life]) -> dict[str, Life]:
    return {f"{kind}{number}": life for number, life in enumerate(lives) for kind in "wm"}


def gone(lives: dict[str, Life]) -> dict[str, set[str]]:
    """What was deleted of a life and leaves the facts: records of people and companies do not."""
    return {
        name: {key.removeprefix("{w}.") for stream, key in life.deleted if stream in ACTIVITIES_GONE}
        for name, life in lives.items()
    }


def run(build: Callable[..., object], models: Iterable[str], night: datetime = AS_OF, zone: str = "UTC") -> None:
    build(*models, as_of=f"{night:%Y-%m-%d %H:%M:%S}", time_zone=zone)


@pytest.fixture(scope="module")
def lives() -> dict[str, Life]:
    return twins([*drawn(15, 1), of_the_day()])


@pytest.fixture(scope="module")
def world(dbt_module: DbtWarehouse, lives: dict[str, Life]) -> DbtWarehouse:
    """Fifteen lives and one by hand, with their cleaned-up twins, built once."""
    land(dbt_module, on_time(told(lives, cleaned=[name for name in lives if name[0] == "m"], steady_rates=True)))
    run(dbt_module.run, BUILT, zone=ZONE)
    return dbt_module


def test_segments_give_the_total(world: DbtWarehouse) -> None:
    assert invariants.segments_give_the_total(world) == []


def test_everybody_is_in_one_stage_at_every_instant(world: DbtWarehouse) -> None:
    assert invariants.everybody_is_in_one_stage(world, AS_OF) == []
    assert invariants.stages_differ_from_billing(world, ZONE) == []


def test_funnels_fall_and_conversion_rises(world: DbtWarehouse) -> None:
    assert invariants.funnels_fall_and_conversion_rises(world) == []
    assert invariants.conversions_differ(world) == []


def test_open_pipeline_rolls_forward(world: DbtWarehouse) -> None:
    assert invariants.pipeline_rolls_forward(world, ZONE) == []


def test_every_fact_has_its_grain(world: DbtWarehouse) -> None:
    assert invariants.keys_repeat(world) == []


def test_merges_and_deletions_reach_every_table_and_totals_stay(world: DbtWarehouse, lives: dict[str, Life]) -> None:
    assert invariants.totals_move(world, {name: f"m{name[1:]}" for name in lives if name[0] == "w"}, gone(lives)) == []
    assert invariants.stray_keys(world) == []


def test_days_are_those_of_the_reporting_zone(world: DbtWarehouse) -> None:
    assert zones.days_are_not_local(world, ZONE) == []
