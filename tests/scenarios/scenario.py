"""What a scenario is: objects of one account at Stripe in, the account's figures in the published marts out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.scenarios.stripe import Account

Movement = tuple[str, str, str]


@dataclass(frozen=True)
class Figures:
    """What the marts must say about an account; what is None is not looked at. Amounts are in dollars, to the cent.

    `mrr` and `usage`: at the end of each month named. `on`: MRR in the account's own currency on each day named.
    `movements`: all of them, in order, as (day, movement, amount). `why`: the reason of each churn and reactivation, in
    order. `revenue`: all months with any; 'later' is what is still to be earned. `cash`: amount by kind, all of them.
    """

    mrr: dict[str, str] | None = None
    on: dict[str, str] | None = None
    usage: dict[str, str] | None = None
    movements: list[Movement] | None = None
    why: list[str] | None = None
    revenue: dict[str, str] | None = None
    cash: dict[str, str] | None = None


Case = Callable[[Account], Iterator[Figures]]


@dataclass(frozen=True)
class Scenario:
    """A case by its name: it makes objects, and yields the figures expected after each night."""

    name: str
    case: Case
    currency: str


ALL: list[Scenario] = []


def scenario(currency: str = "usd") -> Callable[[Case], Case]:
    """Register a case under its function's name; the account pays in `currency`.

    A case that yields twice changes its objects between two nights. The figures yielded last hold from then on.
    """

    def register(case: Case) -> Case:
        ALL.append(Scenario(case.__name__, case, currency))
        return case

    return register
