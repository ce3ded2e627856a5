"""An account in HubSpot beyond its people: deals, tickets, and the calls, mails, meetings, notes and tasks there."""

from __future__ import annotations

import random

from sandbox.associations import association
from sandbox.catalog import EXPONENT, STAGE_PROBABILITY, Catalog, Representative
from sandbox.clock import DAY, HOUR, MINUTE, SECOND, day_of, iso, working_hours
from sandbox.records import Records
from sandbox.sales_facts import Dealt, Reached
from sandbox.story import DealPlan, Life, Story
from sandbox.timeline import Timeline

_SUBJECTS = (
    ("Cannot log in", "LOW"),
    ("Question about our invoice", "LOW"),
    ("Import stops half way", "MEDIUM"),
    ("How do I add a colleague?", "LOW"),
    ("Dashboard shows wrong totals", "HIGH"),
    ("API returns an error", "MEDIUM"),
    ("Feature request: export to Excel", "LOW"),
    ("Very slow since Monday", "HIGH"),
)
_FIRST_WORDS = ("Following up on your request", "Your question about pricing", "A quick introduction", "Next steps")


def write_crm(story: Story, timeline: Timeline, catalog: Catalog, records: Records, horizon: int) -> None:
    """Write deals, tickets and activities of an account up to `horizon`."""
    if not records.companies:
        return
    deals = [_deal(story, timeline, catalog, records, number, deal) for number, deal in enumerate(story.deals)]
    desk = Desk(story, timeline, records)
    desk.first_answer()
    for plan, key in zip(story.deals, deals, strict=True):
        desk.work_deal(plan, key)
    desk.check_in(catalog, horizon)
    for number, life in enumerate(story.lives):
        if life.converts and not life.second:
            _tickets(story, timeline, records, life, number, catalog, horizon)


def _value(story: Story, catalog: Catalog, life: Life, at: int) -> int:
    """The yearly list value of what is on offer, in major units."""
    price = catalog.price(life.plan, "year", story.currency, at)
    return price.unit_amount * life.seats // 10 ** EXPONENT[story.currency]


def _deal(story: Story, timeline: Timeline, catalog: Catalog, records: Records, number: int, plan: DealPlan) -> str:
    rng = story.rng(f"deal:{number}")
    life = story.lives[0] if story.lives else None
    fresh = plan.kind == "newbusiness"
    worth = (
        _value(story, catalog, life, plan.created)
        if life
        else story.employees * 90 * (140 if story.currency == "JPY" else 1)
    )
    amount = max(1, round(worth * plan.amount_factor * (1 if fresh else 0.3)))
    company = story.company
    assert company is not None
    contact = records.contacts[0]
    source = story.channel.hubspot_source
    key = timeline.create(
        plan.created,
        "deals",
        {
            "dealname": f"{company.brand} - {'new business' if fresh else 'expansion'}",
            "amount": str(amount),
            "deal_currency_code": story.currency,
            "pipeline": "default",
            "dealstage": plan.stages[0][1],
            "dealtype": "newbusiness" if fresh else "existingbusiness",
            "hubspot_owner_id": plan.owner.id,
            "hs_deal_stage_probability": STAGE_PROBABILITY[plan.stages[0][1]],
            "hs_analytics_source": source,
            "closedate": iso(plan.created + 45 * DAY),
        },
        {
            "companies": association("deals", "companies", records.companies[:1]),
            "contacts": association("deals", "contacts", [contact] if contact else []),
        },
        user=plan.owner.user_id,
    )
    fact = Dealt(key, plan.created, story.currency)
    fact.stages.append((plan.created, plan.stages[0][1]))
    fact.amounts.append((plan.created, amount))
    fact.close_dates.append((plan.created, plan.created + 45 * DAY))
    records.deals.append(fact)
    for at, stage in plan.stages[1:]:
        changes: dict[str, str | None] = {"dealstage": stage, "hs_deal_stage_probability": STAGE_PROBABILITY[stage]}
        if stage in ("presentationscheduled", "contractsent") and rng.random() < 0.5:
            amount = max(1, round(amount * rng.uniform(0.8, 1.15)))
            changes["amount"] = str(amount)
        if stage == "closedwon" and fresh and life:
            amount = max(1, _value(story, catalog, life, at))
            changes["amount"] = str(amount)
        if at == plan.closed:
            expected = at
            changes["closedate"] = iso(expected)
            if stage == "closedlost":
                changes["closed_lost_reason"] = rng.choice(("Price", "No decision", "Competitor", "Missing feature"))
        elif rng.random() < 0.3:
            expected = at + int(rng.uniform(10, 50) * DAY)
            changes["closedate"] = iso(expected)
        timeline.update(at, "deals", key, changes, user=plan.owner.user_id)
        fact.stages.append((at, stage))
        if "amount" in changes:
            fact.amounts.append((at, amount))
        if "closedate" in changes:
            fact.close_dates.append((at, expected))
    if rng.random() < 0.05 and len(plan.stages) > 2:
        heir = rng.choice(catalog.team("Account Executives"))
        timeline.update(plan.stages[1][0] + DAY, "deals", key, {"hubspot_owner_id": heir.id}, "AUTOMATION_PLATFORM")
    if not plan.won and rng.random() < 0.03:
        timeline.archive(plan.closed + int(rng.uniform(5, 60) * DAY), "deals", key)
    return key


class Desk:
    """The activities of representatives on one account."""

    def __init__(self, story: Story, timeline: Timeline, records: Records) -> None:
        self.story, self.timeline = story, timeline
        self.records = records
        self.company = records.companies[0]
        self.contact = records.contacts[0]
        self.rng = story.rng("desk")

    def first_answer(self) -> None:
        """The owner's first call or mail after the hand-off, and some attempts more."""
        story, rng = self.story, self.rng
        if not story.answered_at or not story.owner:
            return
        pick = rng.random()
        if pick < 0.5:
            self.call(story.answered_at, story.owner, None, "COMPLETED" if rng.random() < 0.6 else "NO_ANSWER")
        elif pick < 0.92:
            self.mail(story.answered_at, story.owner, None)
        else:
            self.meeting(story.answered_at, story.owner, None, story.answered_at - MINUTE)
        for _ in range(rng.choices((0, 1, 2, 3), (35, 35, 20, 10))[0]):
            at = working_hours(story.answered_at + int(rng.uniform(0.3, 6) * DAY))
            if story.sql_at is None or at < story.sql_at:
                self.call(at, story.owner, None, rng.choice(("NO_ANSWER", "COMPLETED", "BUSY")))

    def work_deal(self, plan: DealPlan, key: str) -> None:
        """Around every stage a mail or a call, meetings for presentations, a task and a note."""
        rng, owner = self.rng, plan.owner
        for at, stage in plan.stages:
            if stage in ("presentationscheduled", "appointmentscheduled"):
                self.meeting(working_hours(at + 2 * HOUR), owner, key, plan.created + MINUTE)
            elif rng.random() < 0.6:
                self.call(working_hours(at - 3 * HOUR), owner, key, "COMPLETED")
            if rng.random() < 0.6:
                self.mail(working_hours(at + HOUR), owner, key)
            if rng.random() < 0.2:
                self.mail(working_hours(at + 9 * HOUR), owner, key, incoming=True)
        if rng.random() < 0.5:
            self.note(plan.stages[-1][0] + 20 * MINUTE, owner, key)
        if rng.random() < 0.7:
            self.task(plan.created + HOUR, owner, key)

    def check_in(self, catalog: Catalog, horizon: int) -> None:
        """Customer success looks after paying accounts, less often when nothing seems wrong."""
        # Check-ins run up to the horizon, so they have a generator to themselves.
        story, rng = self.story, self.story.rng("care")
        start = story.customer_at
        if start is None:
            return
        owner = rng.choice(catalog.team("Customer Success"))
        at = working_hours(start + 3 * DAY)
        while at < horizon:
            active = any(life.start <= at < life.risk for life in story.lives if life.converts)
            if active:
                self.call(
                    at, owner, None, "COMPLETED" if rng.random() > 0.2 + 0.5 * story.cooling(at) else "NO_ANSWER", rng
                )
            at = working_hours(at + int(rng.uniform(60, 120) * DAY))

    # --- objects --------------------------------------------------------------------------------------------------

    def _write(
        self,
        stream: str,
        at: int,
        owner: Representative,
        deal: str | None,
        properties: dict[str, str | None],
        reaches: bool = False,
    ) -> str:
        # Some activities are entered after the fact: they happened at `at` and are seen later.
        late = int(self.rng.uniform(0.2, 3) * DAY) if self.rng.random() < 0.06 else 0
        if reaches:
            self.records.reached.append(Reached(at, at + late))
        links = {"companies": association(stream, "companies", [self.company])}
        if self.contact:
            links["contacts"] = association(stream, "contacts", [self.contact])
        if deal:
            links["deals"] = association(stream, "deals", [deal])
        return self.timeline.create(
            at + late,
            stream,
            {"hs_timestamp": iso(at), "hubspot_owner_id": owner.id, **properties},
            links,
            user=owner.user_id,
        )

    def call(
        self, at: int, owner: Representative, deal: str | None, status: str, rng: random.Random | None = None
    ) -> None:
        """A phone call from us."""
        rng = rng or self.rng
        length = int(rng.lognormvariate(6, 0.8)) * SECOND if status == "COMPLETED" else 0
        self._write(
            "calls",
            at,
            owner,
            deal,
            {
                "hs_call_title": f"Call with {self.story.people[0].first}",
                "hs_call_direction": "OUTBOUND",
                "hs_call_status": status,
                "hs_call_duration": str(length),
            },
            reaches=True,
        )

    def mail(self, at: int, owner: Representative, deal: str | None, incoming: bool = False) -> None:
        """A mail from the representative, or to them."""
        self._write(
            "emails",
            at,
            owner,
            deal,
            {
                "hs_email_subject": ("Re: " if incoming else "") + self.rng.choice(_FIRST_WORDS),
                "hs_email_status": "SENT",
                "hs_email_direction": "INCOMING_EMAIL" if incoming else "EMAIL",
            },
            reaches=not incoming,
        )

    def meeting(self, at: int, owner: Representative, deal: str | None, earliest: int) -> None:
        """A meeting, planned first (not before `earliest`); most take place."""
        planned = max(earliest, at - int(self.rng.uniform(0.1, 1.5) * DAY))
        links = {"companies": association("meetings", "companies", [self.company])}
        if self.contact:
            links["contacts"] = association("meetings", "contacts", [self.contact])
        if deal:
            links["deals"] = association("meetings", "deals", [deal])
        key = self.timeline.create(
            planned,
            "meetings",
            {
                "hs_timestamp": iso(at),
                "hubspot_owner_id": owner.id,
                "hs_meeting_title": f"Meeting with {self.story.people[0].first}",
                "hs_meeting_outcome": "SCHEDULED",
                "hs_meeting_start_time": iso(at),
                "hs_meeting_end_time": iso(at + 45 * MINUTE),
            },
            links,
            user=owner.user_id,
        )
        outcome = "COMPLETED" if self.rng.random() < 0.85 else self.rng.choice(("NO_SHOW", "CANCELED"))
        self.records.reached.append(Reached(at, planned, None if outcome == "COMPLETED" else at + HOUR))
        self.timeline.update(at + HOUR, "meetings", key, {"hs_meeting_outcome": outcome}, user=owner.user_id)

    def note(self, at: int, owner: Representative, deal: str | None) -> None:
        """A note."""
        self._write("notes", at, owner, deal, {"hs_note_body": f"Spoke about plans for {day_of(at).year}."})

    def task(self, at: int, owner: Representative, deal: str | None) -> None:
        """A task, done later."""
        key = self._write(
            "tasks",
            at,
            owner,
            deal,
            {
                "hs_task_subject": "Prepare offer",
                "hs_task_status": "NOT_STARTED",
                "hs_task_priority": "MEDIUM",
                "hs_task_type": "TODO",
            },
        )
        self.timeline.update(
            working_hours(at + int(self.rng.uniform(3.1, 8) * DAY)),
            "tasks",
            key,
            {"hs_task_status": "COMPLETED"},
            user=owner.user_id,
        )


def _tickets(
    story: Story, timeline: Timeline, records: Records, life: Life, number: int, catalog: Catalog, horizon: int
) -> None:
    """Support tickets: a trickle, and three times as many in the months before a customer leaves."""
    rng = story.rng(f"tickets:{number}")
    team = catalog.team("Customer Success")
    start = at = life.start + life.trial_days * DAY
    while at < min(horizon, life.risk):
        trouble = story.cooling(at)
        busy = 0.18 + story.employees / 1500 + 0.9 * trouble + (0.3 if at < start + 45 * DAY else 0)
        at = working_hours(at + int(rng.expovariate(busy / 30) * DAY) + HOUR)
        if at >= life.risk:
            return
        subject, priority = rng.choice(_SUBJECTS)
        if story.cooling(at) > 0.4 and rng.random() < 0.5:
            priority = "HIGH"
        owner = rng.choice(team)
        waited = int(rng.lognormvariate(0.4, 0.9) * (2 if story.cooling(at) > 0.4 else 1) * DAY) + HOUR
        contacts = [contact for contact in records.contacts[:2] if contact]
        key = timeline.create(
            at,
            "tickets",
            {
                "subject": subject,
                "content": f"{subject}. Please help.",
                "hs_pipeline": "0",
                "hs_pipeline_stage": "1",
                "hs_ticket_priority": priority,
                "hubspot_owner_id": owner.id,
            },
            {
                "companies": association("tickets", "companies", records.companies[:1]),
                "contacts": association("tickets", "contacts", [rng.choice(contacts)] if contacts else []),
            },
            "EMAIL_INTEGRATION",
        )
        timeline.update(
            at + waited // 3, "tickets", key, {"hs_pipeline_stage": rng.choice(("2", "3"))}, user=owner.user_id
        )
        timeline.update(
            at + waited, "tickets", key, {"hs_pipeline_stage": "4", "closed_date": iso(at + waited)}, user=owner.user_id
        )
