"""What was sold, in the company's own words: the record that truth is computed from.

Every fact carries `known`, the instant from which it can be known; truth as of an instant uses older facts only.
`plan` is the name of the product, `UNKNOWN` for what belongs to none. Amounts are integers in minor units of
`currency`; instants are milliseconds UTC.
"""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.catalog import Coupon

UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Sold:
    """From `since` on an item has this price and quantity, less a lasting discount (None: there is none)."""

    known: int
    subscription: str
    item: str
    since: int
    currency: str
    unit_amount: int
    quantity: int
    interval: str
    coupon: Coupon | None
    plan: str


@dataclass(frozen=True, slots=True)
class Removed:
    """An item left its subscription at `since`."""

    known: int
    subscription: str
    item: str
    since: int


@dataclass(frozen=True, slots=True)
class Trial:
    """A subscription is free until `until`."""

    known: int
    subscription: str
    until: int


@dataclass(frozen=True, slots=True)
class Ended:
    """A subscription's service ended at `at`."""

    known: int
    subscription: str
    at: int


@dataclass(frozen=True, slots=True)
class Skipped:
    """A cycle was not charged because collection was paused."""

    known: int
    subscription: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Billed:
    """A line of an invoice that stands: `net` of discount and tax, for [start, end), at the rate of `rated_at`."""

    known: int
    invoice: str
    net: int
    currency: str
    start: int
    end: int
    rated_at: int
    plan: str


@dataclass(frozen=True, slots=True)
class Credited:
    """A line of a credit note takes back `net` of the service in [start, end); gone again when the note is void."""

    known: int
    invoice: str
    net: int
    currency: str
    start: int
    end: int
    rated_at: int
    voided_at: int | None
    plan: str


@dataclass(frozen=True, slots=True)
class Returned:
    """Money given back without a credit note: `net` of tax, on the day of `at`."""

    known: int
    invoice: str
    net: int
    currency: str
    at: int
    rated_at: int


@dataclass(frozen=True, slots=True)
class Charged:
    """A fee of the payment provider for a payment of `invoice`, or for a dispute of it."""

    known: int
    invoice: str
    fee: int
    currency: str
    at: int


Fact = Sold | Removed | Trial | Ended | Skipped | Billed | Credited | Returned | Charged
