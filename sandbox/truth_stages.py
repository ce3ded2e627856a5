"""The truth about stages. People's, from lead on: what the company wrote on their records, told person by person.

Somebody is in the furthest stage that any of their records has; who pays under their own address is a lead at least.
Accounts', from their first payment on: paying or lost, by what they were sold.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sandbox.clock import day_of, month_start
from sandbox.facts import Fact
from sandbox.records import Records, account_truth
from sandbox.story import Story
from sandbox.truth import account_days

Row = dict[str, Any]
STAGES = ("lead", "mql", "sql", "opportunity", "customer")
_PLACE = {
    "lead": 0,
    "marketingqualifiedlead": 1,
    "salesqualifiedlead": 2,
    "opportunity": 3,
    "customer": 4,
    "evangelist": 4,
    "subscriber": -1,
}


@dataclass(slots=True)
class Stay:
    """A stage that a person was in from `at` on, or jumped over then; `after` is the place that followed."""

    place: int
    at: int
    is_skipped: bool
    is_again: bool
    after: int | None = None


@dataclass(slots=True)
class Person:
    """What the records of one person say: (instant, record, place)."""

    marks: list[tuple[int, str, int]] = field(default_factory=list)

    def stays(self) -> list[Stay]:
        """Stays and jumps in their order."""
        held: dict[str, int] = {}
        course: list[tuple[int, int]] = []
        for at, record, place in sorted(self.marks):
            held[record] = place
            furthest = max(held.values())
            if course and course[-1][0] == at:
                course.pop()
            if not course or course[-1][1] != furthest:
                course.append((at, furthest))
        out: list[Stay] = []
        reached, seen = -1, set[int]()
        for number, (at, place) in enumerate(course):
            for jumped in range(reached + 1, place):
                out.append(Stay(jumped, at, True, False, place))
                seen.add(jumped)
            reached = max(reached, place)
            if place >= 0:
                after = course[number + 1][1] if number + 1 < len(course) else None
                out.append(Stay(place, at, False, place in seen, after))
                seen.add(place)
        return out


def people(members: Iterable[Records], known: set[str], now: int) -> list[Person]:
    """Everybody that a system knows, by the records in `known`."""
    out: dict[str, Person] = defaultdict(Person)
    for records in members:
        for _, kind, key, truth_id in records.people_truth:
            if key not in known:
                continue
            if kind == "customer" and records.known[key] < now:
                out[truth_id].marks.append((records.known[key], key, _PLACE["lead"]))
            for at, stage in records.lifecycles.get(key, ()):
                if at < min(now, records.archived.get(key, now)) and stage in _PLACE:
                    out[truth_id].marks.append((at, key, _PLACE[stage]))
    return list(out.values())


def _outcome(stay: Stay) -> str:
    if stay.after is None:
        return "still_open"
    return "forward" if stay.after > stay.place else "regressed"


def stage_rows(members: Iterable[Records], known: set[str], now: int) -> list[Row]:
    """Tables `stage` (month of entry) and `funnel` (month of the first lead stage, and who reached a stage by now)."""
    counts: dict[tuple[int, date, bool], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    funnels: dict[tuple[date, int], list[bool]] = defaultdict(list)
    for person in people(members, known, now):
        stays = person.stays()
        for stay in stays:
            count = counts[stay.place, month_start(day_of(stay.at)), stay.is_again]
            if stay.is_skipped:
                count["skipped"] += 1
                continue
            count["entered"] += 1
            count[_outcome(stay)] += 1
        reached: dict[int, bool] = {}
        for stay in stays:
            reached[stay.place] = reached.get(stay.place, True) and stay.is_skipped
        for place, was_jumped in reached.items():
            funnels[month_start(day_of(stays[0].at)), place].append(was_jumped)
    return [
        *(
            {
                "table": "stage",
                "stage": STAGES[place],
                "month": month.isoformat(),
                "again": again,
                **{name: count[name] for name in ("entered", "skipped", "forward", "regressed", "still_open")},
            }
            for (place, month, again), count in sorted(counts.items())
        ),
        *(
            {
                "table": "funnel",
                "month": month.isoformat(),
                "stage": STAGES[place],
                "entered": len(funnels[month, 0]),
                "reached": len(jumped),
                "skipped": sum(jumped),
            }
            for (month, place), jumped in sorted(funnels.items())
        ),
    ]


def account_rows(payers: Iterable[tuple[Story, Records, Sequence[Fact]]], now: int) -> list[Row]:
    """Table `account`: the stays of each account as a paying or a lost customer, from and to which day."""
    rows: list[Row] = []
    for story, _, facts in payers:
        stays: list[Row] = []
        for day, state in account_days((fact for fact in facts if fact.known < now), day_of(now)):
            pays = bool(state)
            if pays == (stays[-1]["pays"] if stays else False):
                continue
            if stays:
                stays[-1]["until"] = day.isoformat()
            own = {"table": "account", "truth_id": account_truth(story)}
            stays.append(own | {"pays": pays, "from": day.isoformat(), "until": None})
        rows += stays
    return rows
