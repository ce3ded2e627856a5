"""What sales did, in the company's own words: deals, who a lead was given to, and when a person of ours reached out.

Instants are milliseconds UTC; each is known from then on unless it says otherwise. Amounts are whole major units.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sandbox.catalog import Representative


@dataclass(slots=True)
class Dealt:
    """A deal: the stages, amounts and expected close dates it had, each with the instant from which on it had it."""

    key: str
    created: int
    currency: str
    stages: list[tuple[int, str]] = field(default_factory=list)
    amounts: list[tuple[int, int]] = field(default_factory=list)
    close_dates: list[tuple[int, int]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Assigned:
    """A lead was given to somebody."""

    at: int
    owner: Representative


@dataclass(frozen=True, slots=True)
class Reached:
    """Somebody of ours reached out at `at`, seen from `known` on; from `undone` on it is known not to have happened."""

    at: int
    known: int
    undone: int | None = None
