"""The plan of one account's life: who they are, how they came, what sales did with them, and how long they stay.

A story is complete and knows nothing of the world's present, so nothing that happened can depend on how far the world
has been told. `telling` draws it; `people`, `crm`, `billing` and `engagement` write the providers' objects from it.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from sandbox import names
from sandbox.catalog import Representative
from sandbox.channels import Channel
from sandbox.clock import DAY
from sandbox.dirt import PLAIN, Dirt


@dataclass(frozen=True, slots=True)
class Touch:
    """A web session of a channel; `person` is None while nobody is known."""

    at: int
    channel: Channel
    source: str
    campaign: str
    person: int | None
    pages: tuple[str, ...]
    form: str | None = None


@dataclass(slots=True)
class Person:
    """Someone at an account; `joined` is when the first record of them appears."""

    first: str
    last: str
    email: str
    country: str
    job: str
    joined: int
    interest: float


@dataclass(slots=True)
class DealPlan:
    """A deal: the stages it enters and when; the last one closes it when it is a closed stage."""

    created: int
    kind: str
    owner: Representative
    stages: list[tuple[int, str]]
    amount_factor: float
    closed: int
    won: bool


@dataclass(slots=True)
class Life:
    """One stretch as a customer: a subscription from `start`, planned to last until about `risk`."""

    start: int
    plan: str
    interval: str
    seats: int
    trial_days: int
    converts: bool
    coupon: str | None
    risk: int
    ending: str
    invoiced: bool = False
    second: bool = False
    yearly_from: int | None = None


@dataclass(slots=True)
class Story:
    """Everything that is planned about one account, or one consumer (`company` is None)."""

    index: int
    seed: int
    company: names.Company | None
    parent: Story | None
    country: str
    currency: str
    employees: int
    channel: Channel
    campaign: str
    arrival: int
    quality: float
    lead_at: int
    subscriber_first: bool = False
    people: list[Person] = field(default_factory=list)
    touches: list[Touch] = field(default_factory=list)
    mql_at: int | None = None
    assigned_at: int | None = None
    owner: Representative | None = None
    answered_at: int | None = None
    sql_at: int | None = None
    lost_reason: str | None = None
    executive: Representative | None = None
    deals: list[DealPlan] = field(default_factory=list)
    lives: list[Life] = field(default_factory=list)
    expansions: list[tuple[int, bool]] = field(default_factory=list)
    dirt: Dirt = PLAIN
    reseller: Story | None = None

    def rng(self, concern: str) -> random.Random:
        """A generator of its own for each concern, so that none disturbs another."""
        return random.Random(f"{self.seed}:{self.index}:{concern}")

    @property
    def mail_domain(self) -> str:
        """Where the company's people have their mailboxes: its own domain, or its group's."""
        assert self.company is not None
        in_group = self.parent and self.parent.company and self.rng("group").random() < self.dirt.group_mail
        return self.parent.company.domain if in_group else self.company.domain

    @property
    def customer_at(self) -> int | None:
        """When they first become a paying customer, or None."""
        for life in self.lives:
            if life.converts:
                return life.start + life.trial_days * DAY
        return None

    def cooling(self, at: int) -> float:
        """How far interest has fallen before a coming end: 0 none, 1 gone."""
        cold = 0.0
        for life in self.lives:
            if life.second or not life.converts:
                continue
            left = (life.risk - at) / DAY
            if -120 < left < 100:
                cold = max(cold, min(1.0, (100 - left) / 90))
        return cold
