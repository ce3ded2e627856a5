"""HubSpot's CRM search: filter groups, operators, sorting, over objects whose values are all strings."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Any

Object = dict[str, Any]
Test = Callable[[Object], bool]

MAX_GROUPS, MAX_FILTERS, MAX_FILTERS_IN_ALL = 5, 6, 18

_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_NUMBER = re.compile(r"-?\d+(\.\d+)?")
_TOKEN = re.compile(r"[^\W_]+")

OPERATORS = frozenset(
    {
        "EQ", "NEQ", "LT", "LTE", "GT", "GTE", "BETWEEN", "IN", "NOT_IN",
        "HAS_PROPERTY", "NOT_HAS_PROPERTY", "CONTAINS_TOKEN", "NOT_CONTAINS_TOKEN",
    }
)  # fmt: skip


def epoch_ms(text: str) -> int:
    """Return an ISO 8601 instant or day (UTC where no zone is given) as epoch milliseconds."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1000)


def comparable(value: Any, kind: str | None) -> Any:
    """Return a stored or asked-for value in the form in which values of its property compare.

    `kind` is the property's type in the catalogue; without it the value's own look decides. Instants become epoch
    milliseconds, numbers stay numbers, text compares without case. None stays None.
    """
    if value is None or value == "":
        return None
    text = str(value)
    if kind in {"string", "enumeration", "bool", "phone_number"}:
        return text.lower()
    if _NUMBER.fullmatch(text):
        return int(text) if "." not in text else float(text)
    if _DATE.match(text):
        try:
            return epoch_ms(text)
        except ValueError:
            return text.lower()
    return text.lower()


def _ordered(left: Any, right: Any) -> int | None:
    """Return -1, 0 or 1, or None where the two cannot be compared."""
    if left is None or right is None or isinstance(left, str) != isinstance(right, str):
        return None
    return (left > right) - (left < right)


def _contains(text: str | None, pattern: str) -> bool:
    if not text:
        return False
    text, pattern = text.lower(), pattern.lower()
    if "*" in pattern:
        return any(fnmatchcase(part, pattern) for part in [text, *text.split(), *_TOKEN.findall(text)])
    words, wanted = _TOKEN.findall(text), _TOKEN.findall(pattern)
    return bool(wanted) and any(words[at : at + len(wanted)] == wanted for at in range(len(words)))


class BadSearch(ValueError):
    """Raised for a search that HubSpot refuses."""


def compile_filter(entry: Object, kind_of: Callable[[str], str | None]) -> Test:
    """Return the test of one filter on an object's properties; raises BadSearch."""
    name, operator = entry.get("propertyName"), entry.get("operator")
    if not isinstance(name, str) or operator not in OPERATORS:
        raise BadSearch(f"Invalid filter: propertyName {name!r}, operator {operator!r}")
    if operator == "HAS_PROPERTY":
        return lambda properties: properties.get(name) not in (None, "")
    if operator == "NOT_HAS_PROPERTY":
        return lambda properties: properties.get(name) in (None, "")
    kind = kind_of(name)
    if operator in {"IN", "NOT_IN"}:
        values = entry.get("values")
        if not isinstance(values, list) or not values:
            raise BadSearch(f"Operator {operator} on {name} needs values")
        wanted = {comparable(value, kind) for value in values}
        inside = operator == "IN"

        def member(properties: Object) -> bool:
            value = comparable(properties.get(name), kind)
            return value is not None and (value in wanted) is inside

        return member
    if entry.get("value") is None:
        raise BadSearch(f"Operator {operator} on {name} needs a value")
    if operator in {"CONTAINS_TOKEN", "NOT_CONTAINS_TOKEN"}:
        pattern, yes = str(entry["value"]), operator == "CONTAINS_TOKEN"
        return lambda properties: _contains(properties.get(name), pattern) is yes
    low = comparable(entry["value"], kind)
    if operator == "BETWEEN":
        if entry.get("highValue") is None:
            raise BadSearch(f"Operator BETWEEN on {name} needs highValue")
        high = comparable(entry["highValue"], kind)

        def between(properties: Object) -> bool:
            value = comparable(properties.get(name), kind)
            return _ordered(value, low) in (0, 1) and _ordered(value, high) in (0, -1)

        return between
    if operator == "NEQ":
        # As at HubSpot, an object without a value is not found by what it is not.
        return lambda properties: comparable(properties.get(name), kind) not in (None, low)
    accepted = {"EQ": (0,), "LT": (-1,), "LTE": (-1, 0), "GT": (1,), "GTE": (0, 1)}[operator]
    return lambda properties: _ordered(comparable(properties.get(name), kind), low) in accepted


def compile_groups(groups: Any, kind_of: Callable[[str], str | None]) -> Test:
    """Return the test of filter groups (any group, all of its filters); raises BadSearch."""
    if not isinstance(groups, list) or any(not isinstance(group, dict) for group in groups):
        raise BadSearch("filterGroups must be a list of groups")
    counts = [len(group.get("filters") or []) for group in groups]
    if len(groups) > MAX_GROUPS or any(count > MAX_FILTERS for count in counts) or sum(counts) > MAX_FILTERS_IN_ALL:
        raise BadSearch(
            f"at most {MAX_GROUPS} filterGroups of {MAX_FILTERS} filters and {MAX_FILTERS_IN_ALL} filters in all"
        )
    tests = [[compile_filter(entry, kind_of) for entry in group.get("filters") or []] for group in groups]
    if not tests:
        return lambda properties: True
    return lambda properties: any(all(test(properties) for test in group) for group in tests)


def bounds(groups: list[Object], name: str) -> tuple[Any, Any] | None:
    """Return the widest [low, high] that the filters on `name` leave open, None when some group does not bound it."""
    lows: list[Any] = []
    highs: list[Any] = []
    for group in groups:
        low: Any = -float("inf")
        high: Any = float("inf")
        for entry in group.get("filters") or []:
            if entry.get("propertyName") != name:
                continue
            value = comparable(entry.get("value"), None)
            top = comparable(entry.get("highValue"), None)
            operator = entry.get("operator")
            if isinstance(value, str) or value is None or isinstance(top, str):
                continue
            if operator in {"GT", "GTE", "EQ", "BETWEEN"}:
                low = max(low, value)
            if operator in {"LT", "LTE", "EQ"}:
                high = min(high, value)
            if operator == "BETWEEN" and top is not None:
                high = min(high, top)
        lows.append(low)
        highs.append(high)
    if not lows or (min(lows) == -float("inf") and max(highs) == float("inf")):
        return None
    return min(lows), max(highs)


def within(index: list[tuple[int, int]], low: Any, high: Any) -> list[tuple[int, int]]:
    """Return the entries (instant, position) of a sorted index whose instant lies in [low, high]."""
    first = bisect_left(index, (low, -1))
    last = bisect_right(index, (high, float("inf")))  # type: ignore[arg-type]
    return index[first:last]


def sort_key(name: str, kind: str | None) -> Callable[[Object], tuple[bool, Any] | None]:
    """Return the key that orders properties by `name`: numbers and instants before text, None without a value."""

    def key(properties: Object) -> tuple[bool, Any] | None:
        value = comparable(properties.get(name), kind)
        return None if value is None else (isinstance(value, str), value)

    return key
