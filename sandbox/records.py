"""What exists of an account in the three systems, and the truth about it."""

from __future__ import annotations

from dataclasses import dataclass, field

from sandbox.clock import DAY, SECOND
from sandbox.facts import Fact
from sandbox.sales_facts import Assigned, Dealt, Reached
from sandbox.story import Person, Story
from sandbox.timeline import Object, hubspot_number

STAGES = (
    "subscriber",
    "lead",
    "marketingqualifiedlead",
    "salesqualifiedlead",
    "opportunity",
    "customer",
    "evangelist",
    "other",
)


@dataclass(slots=True)
class Recipient:
    """An Encharge person as the engagement generator sees it."""

    person: Person
    number: int
    id: str
    email: str
    joined: int
    unsubscribed: int | None
    bounces: bool
    gone: int | None = None
    synced: int | None = None  # when the CRM id was filled in, where that came late
    scores: list[tuple[int, int, int]] = field(default_factory=list)
    tags: list[tuple[int, str, bool]] = field(default_factory=list)


@dataclass(slots=True)
class Records:
    """Ids of an account's records; truth rows are (system, type, id, truth id)."""

    missing_domain: bool = False
    domain_found: int | None = None  # when a missing domain was put right
    employees: int | None = None  # as the CRM was told
    companies: list[str] = field(default_factory=list)
    merged_at: int | None = None  # when the second company is merged into the first
    contacts: list[str | None] = field(default_factory=list)
    recipients: list[Recipient] = field(default_factory=list)
    customers: list[Object] = field(default_factory=list)
    people_truth: list[tuple[str, str, str, str]] = field(default_factory=list)
    account_truth: list[tuple[str, str, str, str]] = field(default_factory=list)
    known: dict[str, int] = field(default_factory=dict)  # when a contact, Encharge person or payer came to be, by id
    lifecycles: dict[str, list[tuple[int, str]]] = field(default_factory=dict)  # the stages of a contact, by id
    archived: dict[str, int] = field(default_factory=dict)  # when a contact was archived, by id
    sold: list[Fact] = field(default_factory=list)
    deals: list[Dealt] = field(default_factory=list)
    assigned: list[Assigned] = field(default_factory=list)
    reached: list[Reached] = field(default_factory=list)


def person_truth(story: Story, number: int | str) -> str:
    """The truth's name for a person of an account."""
    return f"P{story.index:06}-{number}"


def account_truth(story: Story) -> str:
    """The truth's name for an account."""
    return f"A{story.index:06}"


def company_at(story: Story) -> int:
    """When the company record appears: half a minute before its first contact."""
    return story.lead_at - 30 * SECOND


def company_key(story: Story) -> str:
    """The HubSpot id of the account's own company record."""
    return hubspot_number(company_at(story), story.index, 9)


def lifecycle(story: Story) -> list[tuple[int, str]]:
    """The lifecycle stages the account enters, with their instants; regressions and skipped stages occur."""
    rng = story.rng("lifecycle")
    early, back, other, fan = rng.random(), rng.random(), rng.random(), rng.random()
    path = [(story.lead_at, "subscriber" if story.subscriber_first else "lead")]
    if story.subscriber_first and (story.mql_at or early < 0.5):
        until = story.mql_at or story.lead_at + 50 * DAY
        path.append((story.lead_at + int((until - story.lead_at) * (0.2 + 0.6 * early)), "lead"))
    if story.mql_at:
        path.append((story.mql_at, "marketingqualifiedlead"))
    if story.lost_reason and story.answered_at and back < 0.35:
        path.append((story.answered_at + int((2 + 10 * early) * DAY), "lead"))
    if story.sql_at:
        path.append((story.sql_at, "salesqualifiedlead"))
    deals = [deal for deal in story.deals if deal.kind == "newbusiness"]
    if deals:
        path.append((deals[0].created, "opportunity"))
    if len(deals) == 1 and not deals[0].won and back < 0.3:
        path.append((deals[0].closed + 5 * DAY, "marketingqualifiedlead"))
    return path + _as_customer(story, early, other, fan)


def _as_customer(story: Story, early: float, other: float, fan: float) -> list[tuple[int, str]]:
    customer_at = story.customer_at
    if customer_at is None:
        return []
    path = [(customer_at, "customer")]
    main = [life for life in story.lives if not life.second and life.converts]
    if fan < 0.05 and main[0].risk > customer_at + 300 * DAY:
        path.append((customer_at + 220 * DAY, "evangelist"))
    if other < 0.25:
        path.append((main[0].risk + int((5 + 25 * early) * DAY), "other"))
        if len(main) > 1:
            path.append((main[1].start, "customer"))
    return path
