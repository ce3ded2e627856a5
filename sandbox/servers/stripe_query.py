"""What a request to Stripe's API may ask: errors, page sizes, filters, ranges, expansion, cursors."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from typing import Any

from sandbox.backend import Collection, Object
from sandbox.servers.stripe_resources import EXPANDABLE
from sandbox.servers.wire import ApiError, Json

MAX_LIMIT = 100
MAX_EXPAND_DEPTH = 4
INFINITY = float("inf")

# A tree of what to expand: {"customer": {}, "items": {"data": {"price": {}}}}.
Tree = dict[str, "Tree"]
NO_TREE: Tree = {}


def error(status: int, message: str, param: str | None = None, code: str | None = None, **extra: Any) -> ApiError:
    """Return a Stripe-shaped error to raise."""
    kind = extra.pop("type", "invalid_request_error")
    body: Object = {"message": message, "type": kind, **extra}
    if code:
        body["code"] = code
        body["doc_url"] = f"https://stripe.com/docs/error-codes/{code.replace('_', '-')}"
    if param:
        body["param"] = param
    return ApiError(Json({"error": body}, status))


def missing(name: str, object_id: str, param: str = "id", status: int = 404) -> ApiError:
    """Return the error of an id that leads nowhere."""
    return error(status, f"No such {name}: '{object_id}'", param, "resource_missing")


def as_list(value: Any) -> list[Any]:
    """Return a parameter that may be given once or several times as a list."""
    return value if isinstance(value, list) else [value]


def flat(params: Object) -> list[tuple[str, Any]]:
    """Return filters with nested ones written out: `payment[type]`."""
    out: list[tuple[str, Any]] = []
    for name, value in params.items():
        if isinstance(value, dict):
            out.extend((f"{name}[{inner}]", each) for inner, each in value.items())
        else:
            out.append((name, value))
    return out


def equals(value_of: Callable[[Object], Any], wanted: Any) -> Callable[[Object], bool]:
    """Return the test of an equality; `true` and `false` mean booleans."""
    if wanted in {"true", "false"}:
        truth = wanted == "true"
        return lambda row: value_of(row) is truth or value_of(row) == wanted
    return lambda row: value_of(row) == wanted


def subscription_status(value: Any) -> Callable[[Object], bool]:
    """Return the test of a subscription's status; raises the API's error for one that does not exist."""
    if value == "all":
        return lambda row: True
    if value == "ended":
        return lambda row: row.get("status") in {"canceled", "incomplete_expired"}
    known = {"active", "past_due", "unpaid", "canceled", "incomplete", "incomplete_expired", "trialing", "paused"}
    if value not in known:
        shown = ", ".join(sorted(known | {"all", "ended"}))
        raise error(400, f"Invalid status: must be one of {shown}", "status")
    return lambda row: row.get("status") == value


def event_types(value: Any) -> Callable[[Object], bool]:
    """Return the test of one event type or several; `invoice.*` takes the whole family."""
    wanted = as_list(value)
    if len(wanted) > 20:
        raise error(400, "You may only specify up to 20 event types.", "types")
    exact = frozenset(wanted)
    families = tuple(name[:-1] for name in wanted if name.endswith("*"))
    if families:
        return lambda row: row.get("type") in exact or str(row.get("type")).startswith(families)
    return lambda row: row.get("type") in exact


def unknown_parameter(name: str) -> ApiError:
    """Return the error of a parameter that does not exist."""
    return error(400, f"Received unknown parameter: {name}", name, "parameter_unknown")


def integer(value: Any, param: str) -> int:
    """Return a whole number; raises the API's error."""
    try:
        return int(value)
    except (TypeError, ValueError):
        raise error(400, f"Invalid integer: {value}", param, "parameter_invalid_integer") from None


def page_size(params: Object) -> int:
    """Take `limit` out of the parameters and return it; raises the API's error unless it is 1 to 100."""
    value = params.pop("limit", None)
    if value is None:
        return 10
    limit = integer(value, "limit")
    if limit > MAX_LIMIT:
        raise error(400, f"This value must be less than or equal to {MAX_LIMIT}.", "limit", "parameter_invalid_integer")
    if limit < 1:
        raise error(400, "This value must be greater than or equal to 1.", "limit", "parameter_invalid_integer")
    return limit


def expansion(params: Object, within: str = "data") -> Tree:
    """Return the expansion tree of `expand[]`; in lists every path starts at `data`."""
    wanted = params.pop("expand", None)
    if not wanted:
        return NO_TREE
    tree: Tree = {}
    for path in as_list(wanted):
        steps = str(path).split(".")
        if within and steps[0] != within:
            raise error(
                400,
                f"This property cannot be expanded ({path}). You may want to try expanding 'data.{path}'.",
                "expand",
            )
        if within:
            steps = steps[1:]
        if len(steps) > MAX_EXPAND_DEPTH:
            raise error(400, f"You cannot expand more than {MAX_EXPAND_DEPTH} levels of a property ({path}).", "expand")
        if not steps or steps[-1] not in EXPANDABLE:
            raise error(400, f"This property cannot be expanded ({path}).", "expand")
        node = tree
        for step in steps:
            node = node.setdefault(step, {})
    return tree


def bounds(value: Any, param: str) -> tuple[float, float]:
    """Return the half-open range of whole seconds that a date filter allows."""
    if not isinstance(value, dict):
        moment = integer(value, param)
        return moment, moment + 1
    low, high = -INFINITY, INFINITY
    for name, text in value.items():
        moment = integer(text, f"{param}[{name}]")
        if name == "gte":
            low = max(low, moment)
        elif name == "gt":
            low = max(low, moment + 1)
        elif name == "lt":
            high = min(high, moment)
        elif name == "lte":
            high = min(high, moment + 1)
        else:
            raise unknown_parameter(f"{param}[{name}]")
    return low, high


def window_of(rows: Collection, created: Any) -> tuple[int, int]:
    """Return the positions `[low, high)` that a filter on `created` leaves."""
    if created is None:
        return 0, len(rows)
    low, high = bounds(created, "created")
    return rows.at_or_after(low), rows.at_or_after(high)


def newest_first(
    rows: Collection,
    places: Sequence[int],
    checks: list[Callable[[Object], bool]],
    limit: int,
    window: tuple[int, int],
    name: str,
    starting_after: str | None,
    ending_before: str | None,
) -> tuple[list[Object], bool]:
    """Return one page, newest first, and whether more follow in its direction."""
    if starting_after is not None and ending_before is not None:
        raise error(400, "You cannot use ending_before and starting_after together.", "ending_before")
    low, high = window
    backward = ending_before is not None
    cursor = ending_before if backward else starting_after
    if cursor is not None:
        place = rows.position.get(cursor)
        if place is None:
            raise missing(name, cursor, "ending_before" if backward else "starting_after", 400)
        if backward:
            low = max(low, place + 1)
        else:
            high = min(high, place)
    first, last = bisect_left(places, low), bisect_left(places, high)
    # Old to new when paging back towards the newest, else new to old.
    order = range(first, last) if backward else range(last - 1, first - 1, -1)
    found: list[Object] = []
    source = rows.rows
    for step in order:
        row = source[places[step]]
        if row.get("deleted") is True or not all(check(row) for check in checks):
            continue
        if len(found) == limit:
            return (found[::-1] if backward else found), True
        found.append(row)
    return (found[::-1] if backward else found), False
