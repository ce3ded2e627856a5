"""What holds for any life, on a hundred and more of them; and nights in any order against one full build."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import pytest

from tests.dbt.conftest import DbtWarehouse
from tests.engines.compare import compared_tables, differences
from tests.journey import invariants, zones
from tests.journey.lives import AS_OF, Life, drawn
from tests.journey.telling import NIGHTS, Told, in_nights, land, on_time, told
from tests.journey.test_lives import gone, run, twins

PUBLISHED = ("path:models/journey", "path:models/metrics", "path:models/identity")
SCHEMAS = ("journey", "metrics", "identity")
EVERYTHING = tuple(f"+{path}" for path in PUBLISHED)


def night_by_night(
    dbt: DbtWarehouse,
    extracted: list[tuple[datetime, Told]],
    models: Iterable[str],
    nights: Sequence[datetime] = NIGHTS,
    zone: str = "UTC",
) -> None:
    """Land what comes up to each night, and carry the tables on from the night before."""
    for before, night in pairwise([datetime.min, *nights]):
        land(dbt, [(at, one) for at, one in extracted if before < at <= night])
        run(dbt.carry, models, night, zone)


def shuffle_raw(dbt: DbtWarehouse) -> None:
    """The same rows of the ledger in another physical order."""
    for schema, table in dbt.rows(
        "select table_schema, table_name from information_schema.tables where table_schema like 'raw_%'"
    ):
        columns = [row[0] for row in dbt.rows(f'describe {schema}."{table}"')]
        if "version_hash" in columns:
            name = f'{schema}."{table}"'
            dbt.execute(f"create or replace table {name} as select * from {name} order by md5(version_hash)")


@pytest.fixture(scope="module")
def lives() -> dict[str, Life]:
    return twins(drawn(100, 2))


@pytest.mark.slow
def test_a_hundred_lives(dbt_module: DbtWarehouse, lives: dict[str, Life]) -> None:
    """Everything that `test_lives.py` checks on a few, in one build; and two more in other time zones."""
    dbt = dbt_module
    rows = told(lives, cleaned=[name for name in lives if name[0] == "m"], steady_rates=True)
    land(dbt, on_time(rows))
    run(dbt.run, EVERYTHING)
    assert invariants.segments_give_the_total(dbt) == []
    assert invariants.everybody_is_in_one_stage(dbt, AS_OF) == []
    assert invariants.stages_differ_from_billing(dbt, "UTC") == []
    assert invariants.funnels_fall_and_conversion_rises(dbt) == []
    assert invariants.conversions_differ(dbt) == []
    assert invariants.pipeline_rolls_forward(dbt, "UTC") == []
    assert invariants.keys_repeat(dbt) == []
    assert invariants.totals_move(dbt, {name: f"m{name[1:]}" for name in lives if name[0] == "w"}, gone(lives)) == []
    assert invariants.stray_keys(dbt) == []
    totals, revenue = zones.all_time_totals(dbt), zones.revenue_by_month(dbt)
    for zone in ("Asia/Tokyo", "America/Los_Angeles"):
        run(dbt.run, PUBLISHED, zone=zone)
        assert zones.days_are_not_local(dbt, zone) == []
        assert zones.all_time_totals(dbt) == totals
        assert zones.revenue_moves_too_far(revenue, zones.revenue_by_month(dbt)) == []
        assert invariants.everybody_is_in_one_stage(dbt, AS_OF) == []
        assert invariants.stages_differ_from_billing(dbt, zone) == []
        assert invariants.segments_give_the_total(dbt) == []
        assert invariants.pipeline_rolls_forward(dbt, zone) == []


@pytest.mark.slow
@pytest.mark.parametrize(("number", "zone"), [(0, "UTC"), (1, "America/Los_Angeles")])
def test_fifty_partitions_give_what_one_full_build_gives(
    tmp_path: Path, dbt: DbtWarehouse, number: int, zone: str
) -> None:
    """Fifty lives, each with its rows dealt into two to five nights by itself, early and late, in no order.

    Nothing is left out of the comparison: both builds read the same ledger, so that even the instants at which things
    were first seen are the same. A second run of the last night changes nothing either.
    """
    lives = {f"w{life}": one for life, one in enumerate(drawn(50, 3 + number))}
    night_by_night(dbt, in_nights(told(lives, cleaned=lives), number), EVERYTHING, zone=zone)
    assert dbt.value("select count(*) from changes.log where changed > 0") > 50, "nothing was carried on"
    kept = tmp_path / "kept.duckdb"
    shutil.copy2(dbt.path, kept)
    assert compared_tables(kept, SCHEMAS) > 80
    run(dbt.run, EVERYTHING, zone=zone)
    assert differences(kept, dbt.path, SCHEMAS) == []
    shuffle_raw(dbt)
    run(dbt.rebuild, EVERYTHING, zone=zone)
    assert differences(kept, dbt.path, SCHEMAS) == []
