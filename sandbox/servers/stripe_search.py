"""Stripe's search queries: clauses over an object's fields, joined by AND or by OR."""

from __future__ import annotations

import re
from collections.abc import Callable

from sandbox.backend import Object
from sandbox.servers.stripe_query import error
from sandbox.servers.stripe_resources import path_to

_CLAUSE = re.compile(
    r"""\s*(?P<no>-)?(?P<field>[a-zA-Z_.]+)(?:\[(?P<q>["'])(?P<key>.*?)(?P=q)\])?\s*(?P<op>:|~|<=|>=|<|>)\s*"""
    r"""(?:"(?P<double>(?:[^"\\]|\\.)*)"|'(?P<single>(?:[^'\\]|\\.)*)'|(?P<bare>[^\s]+))\s*"""
)


def search_test(query: str) -> Callable[[Object], bool]:
    """Return the test of a search query: clauses joined by AND (or spaces), or by OR, never by both."""
    clauses: list[Callable[[Object], bool]] = []
    joins: set[str] = set()
    at = 0
    while at < len(query):
        found = _CLAUSE.match(query, at)
        if not found:
            raise error(400, f"We were unable to parse your search query near '{query[at:]}'.", "query")
        clauses.append(_search_clause(found))
        at = found.end()
        joined = re.match(r"(?i)(and|or)\b", query[at:])
        if joined:
            joins.add(joined.group(1).lower())
            at += joined.end()
    if not clauses:
        raise error(400, "We were unable to parse your search query.", "query")
    if len(joins) > 1:
        raise error(400, "You cannot combine AND and OR in one search query.", "query")
    combine = any if joins == {"or"} else all
    return lambda row: combine(clause(row) for clause in clauses)


def _search_clause(found: re.Match[str]) -> Callable[[Object], bool]:
    field_name, key, op = found["field"], found["key"], found["op"]
    quoted = found["double"] if found["double"] is not None else found["single"]
    text = quoted if quoted is not None else found["bare"]
    value_of = path_to(*field_name.split("."), *([key] if key is not None else []))

    def test(row: Object) -> bool:
        value = value_of(row)
        if quoted is None and text.lower() == "null":
            return value is None
        if value is None:
            return False
        if op == "~":
            return text.lower() in str(value).lower()
        if op == ":":
            shown = str(value).lower() if not isinstance(value, bool) else ("true" if value else "false")
            return shown == text.lower()
        try:
            left, right = float(value), float(text)
        except (TypeError, ValueError):
            return False
        return {"<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right}[op]

    return (lambda row: not test(row)) if found["no"] else test
