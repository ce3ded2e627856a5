"""Dated exchange rates of the sandbox: one a month and currency, drifting."""

from __future__ import annotations

import random
from datetime import date
from decimal import Decimal

from sandbox.clock import month_start, shift_months

_FIRST = {"EUR": 1.08, "GBP": 1.26, "JPY": 0.0068}
_DIGITS = {"EUR": 6, "GBP": 6, "JPY": 8}


class Rates:
    """US dollars for one unit of a currency; a rate holds from the first of its month until the next one."""

    def __init__(self, seed: int, start: date) -> None:
        self._rng = random.Random(f"{seed}:rates")
        self._month = shift_months(month_start(start), -2)
        self._level = dict(_FIRST)
        self._rows: dict[tuple[date, str], Decimal] = {}

    def on(self, currency: str, day: date) -> Decimal:
        """The rate of `currency` to the US dollar that is valid on `day`; 1 for the dollar itself."""
        if currency == "USD":
            return Decimal(1)
        self._reach(day)
        return self._rows[month_start(day), currency]

    def rows(self, until: date) -> list[tuple[date, str, Decimal]]:
        """All rates dated on or before `until`, oldest first."""
        self._reach(until)
        return [(day, currency, rate) for (day, currency), rate in self._rows.items() if day <= until]

    def _reach(self, day: date) -> None:
        while self._month <= day:
            for currency, level in self._level.items():
                pull = 0.05 * (_FIRST[currency] / level - 1)
                self._level[currency] = level * (1 + pull + self._rng.gauss(0, 0.014))
                self._rows[self._month, currency] = Decimal(f"{level:.{_DIGITS[currency]}f}")
            self._month = shift_months(self._month, 1)
