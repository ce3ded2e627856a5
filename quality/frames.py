"""What a suite is made of: a small frame, aggregated in SQL, and what is expected of its columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from warehouse.meta import Severity

Layer = Literal["raw", "star", "marts"]


@dataclass(frozen=True)
class Expected:
    """One expectation of a column. `kind` is the name of a Great Expectations class, `arguments` are its own."""

    name: str
    column: str
    kind: str
    arguments: Mapping[str, Any]
    severity: Severity
    description: str


@dataclass(frozen=True)
class Scope:
    """What a frame's query may depend on: the run's instant (UTC) and the reporting conventions."""

    as_of: datetime
    currency: str
    quarantine_limit: float


@dataclass(frozen=True)
class Frame:
    """A query that gives few rows, and the expectations of them.

    With several `tables`, the frame has one row a table, named in its column `table_name`, and every table gets each
    expectation as a check of its own. With one table the rows are that table's own, or an aggregate of them.
    `shown` names the columns that tell a reader which rows failed.
    """

    name: str
    layer: Layer
    tables: tuple[str, ...]
    query: Callable[[Scope], str]
    expectations: tuple[Expected, ...]
    shown: tuple[str, ...] = field(default=())

    @property
    def is_per_table(self) -> bool:
        """Whether a row stands for a table."""
        return "table_name" in self.shown


def check_name(table: str, expected: Expected) -> str:
    """The name of a check in `meta.checks`."""
    return f"{table}: {expected.name}"


def is_zero(name: str, column: str, severity: Severity, description: str) -> Expected:
    """The column is nil in every row."""
    return between(name, column, severity, description, 0, 0)


def between(
    name: str, column: str, severity: Severity, description: str, low: float | None = None, high: float | None = None
) -> Expected:
    """The column lies in a range, bounds included; rows where it is null are left out."""
    return Expected(
        name, column, "ExpectColumnValuesToBeBetween", {"min_value": low, "max_value": high}, severity, description
    )


def one_of(name: str, column: str, severity: Severity, description: str, values: list[Any]) -> Expected:
    """The column holds these values only; rows where it is null are left out."""
    return Expected(name, column, "ExpectColumnValuesToBeInSet", {"value_set": values}, severity, description)


def known(name: str, column: str, severity: Severity, description: str) -> Expected:
    """The column is never null."""
    return Expected(name, column, "ExpectColumnValuesToNotBeNull", {}, severity, description)
