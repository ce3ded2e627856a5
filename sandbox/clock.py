"""Instants of the sandbox are whole milliseconds since 1970 in UTC; this module turns them into what providers show."""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

_EPOCH = date(1970, 1, 1)


def instant(day: date, hour: int = 0, minute: int = 0) -> int:
    """The instant (ms, UTC) of a clock time on `day`."""
    return (day - _EPOCH).days * DAY + hour * HOUR + minute * MINUTE


@lru_cache(maxsize=20_000)
def _date_of_number(number: int) -> date:
    return _EPOCH + timedelta(days=number)


def day_of(at: int) -> date:
    """The UTC date of an instant."""
    return _date_of_number(at // DAY)


def datetime_of(at: int) -> datetime:
    """The instant as an aware UTC datetime."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at)


def instant_of(moment: datetime) -> int:
    """The instant of an aware datetime."""
    return round((moment - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(milliseconds=1))


def seconds(at: int) -> int:
    """Epoch seconds, the unit of Stripe."""
    return at // SECOND


@lru_cache(maxsize=20_000)
def _day_text(number: int) -> str:
    return _date_of_number(number).isoformat()


def iso(at: int) -> str:
    """ISO 8601 in UTC with milliseconds, e.g. `2025-03-09T07:30:00.000Z`."""
    number, rest = divmod(at, DAY)
    minutes, millis = divmod(rest, MINUTE)
    return f"{_day_text(number)}T{minutes // 60:02}:{minutes % 60:02}:{millis // 1000:02}.{millis % 1000:03}Z"


def month_start(day: date) -> date:
    """The first day of the month of `day`."""
    return day.replace(day=1)


def shift_months(day: date, months: int, anchor_day: int | None = None) -> date:
    """`day` moved by whole months; the day of month is `anchor_day` (default: its own), cut to the month's length."""
    number = day.year * 12 + day.month - 1 + months
    year, month = divmod(number, 12)
    wanted = anchor_day or day.day
    return date(year, month + 1, min(wanted, monthrange(year, month + 1)[1]))


def add_months(at: int, months: int) -> int:
    """The instant moved by whole months, at the same clock time, the day cut to the month's length."""
    return instant(shift_months(day_of(at), months)) + at % DAY


def working_hours(at: int) -> int:
    """The instant, or when it lies at night or on a weekend the same minute of the next working day's first hours."""
    day = day_of(at)
    if day.weekday() >= 5:
        at = instant(day + timedelta(days=7 - day.weekday()), 8) + at % (2 * HOUR)
    hour = at % DAY // HOUR
    if hour < 7:
        return at - at % DAY + 8 * HOUR + at % (2 * HOUR)
    if hour >= 19:
        return working_hours(at - at % DAY + DAY + 8 * HOUR + at % (2 * HOUR))
    return at


def daytime(at: int) -> int:
    """The instant moved within its own day to between 7:00 and 21:00, whole seconds."""
    return at - at % DAY + (7 * HOUR + at % DAY * 14 // 24) // SECOND * SECOND
