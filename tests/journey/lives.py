"""Small lives of companies across CRM, email marketing and billing, drawn by hypothesis.

A life is a few records and what happened to them: owners and lifecycle stages that come and go, deals that move, close
and open again, visits before anybody knew whose, versions that correct earlier ones, and subscriptions (those of the
billing oracle's histories). Its instants come from a few moments, so that things coincide, at and beside midnights and
to the microsecond. `later` has what a clean-up does to it: merges in chains and cycles, and deletions.

In all texts `{w}` stands for the life's own name, so that many lives share nothing in one warehouse.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from tests.oracle.histories import histories, sample
from tests.oracle.script import History, Script

AS_OF = datetime(2026, 1, 15, 6)
DAY, SECOND = timedelta(days=1), timedelta(seconds=1)
SITE = "https://www.example-app.com"
TIMES = (
    timedelta(0),
    timedelta(microseconds=1),
    timedelta(hours=4, minutes=30),
    timedelta(hours=9, microseconds=123456),
    timedelta(hours=14, minutes=59, seconds=59, microseconds=999999),
    timedelta(hours=15),
    timedelta(hours=23, minutes=59, seconds=59, microseconds=999999),
)
# within one session, and just outside of it
NEAR = (timedelta(0), timedelta(0), SECOND, timedelta(minutes=30), timedelta(minutes=30, seconds=1), 3 * DAY)
LIFECYCLE = ("subscriber", "lead", "marketingqualifiedlead", "salesqualifiedlead", "opportunity", "customer", "")
DEAL_STAGES = ("new", "contract", "won", "lost")
EVENTS = (
    "pageVisited",
    "pageVisited",
    "formSubmitted",
    "emailSent",
    "emailOpened",
    "emailClicked",
    "emailReplied",
    "unsubscribedUser",
    "leadScoreChanged",
    "somethingNew",
)
AGENTS = ("Mozilla/5.0", "Mozilla/5.0 (Macintosh; Intel Mac OS X 14_5) Safari/605", "BarracudaCentral", None)
QUERIES = ("", "", "?utm_source=google&utm_medium=cpc&utm_campaign=Brand%20Search", "?utm_source=newsletter")
ACTIVITIES = ("calls", "emails", "meetings", "notes", "tasks")

Values = dict[str, Any]


@dataclass(frozen=True)
class Version:
    """One version of one object: `made` is when the provider had it."""

    source: str
    stream: str
    made: datetime
    values: tuple[tuple[str, Any], ...]


@dataclass(frozen=True)
class Billed:
    """A billing customer; `links`: what its record says of who it is; `is_deleted`: whether the clean-up deletes it."""

    history: History
    links: tuple[tuple[str, Any], ...]
    is_deleted: bool


@dataclass(frozen=True)
class Life:
    """`later`: the same objects once more, merged or deleted. `deleted`: stream and id of what is then gone."""

    versions: tuple[Version, ...]
    billed: tuple[Billed, ...]
    later: tuple[Version, ...]
    deleted: tuple[tuple[str, str], ...]


@dataclass
class Draft:
    """What has been drawn so far, with the newest version of each object."""

    versions: list[Version] = field(default_factory=list)
    newest: dict[tuple[str, str, str], Values] = field(default_factory=dict)
    ids: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def put(self, source: str, stream: str, key: str, made: datetime, **values: Any) -> None:
        """A new version; what it does not say stays as it was."""
        known = self.newest.get((source, stream, key))
        if known is None:
            self.ids[stream].append(key)
        else:
            # no two versions at one instant: nothing says which is the newer
            made = max(made, datetime.fromisoformat(known["modified_at"]).replace(tzinfo=None) + SECOND)
        row = {**(known or {}), **values, "id": key, "modified_at": stamp(made)}
        self.newest[source, stream, key] = row
        self.versions.append(Version(source, stream, made, tuple(row.items())))

    def change(self, object_type: str, key: str, name: str, at: datetime, value: str) -> None:
        """One change of a tracked property."""
        row = {"object_type": object_type, "object_id": key, "property": name, "value": value, "changed_at": stamp(at)}
        self.put("hubspot", "property_history", f"{object_type}:{key}:{name}:{stamp(at)}", at, **row)

    def link(self, from_type: str, from_id: str, to_type: str, to_id: str, at: datetime, **more: Any) -> None:
        ends = {"from_type": from_type, "from_id": from_id, "to_type": to_type, "to_id": to_id}
        key = f"{from_type}:{from_id}:{to_type}:{to_id}:1"
        self.put("hubspot", "associations", key, at, **ends, type_id=1, **more)


def stamp(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d %H:%M:%S.%f}+00"


class Clock:
    """Draws instants of one life."""

    def __init__(self, draw: st.DrawFn) -> None:
        self._draw = draw
        # over a year and a half, the whole range alike
        first = AS_OF.replace(hour=0) - draw(st.sampled_from(range(40, 560))) * DAY
        days = st.sampled_from(range((AS_OF - first).days - 10))
        moment = st.builds(lambda day, time: first + day * DAY + time, days, st.sampled_from(TIMES))
        self._moments = sorted(draw(st.lists(moment, min_size=5, max_size=12)))

    def at(self, after: datetime | None = None) -> datetime:
        """A moment, or soon after one; with `after`, later than that."""
        moment = self._draw(st.sampled_from(self._moments)) + self._draw(st.sampled_from(NEAR))
        if after is not None and moment <= after:
            moment = after + self._draw(st.sampled_from((timedelta(microseconds=1), SECOND, DAY, 17 * DAY)))
        return min(moment, AS_OF - 6 * DAY)

    def several(self, most: int, least: int = 0) -> list[datetime]:
        """Different instants in order."""
        return sorted({self.at() for _ in range(self._draw(st.integers(least, most)))})


def chosen(draw: st.DrawFn, options: list[str] | tuple[str, ...]) -> Any:
    """One of them, or none."""
    return draw(st.none() | st.sampled_from(options)) if options else None


def some(draw: st.DrawFn, options: list[str]) -> list[str]:
    """Up to two different ones."""
    return draw(st.lists(st.sampled_from(options), max_size=2, unique=True)) if options else []


def companies(draw: st.DrawFn, clock: Clock, draft: Draft) -> None:
    for number, word in enumerate(("one", "two")[: draw(st.integers(1, 2))]):
        key, made = f"{{w}}.co{number}", clock.at()
        draft.put(
            "hubspot",
            "companies",
            key,
            made,
            name=f"{word.title()} {{w}}",
            domain=draw(st.sampled_from((f"{word}-{{w}}.com", None))),
            country=draw(st.sampled_from(("DE", "US", " ", None))),
            employee_count=draw(st.sampled_from((5, 80, 700, None))),
            owner_id=chosen(draw, ("o1", "o2", "gone")),
            created_at=stamp(made),
        )
        for at in clock.several(1):
            draft.put("hubspot", "companies", key, max(at, made), country="FR", owner_id="o2")


def contacts(draw: st.DrawFn, clock: Clock, draft: Draft) -> None:
    for number, name in enumerate(("ann", "bob", "cid")[: draw(st.integers(0, 3))]):
        key, made = f"{{w}}.c{number}", clock.at()
        domain = draw(st.sampled_from(("one-{w}.com", "two-{w}.com", "gmail.com")))
        values = {
            "email": f"{name}.{{w}}@{domain}" if draw(st.integers(0, 5)) else None,
            "company_id": chosen(draw, draft.ids["companies"]),
            "analytics_source": draw(st.sampled_from(("PAID_SEARCH", "OFFLINE", "REFERRALS", None))),
            "utm_campaign": draw(st.sampled_from(("Spring Sale", None))),
            "created_at": stamp(made) if draw(st.integers(0, 9)) else None,
        }
        stages = [(at, draw(st.sampled_from(LIFECYCLE))) for at in clock.several(5)]
        owners = [(at, draw(st.sampled_from(("o1", "o2", "")))) for at in clock.several(3)]
        if draw(st.integers(0, 3)) == 0:
            # no history can be read: the record shows its present stage alone
            values["lifecycle_stage"] = draw(st.sampled_from(LIFECYCLE[:-1]))
            stages = []
        draft.put("hubspot", "contacts", key, made, **values)
        histories_of = (("lifecyclestage", "lifecycle_stage", stages), ("hubspot_owner_id", "owner_id", owners))
        for name_in_crm, column, history in histories_of:
            for at, value in history:
                draft.change("contacts", key, name_in_crm, at, value)
            if history:
                draft.put("hubspot", "contacts", key, max(made, history[-1][0]), **{column: history[-1][1] or None})


def deals(draw: st.DrawFn, clock: Clock, draft: Draft) -> None:
    for number in range(draw(st.sampled_from((0, 1, 1, 2)))):
        key, steps = f"{{w}}.d{number}", clock.several(5, least=1)
        stages = [draw(st.sampled_from(DEAL_STAGES)) for _ in steps]
        amounts = [(at, draw(st.sampled_from(("", "1000", "2500.50", "0", "99.99")))) for at in clock.several(2)]
        closes = [(at, clock.at()) for at in clock.several(2)]
        # the history may begin a little before or after the record
        created = max(steps[0] + draw(st.sampled_from((-SECOND, timedelta(0), SECOND, 2 * DAY))), datetime(2024, 1, 1))
        is_read = draw(st.integers(0, 4)) > 0
        draft.put(
            "hubspot",
            "deals",
            key,
            max(created, steps[-1]),
            name=f"Deal {key}",
            amount=(amounts[-1][1] or None) if amounts else draw(st.sampled_from(("777.77", "1200", None))),
            currency=draw(st.sampled_from(("USD", "EUR", None))),
            pipeline_id=draw(st.sampled_from(("sales", "partner"))),
            stage_id=stages[-1],
            deal_type=draw(st.sampled_from(("newbusiness", None))),
            owner_id=chosen(draw, ("o1", "o2", "gone")),
            analytics_source=draw(st.sampled_from(("PAID_SEARCH", "OFFLINE", None))),
            created_at=stamp(created),
            close_at=stamp(closes[-1][1]) if closes else draw(st.none() | st.just(stamp(steps[-1]))),
        )
        if is_read:
            for at, stage in zip(steps, stages, strict=True):
                draft.change("deals", key, "dealstage", at, stage)
            for at, amount in amounts:
                draft.change("deals", key, "amount", at, amount)
            for at, day in closes:
                draft.change("deals", key, "closedate", at, draw(st.sampled_from((f"{day:%Y-%m-%dT%H:%M:%SZ}", ""))))
        if company := chosen(draw, draft.ids["companies"]):
            draft.link("deals", key, "companies", company, created, label="Primary")
        for contact in some(draw, draft.ids["contacts"]):
            draft.link("deals", key, "contacts", contact, created)


def activities(draw: st.DrawFn, clock: Clock, draft: Draft) -> None:
    for number in range(draw(st.integers(0, 4))):
        stream, at = draw(st.sampled_from(ACTIVITIES)), clock.at()
        key = f"{{w}}.a{number}"
        draft.put(
            "hubspot",
            stream,
            key,
            at,
            occurred_at=stamp(at),
            owner_id=chosen(draw, ("o1", "o2", "gone")),
            direction=draw(st.sampled_from(("OUTBOUND", "INBOUND", "EMAIL", "INCOMING_EMAIL", None))),
            status=draw(st.sampled_from(("COMPLETED", "CANCELED", None))),
            created_at=stamp(at),
        )
        for to_type in ("contacts", "companies", "deals"):
            for to_id in some(draw, draft.ids[to_type]):
                draft.link(stream, key, to_type, to_id, at)
    if draw(st.integers(0, 2)) == 0:
        key, at = "{w}.t0", clock.at()
        closed = draw(st.none() | st.just(stamp(clock.at(at))))
        draft.put(
            "hubspot",
            "tickets",
            key,
            at,
            subject="Broken",
            pipeline_id="0",
            stage_id="1" if closed else "0",
            owner_id=chosen(draw, ("o1",)),
            created_at=stamp(at),
            closed_at=closed,
        )
        if contact := chosen(draw, draft.ids["contacts"]):
            draft.link("tickets", key, "contacts", contact, at)


def marketing(draw: st.DrawFn, clock: Clock, draft: Draft) -> None:
    """People of email marketing, and what was sent to them and visited, known or not."""
    addresses = [row["email"] for (_, stream, _), row in draft.newest.items() if stream == "contacts" and row["email"]]
    for number in range(draw(st.integers(0, 2))):
        made = clock.at()
        draft.put(
            "encharge",
            "people",
            f"{{w}}.p{number}",
            made,
            email=draw(st.sampled_from((*addresses, f"p{number}.{{w}}@one-{{w}}.com", f"p{number}.{{w}}@gmail.com"))),
            hubspot_contact_id=chosen(draw, draft.ids["contacts"]),
            utm_source=draw(st.sampled_from(("google", None))),
            utm_medium=draw(st.sampled_from(("cpc", None))),
            created_at=stamp(made) if draw(st.integers(0, 9)) else None,
        )
    for number in range(draw(st.integers(0, 9))):
        key, at = f"{{w}}.v{number}", clock.at()
        person = chosen(draw, draft.ids["people"])
        browser = draw(st.sampled_from((None, "{w}.b0", "{w}.b1")))
        values = {
            "event_type": draw(st.sampled_from(EVENTS)),
            "person_id": person if person or draw(st.booleans()) else "{w}.nobody",
            "anonymous_id": browser,
            "url": SITE + draw(st.sampled_from(QUERIES)),
            "referrer": draw(st.sampled_from(("https://www.google.com/", f"{SITE}/pricing", None))),
            "user_agent": draw(st.sampled_from(AGENTS)),
            "campaign_name": draw(st.sampled_from(("Spring Sale", None))),
        }
        draft.put("encharge", "events", key, at, occurred_at=stamp(at), **values)
        if draw(st.integers(0, 5)) == 0:
            # what is sent once more may lie elsewhere, or be taken back
            again, is_deleted = clock.at(), draw(st.integers(0, 3)) == 0
            draft.put("encharge", "events", key, max(at, again), occurred_at=stamp(again), is_deleted=is_deleted)


def billing(draw: st.DrawFn, draft: Draft) -> list[Billed]:
    found = []
    for _ in range(draw(st.sampled_from((0, 1, 1, 2)))):
        links: Values = {}
        if company := chosen(draw, draft.ids["companies"]):
            links["hubspot_company_id"] = company
        links["email"] = draw(st.sampled_from(("billing@one-{w}.com", "ann.{w}@one-{w}.com", "x.{w}@gmail.com")))
        links["country"] = draw(st.sampled_from(("US", None)))
        found.append(Billed(draw(histories(AS_OF)), tuple(links.items()), draw(st.integers(0, 5)) == 0))
    return found


def cleaned_up(draw: st.DrawFn, draft: Draft) -> tuple[list[Version], list[tuple[str, str]]]:
    """Merges and deletions of what there is, after everything else."""
    before, at = len(draft.versions), AS_OF - 4 * DAY
    gone: set[tuple[str, str]] = set()
    for stream in ("contacts", "companies"):
        if len(draft.ids[stream]) < 2:
            continue
        merges: dict[str, set[str]] = defaultdict(set)
        pair = st.tuples(*(st.sampled_from(draft.ids[stream]),) * 2)
        for winner, loser in draw(st.lists(pair, max_size=3)):
            if winner != loser:
                merges[winner].add(loser)
        for winner, losers in merges.items():
            at += timedelta(minutes=1)
            draft.put("hubspot", stream, winner, at, merged_ids=";".join(sorted(losers)))
        for loser in sorted(set().union(*merges.values())):
            # a survivor lives, except in a cycle, where the CRM shows all of them
            if loser not in merges or draw(st.booleans()):
                gone.add((stream, loser))
    for stream in ("contacts", "companies", "people", "deals", *ACTIVITIES[:3]):
        for key in draft.ids[stream]:
            if draw(st.integers(0, 5)) == 0:
                gone.add((stream, key))
    for stream, key in sorted(gone):
        at += timedelta(minutes=1)
        source = "encharge" if stream == "people" else "hubspot"
        if (source, stream, key) in draft.newest:
            draft.put(source, stream, key, at, is_deleted=True)
    return draft.versions[before:], sorted(gone)


@st.composite
def lives(draw: st.DrawFn) -> Life:
    clock, draft = Clock(draw), Draft()
    companies(draw, clock, draft)
    contacts(draw, clock, draft)
    deals(draw, clock, draft)
    activities(draw, clock, draft)
    marketing(draw, clock, draft)
    billed = billing(draw, draft)
    versions = tuple(draft.versions)
    later, deleted = cleaned_up(draw, draft)
    return Life(versions, tuple(billed), tuple(later), tuple(deleted))


def of_the_day() -> Life:
    """A company that pays from the instant on at which one contact came, and 30 days after another did."""
    start, draft = AS_OF - 200 * DAY, Draft()
    draft.put("hubspot", "companies", "{w}.co0", start, domain="one-{w}.com", created_at=stamp(start))
    for key, made in (("{w}.c0", start), ("{w}.c1", start - 30 * DAY)):
        values = {"email": f"{key}@one-{{w}}.com", "company_id": "{w}.co0", "created_at": stamp(made)}
        draft.put("hubspot", "contacts", key, made, **values)
    subscription = Script(start, "usd", "month", 1, ((10000, 1),))
    links = (("hubspot_company_id", "{w}.co0"), ("email", "billing@one-{w}.com"))
    return Life(tuple(draft.versions), (Billed(History((subscription,), AS_OF), links, False),), (), ())


def drawn(count: int, number: int) -> list[Life]:
    """So many lives that have little in common, the same ones for the same number."""
    return sample(lives(), count, number, alike=lambda life: (life.versions[:3], life.billed[:1]))
