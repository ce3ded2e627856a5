"""When accounts arrive."""

from __future__ import annotations

from datetime import date

from sandbox.clock import instant, month_start, shift_months

HISTORY_MONTHS = 36
# Demand by calendar month: summer and year's end are quiet.
SEASON = (1.08, 1.06, 1.10, 1.02, 1.00, 0.95, 0.82, 0.80, 1.12, 1.12, 1.05, 0.78)
GROWTH = 1.012


class Arrivals:
    """When the n-th account arrives: `accounts` of them in the first 36 months, growing and seasonal, then so on."""

    def __init__(self, start: date, accounts: int) -> None:
        self._starts = [instant(start)]
        self._cumulated = [0.0]
        self._accounts = accounts
        self._start = start
        for _ in range(HISTORY_MONTHS):
            self._grow()
        self._scale = self._cumulated[HISTORY_MONTHS] / accounts

    def _grow(self) -> None:
        number = len(self._starts) - 1
        month = shift_months(self._start, number)
        self._cumulated.append(self._cumulated[-1] + SEASON[month.month - 1] * GROWTH**number)
        self._starts.append(instant(shift_months(self._start, number + 1)))

    def at(self, position: float) -> int:
        """The instant at which `position` accounts (a fraction counts) have arrived."""
        wanted = position * self._scale
        while self._cumulated[-1] <= wanted:
            self._grow()
        low, high = 0, len(self._cumulated) - 1
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self._cumulated[middle] <= wanted else (low, middle)
        share = (wanted - self._cumulated[low]) / (self._cumulated[high] - self._cumulated[low])
        return self._starts[low] + int(share * (self._starts[high] - self._starts[low]))

    def in_month(self, month: date) -> float:
        """Expected arrivals in a month that is not before the beginning."""
        number = (month.year - self._start.year) * 12 + month.month - self._start.month
        while len(self._cumulated) <= number + 1:
            self._grow()
        return (self._cumulated[number + 1] - self._cumulated[number]) / self._scale


def beginning(day: date) -> date:
    """Where three years of history begin for a world whose present is `day`."""
    return shift_months(month_start(day), -HISTORY_MONTHS)
