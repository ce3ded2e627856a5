"""Worked examples of the documentation, as calculations that can be run.

A fenced block ```example holds one step a line, computed exactly (fractions, no floats):

    arpa = 100                                  an input
    margin = 80 %                               another
    clv = arpa * margin / 4 % -> 2,000          a result, rounded half-up to the places that are written
    10 / 0 -> NULL                              a ratio over zero is unknown

Functions: min, max, sum, median, percentile (disc), days("2025-01-01", "2025-02-01"). Lists stand in brackets, and `#`
begins a remark.
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from math import ceil, floor
from typing import Any

BLOCK = re.compile(r"^```example\n(.*?)^```", re.MULTILINE | re.DOTALL)
STEP = re.compile(r"^(?:(?P<name>[a-z_]\w*)\s*=(?!=)\s*)?(?P<expression>.+?)(?:\s*->\s*(?P<expected>.+))?$")
PER_CENT = re.compile(r"(?<![\w.])(\d[\d_]*(?:\.\d+)?)\s*%(?=\s*(?:$|[-+*/),\]]))")

OPERATORS: Mapping[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


class BadExample(Exception):
    """A block that cannot be read: the message names the line."""


@dataclass(frozen=True)
class Step:
    """One line of a block: what stands there, what is computed, and what the page says it is."""

    line: str
    found: str | None
    expected: str | None


def blocks(page: str) -> list[str]:
    """The example blocks of a page of Markdown."""
    return BLOCK.findall(page)


def run(block: str) -> Iterator[Step]:
    """Compute a block line by line. Raises BadExample at one that is no calculation."""
    names: dict[str, Any] = {}
    for raw in block.splitlines():
        line = raw.split("#")[0].strip()
        if not line:
            continue
        step = STEP.match(line)
        assert step, line
        try:
            value = _value(ast.parse(PER_CENT.sub(r"(\1/100)", step["expression"]), mode="eval").body, names)
        except (SyntaxError, KeyError, TypeError, ValueError) as error:
            raise BadExample(f"{line}: {error}") from error
        if step["name"]:
            names[step["name"]] = value
        expected = step["expected"] and step["expected"].strip()
        yield Step(line, shown_as(value, expected) if expected else None, expected)


def shown_as(value: Fraction | None, pattern: str) -> str:
    """A value written as `pattern` is: its decimal places, its thousands commas, its per cent sign.

    >>> shown_as(Fraction(25000, 2), "1,000.00")
    '12,500.00'
    """
    if value is None:
        return "NULL"
    number = pattern.removesuffix("%").strip()
    places = len(number.partition(".")[2])
    scaled = abs(value) * (100 if pattern.endswith("%") else 1) * 10**places
    digits = str(floor(scaled + Fraction(1, 2))).rjust(places + 1, "0")
    whole, decimals = digits[: len(digits) - places], digits[len(digits) - places :]
    if "," in number or len(number.lstrip("-").partition(".")[0]) < 4:
        whole = f"{int(whole):,}"
    text = f"{whole}.{decimals}" if places else whole
    sign = "-" if value < 0 and int(digits) else ""
    return sign + text + pattern[len(pattern.removesuffix("%").rstrip()) :]


def _value(node: ast.expr, names: Mapping[str, Any]) -> Any:
    """The exact value of an expression; None where a denominator is zero or an operand is unknown."""
    match node:
        case ast.Constant(value=int() | float()):
            return Fraction(str(node.value))
        case ast.Constant(value=str()):
            return date.fromisoformat(node.value)
        case ast.Name():
            return names[node.id]
        case ast.List():
            return [_value(part, names) for part in node.elts]
        case ast.UnaryOp(op=ast.USub()):
            return -_value(node.operand, names)
        case ast.Call(func=ast.Name(), keywords=[]):
            return FUNCTIONS[node.func.id](*(_value(part, names) for part in node.args))
        case ast.BinOp():
            left, right = _value(node.left, names), _value(node.right, names)
            if left is None or right is None or (isinstance(node.op, ast.Div) and right == 0):
                return None
            if isinstance(node.op, ast.Pow):
                # a root is no fraction: twelve digits are enough for what a page shows
                return left**right if right.denominator == 1 else Fraction(str(round(float(left) ** float(right), 12)))
            return OPERATORS[type(node.op)](left, right)
    raise ValueError(f"{ast.unparse(node)} is no part of a calculation")


def _percentile(share: Fraction, values: list[Fraction]) -> Fraction:
    """The smallest value that at least this share of all values does not exceed."""
    return sorted(values)[max(ceil(share * len(values)) - 1, 0)]


def _spread(function: Callable[[list[Any]], Any]) -> Callable[..., Any]:
    """A function of a list that takes its values as arguments too."""
    return lambda *values: function(values[0] if len(values) == 1 and isinstance(values[0], list) else list(values))


FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "min": _spread(min),
    "max": _spread(max),
    "sum": _spread(sum),
    "median": _spread(lambda values: _percentile(Fraction(1, 2), values)),
    "percentile": _percentile,
    "days": lambda start, end: Fraction((end - start).days),
}
