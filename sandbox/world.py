"""A company that does not exist: three years of its history from a seed, as its providers would show it, and the truth.

The world is told account by account (`story`), written as steps in time (`timeline`) and replayed up to its present.
Moving on replays a few more steps, so what has happened never changes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any

from sandbox import truth, truth_accounts, truth_conversion, truth_economics, truth_lifetimes, truth_stages
from sandbox.arrivals import Arrivals, beginning
from sandbox.billing import bill
from sandbox.catalog import Catalog
from sandbox.channels import CHANNELS
from sandbox.clock import DAY, datetime_of, day_of, instant, instant_of, month_start, shift_months
from sandbox.company import write_company, write_payouts
from sandbox.crm import write_crm
from sandbox.dirt import HARD, PLAIN
from sandbox.engagement import LAG, Timed, month_events
from sandbox.facts import Fact
from sandbox.ledger import Ledger
from sandbox.people import write_people
from sandbox.rates import Rates
from sandbox.records import Records
from sandbox.story import Story
from sandbox.telling import tell
from sandbox.timeline import EVENT_WINDOW, Object, State, Step, Timeline

AHEAD = 60 * DAY
_COMPANY = 999_999
_CONSUMERS = 500_000
CONSUMER_SHARE = 0.15


@dataclass(frozen=True, slots=True)
class Change:
    """An object that differs; `at` is its last change (UTC), `object` what it is now, or was when deleted."""

    provider: str
    stream: str
    id: str
    at: datetime
    kind: str
    object: Object


class World:
    """The company and its providers at an instant, `now` (aware UTC, midnight); only what lies before it is seen.

    `accounts` companies arrive within the first 36 months; `start` (the first of a month, default three years before
    `date`'s month) anchors history: worlds with the same seed, accounts and start tell the same story. A `hard` world's
    records are dirtier (`sandbox.dirt`).
    """

    def __init__(self, seed: int, accounts: int, date: date, start: date | None = None, hard: bool = False) -> None:
        if accounts < 1 or accounts >= _CONSUMERS:
            raise ValueError(f"accounts must be between 1 and {_CONSUMERS - 1}, not {accounts}")
        self.seed, self.accounts, self._dirt = seed, accounts, HARD if hard else PLAIN
        self.start = month_start(start) if start else beginning(date)
        if date <= self.start:
            raise ValueError(f"the world begins on {self.start}, so its present cannot be {date}")
        self._now = instant(date)
        self._arrivals = Arrivals(self.start, accounts)
        self._catalog = Catalog(seed, self.start, accounts)
        self._rates = Rates(seed, self.start)
        self._ledger = Ledger(seed, self.start, accounts, self._arrivals, self._rates)
        self._state = State(seed)
        self._members: list[tuple[Story, Records]] = []
        self._payers: list[tuple[Story, Records, list[Fact]]] = []
        self._steps: list[Step] = []
        self._position = 0
        self._horizon = self._now + AHEAD
        self._tell()
        self._replay(self._now)

    # --- the present ----------------------------------------------------------------------------------------------

    @property
    def now(self) -> datetime:
        """The world's present, aware UTC."""
        return datetime_of(self._now)

    def objects(self, provider: str, stream: str) -> dict[str, Object]:
        """The objects of a stream in the provider's shape by id, oldest first. Treat them as read-only."""
        return self._state.table(f"{provider}/{stream}")

    def archived(self, stream: str) -> dict[str, Object]:
        """HubSpot's archived objects of a stream by id; they are purged 90 days after they were archived."""
        return self._state.archived.get(f"hubspot/{stream}", {})

    def advance(self, days: int) -> list[Change]:
        """Move `now` by whole days; returns each object that differs, in the order of their last change."""
        if days < 1:
            raise ValueError(f"the world moves forward by whole days, not by {days}")
        until = self._now + days * DAY
        if until > self._horizon:
            self._horizon = until + AHEAD
            self._tell()
        changes = self._replay(until)
        self._now = until
        oldest = (until - EVENT_WINDOW) // 1000
        self._state.events = [event for event in self._state.events if event["created"] >= oldest]
        return changes

    def stripe_events(self) -> list[Object]:
        """Stripe's events of the last 30 days, newest last."""
        return sorted(self._state.events, key=lambda event: (event["created"], event["id"]))

    def encharge_events(self, start: datetime, end: datetime) -> Iterator[Object]:
        """Landing payloads of [start, end) in the order of time, never beyond `now`."""
        first, last = instant_of(start), min(instant_of(end), self._now)
        month = month_start(day_of(max(first, self._catalog.start)))
        while instant(month) < last:
            low, high = max(first, instant(month)), min(last, instant(shift_months(month, 1)))
            spilled = self._month(shift_months(month, -1)) if low < instant(month) + LAG else ()
            rows = [row for part in (spilled, self._month(month)) for row in part if low <= row[0] < high]
            rows.sort(key=lambda row: row[:2])
            for _, _, payload in rows:
                yield payload
            month = shift_months(month, 1)

    def write_ledger(self, directory: Path) -> None:
        """Write the hand-kept CSV files as they stand now: rates dated up to now, spend up to yesterday."""
        self._ledger.write(directory, day_of(self._now), self._overrides())

    # --- the truth ------------------------------------------------------------------------------------------------

    def truth_people(self, gone: bool = False) -> list[dict[str, str]]:
        """Which served record is which person: source_system, source_type, source_id, truth_id.

        With `gone` also the records that are no longer, or not yet, served.
        """
        return self._served((row for _, records in self._members for row in records.people_truth), gone)

    def truth_accounts(self, gone: bool = False) -> list[dict[str, str]]:
        """Which served record is which account, likewise."""
        return self._served((row for _, records in self._members for row in records.account_truth), gone)

    def truth_mrr(self) -> list[dict[str, Any]]:
        """By month (YYYY-MM-01): mrr (US dollars, text), customers_new, customers_churned, customers; as of `now`."""
        return truth.mrr(self._facts(), self._rates, self.start, self._now)

    def truth_revenue(self) -> list[dict[str, str]]:
        """By month (YYYY-MM-01): recognised_revenue in US dollars as text; the present month up to the day of `now`."""
        return truth.revenue(self._facts(), self._rates, self.start, self._now)

    def truth_leads(self) -> list[dict[str, Any]]:
        """Conversion of leads: rows of the tables `cohort`, `month` and `curve`, see `truth_conversion`."""
        known = {row["source_id"] for row in self.truth_people()}
        people = [
            lead
            for story, records in self._members
            for lead in truth_conversion.leads(story, records, known, self._now)
        ]
        return truth_conversion.lead_rows(people, self._now)

    def truth_stages(self) -> list[dict[str, Any]]:
        """People in the stages from lead on, and accounts from their first payment on: rows of the tables `stage`,
        `funnel` and `account`, see `truth_stages`."""
        known = {row["source_id"] for row in self.truth_people()}
        return [
            *truth_stages.stage_rows((records for _, records in self._members), known, self._now),
            *truth_stages.account_rows(self._payers, self._now),
        ]

    def truth_deals(self) -> list[dict[str, Any]]:
        """Deals: rows of the tables `month`, `created`, `coverage`, `stage` and `velocity`, see `truth_conversion`."""
        alive = self._state.table("hubspot/deals")
        deals = [
            (truth_conversion.deal_channel(story, records), deal)
            for story, records in self._members
            for deal in records.deals
            if deal.key in alive
        ]
        goals = {
            row[1]: Decimal(str(row[2])) for row in self._ledger.targets(day_of(self._now)) if row[0] == "bookings"
        }
        return truth_conversion.deal_rows(deals, self._rates, goals, self._now)

    def truth_handoffs(self) -> list[dict[str, Any]]:
        """Hand-offs of leads: rows of the tables `month` and `owner`, see `truth_conversion`."""
        return truth_conversion.handoff_rows([records for _, records in self._members], self._now)

    def truth_channels(self) -> list[dict[str, Any]]:
        """What channels are truly worth: the effects that the world was made with, and what came of them so far."""
        rows = []
        for channel in CHANNELS:
            own = [
                story
                for story, _ in self._members
                if story.company and story.channel is channel and story.lead_at < self._now
            ]
            won = [story for story in own if story.customer_at and story.customer_at < self._now]
            rows.append(
                {
                    "channel": channel.name,
                    "hubspot_source": channel.hubspot_source,
                    "cost_per_lead": channel.cost,
                    "log_odds_effect": channel.quality,
                    "seats_effect": channel.value,
                    "lifetime_effect": channel.loyalty,
                    "leads": len(own),
                    "customers": len(won),
                }
            )
        return rows

    def truth_economics(self) -> list[dict[str, Any]]:
        """The company's unit economics by month; see `truth_economics`."""
        lag = truth_economics.sales_cycle((story for story, _ in self._members), self._now)
        return truth_economics.economics(self._accounts(), self._spent(), lag, self.start, self._now)

    def truth_segments(self) -> list[dict[str, Any]]:
        """Customers, MRR, revenue and advertising by month and segment."""
        return truth_economics.segments(self._accounts(), self._spent(), self.start, self._now)

    def truth_lifetimes(self) -> list[dict[str, Any]]:
        """What a customer is worth, by month and segment."""
        return truth_lifetimes.lifetimes(self._accounts(), self._spent(), self.start, self._now)

    def truth_plans(self) -> list[dict[str, Any]]:
        """MRR movements, revenue and its cost by month and product."""
        return truth_economics.plans(self._accounts(), self._spent(), self.start, self._now)

    def truth_margins(self) -> list[dict[str, Any]]:
        """Revenue and its cost by month and account."""
        return truth_economics.margins(self._accounts(), self._spent(), self.start, self._now)

    def truth_cohorts(self) -> list[dict[str, Any]]:
        """Retention by month of becoming a customer, age and segment."""
        return truth_economics.cohorts(self._accounts())

    def _facts(self) -> list[list[Fact]]:
        return [facts for _, _, facts in self._payers]

    def _accounts(self) -> list[truth_accounts.Account]:
        return truth_accounts.accounts(self._payers, self._rates, self.start, self._now)

    def _spent(self) -> dict[date, truth_economics.Spent]:
        today = day_of(self._now)
        costs, ads = self._ledger.costs(today), self._ledger.ad_spend(today)
        return truth_economics.spent(costs, ads, self._rates, self._now)

    def _served(self, rows: Iterator[tuple[str, str, str, str]], gone: bool) -> list[dict[str, str]]:
        streams = {"contact": "contacts", "company": "companies", "person": "people", "customer": "customers"}
        out = []
        for system, kind, key, truth_id in rows:
            stream = streams[kind]
            if (
                gone
                or key in self._state.table(f"{system}/{stream}")
                or key in self._state.archived.get(f"{system}/{stream}", {})
            ):
                out.append({"source_system": system, "source_type": kind, "source_id": key, "truth_id": truth_id})
        return sorted(out, key=lambda row: tuple(row.values()))

    def _overrides(self) -> list[tuple[str, ...]]:
        """Someone has noticed the first few people that are in the CRM twice under addresses that no rule joins."""
        known = self._state.table("hubspot/contacts")
        rows = []
        for _, records in self._members:
            own: dict[str, str] = {}
            for system, kind, key, truth_id in records.people_truth:
                if kind != "contact" or key not in known:
                    continue
                if truth_id in own:
                    rows.append(
                        (
                            "join",
                            "person",
                            system,
                            kind,
                            own[truth_id],
                            system,
                            kind,
                            key,
                            "same person, private address",
                        )
                    )
                own.setdefault(truth_id, key)
        return rows[:3]

    # --- how it is told -------------------------------------------------------------------------------------------

    def _tell(self) -> None:
        """Write all steps up to the horizon; those that have been replayed come out the same and are skipped."""
        self._members, self._payers, steps = [], [], []
        for story in self._stories():
            timeline = Timeline(story.index, self._horizon)
            records = write_people(story, timeline, self._catalog)
            if records.customers:
                books = bill(story, timeline, self._catalog, records.customers, self._horizon)
                self._payers.append((story, records, books.facts))
                records.sold = books.facts
            write_crm(story, timeline, self._catalog, records, self._horizon)
            self._members.append((story, records))
            steps += timeline.steps
        own = Timeline(_COMPANY, self._horizon)
        write_company(own, self._catalog)
        write_payouts(own, self._catalog, steps, self._horizon)
        steps += own.steps
        steps.sort(key=lambda step: step[:3])
        told = self._now if self._position else 0
        self._steps, self._position = [step for step in steps if step.at >= told], 0
        self._month = lru_cache(maxsize=3)(self._draw_month)

    def _stories(self) -> Iterator[Story]:
        stories: list[Story] = []
        while self._arrivals.at(len(stories)) < self._horizon:
            number = len(stories)
            stories.append(tell(self.seed, number, number, self._arrivals, self._catalog, stories, dirt=self._dirt))
        yield from stories
        number = 0
        while self._arrivals.at(number / CONSUMER_SHARE) < self._horizon:
            yield tell(
                self.seed,
                _CONSUMERS + number,
                number / CONSUMER_SHARE,
                self._arrivals,
                self._catalog,
                consumer=True,
                dirt=self._dirt,
            )
            number += 1

    def _draw_month(self, month: date) -> list[Timed]:
        return month_events(self._members, month)

    def _replay(self, until: int) -> list[Change]:
        """Apply the steps before `until` and report what differs from before."""
        before: dict[tuple[str, str], Object | None] = {}
        last: dict[tuple[str, str], tuple[int, Object]] = {}
        keep = until - EVENT_WINDOW
        steps, position = self._steps, self._position
        first = not self._state.tables
        while position < len(steps) and steps[position].at < until:
            step = steps[position]
            position += 1
            place = step.table, step.id
            if not first and place not in before:
                before[place] = self._state.table(step.table).get(step.id)
            after = self._state.apply(step, keep)
            if not first and after is not None:
                last.pop(place, None)
                last[place] = step.at, after
        self._position = position
        return [
            change
            for change in (self._change(*place, at, before[place], obj) for place, (at, obj) in last.items())
            if change
        ]

    def _change(self, table: str, key: str, at: int, before: Object | None, obj: Object) -> Change | None:
        alive = key in self._state.table(table)
        if (not alive and before is None) or (alive and before == obj):
            return None
        kind = "created" if before is None else "updated" if alive else "deleted"
        provider, _, stream = table.partition("/")
        return Change(provider, stream, key, datetime_of(at), kind, obj)
