"""Tables that are carried on: a night makes again what something came for, and the table is what a full build gives."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

import duckdb
import pytest

from tests.benchmarks import growth

MODEL = "stg_encharge__events"
COLUMNS = "event_id, event_type, extracted_at, first_extracted_at, occurred_month, modified_at"


def event(number: int, extracted: datetime, version: int = 1, month: int | None = None) -> dict[str, object]:
    return {
        "id": f"evt_{number}",
        "event_type": f"opened {version}",
        "occurred_at": f"2025-{month or 1 + number % 12:02d}-05T00:00:00Z",
        "modified_at": f"2026-01-05T00:00:{version:02d}Z",
        "extracted_at": extracted.isoformat(),
        "version_hash": f"{number}-{version}",
    }


def table(dbt, name: str = MODEL) -> list[tuple]:
    return dbt.rows(f"select {COLUMNS} from staging.{name} order by all")


def full(dbt, as_of: datetime) -> list[tuple]:
    dbt.rebuild(MODEL, as_of=f"{as_of:%Y-%m-%d %H:%M:%S}")
    return table(dbt)


def nightly(dbt, as_of: datetime) -> list[tuple]:
    dbt.carry(MODEL, as_of=f"{as_of:%Y-%m-%d %H:%M:%S}")
    return table(dbt)


@pytest.mark.parametrize("seed", range(3))
def test_any_nights_give_what_one_full_build_gives(dbt, seed):
    dice = random.Random(seed)
    night = datetime(2026, 1, 10)
    versions: dict[int, int] = {}
    for _ in range(5):
        night += timedelta(days=dice.randint(1, 40))
        touched = {dice.randint(1, 30) for _ in range(8)}
        for number in touched:
            versions[number] = versions.get(number, 0) + 1
        dbt.raw("encharge", "events", [event(number, night, versions[number]) for number in sorted(touched)])
        incremental = nightly(dbt, night)
    assert len(incremental) == len(versions)
    assert incremental == full(dbt, night)


def test_a_run_of_an_earlier_instant_knows_nothing_of_later_ones(dbt):
    first, second = datetime(2026, 1, 10), datetime(2026, 3, 10)
    dbt.raw("encharge", "events", [event(1, first)])
    before = nightly(dbt, first)
    dbt.raw("encharge", "events", [event(1, second, 2), event(2, second)])
    assert len(nightly(dbt, second)) == 2
    assert nightly(dbt, first) == before


def test_an_event_that_moves_to_another_month_leaves_nothing_behind(dbt):
    first, second = datetime(2026, 1, 10), datetime(2026, 3, 10)
    dbt.raw("encharge", "events", [event(1, first, month=3), event(2, first, month=4)])
    nightly(dbt, first)
    dbt.raw("encharge", "events", [event(1, second, 2, month=5)])
    assert [(row[0], row[4].month) for row in nightly(dbt, second)] == [("evt_1", 5), ("evt_2", 4)]


def test_an_event_without_news_is_not_written_again(dbt):
    first, second = datetime(2026, 1, 10), datetime(2026, 3, 10)
    dbt.raw("encharge", "events", [event(1, first)])
    nightly(dbt, first)
    # a mark that an event that is made again would lose
    dbt.execute("update staging.stg_encharge__events set event_type = 'marked' where event_id = 'evt_1'")
    dbt.raw("encharge", "events", [event(2, second)])
    assert [row[1] for row in nightly(dbt, second)] == ["marked", "opened 1"]


def test_a_night_brings_more_events_than_a_row_group_of_the_engine(dbt):
    """Regression: 122,880 rows and more that a night made again were lost."""
    first, second = datetime(2026, 1, 10), datetime(2026, 3, 10)
    dbt.raw("encharge", "events", [event(1, first)])
    nightly(dbt, first)
    with duckdb.connect(str(dbt.path)) as connection:
        connection.execute("set timezone = 'UTC'")
        origin = "(select range as n, timestamp '2026-02-01' as occurred_at from range(130000))"
        growth.insert(connection, "encharge.events", "'evt_' || n", "occurred_at", "* exclude (n)", origin, str(second))
    dbt.carry(MODEL, as_of=str(second))
    assert dbt.value(f"select count(*) from staging.{MODEL}") == 130_000
    assert dbt.value(f"select changed from changes.log where relation = 'staging.{MODEL}'") == 130_001


@pytest.mark.slow
def test_a_night_without_news_keeps_more_ways_than_a_row_group_of_the_engine(dbt):
    """Regression: 122,880 ways and more were lost in any night that had to walk none of them again."""
    with duckdb.connect(str(dbt.path)) as connection:
        growth.make_accounts(connection, 14_000, growth.AS_OF)
        for stream in ("hubspot.companies", "hubspot.contacts", "stripe.customers", "encharge.people"):
            growth.insert(connection, stream, *growth.STREAMS[stream], growth.AS_OF)
    dbt.run("+identity_paths", as_of=growth.AS_OF)
    ways = dbt.value("select count(*) from identity.identity_paths")
    assert ways >= 122_880
    dbt.run("+identity_paths", as_of=growth.AS_OF)
    assert dbt.value("select count(*) from identity.identity_paths") == ways
