"""Exact money: integers of minor units, rounded half away from zero."""

from __future__ import annotations

from fractions import Fraction


def half_up(value: Fraction) -> int:
    """The nearest whole number, halves away from zero."""
    sign = -1 if value < 0 else 1
    twice = abs(value) * 2
    return sign * int((twice + 1) // 2)


def shares(total: int, weights: list[int]) -> list[int]:
    """`total` split in proportion to positive `weights`; the parts sum to it exactly."""
    whole = sum(weights)
    out, given, seen = [], 0, 0
    for weight in weights:
        seen += weight
        upto = total * seen // whole
        out.append(upto - given)
        given = upto
    return out
