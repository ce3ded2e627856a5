"""What a customer of a segment is worth: revenue a customer, margin of three months, and how long its stays last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from sandbox.clock import day_of
from sandbox.truth import months_from
from sandbox.truth_accounts import PART, ZERO, Account, Month
from sandbox.truth_economics import CENT, Spent, Survival, stays_of

FEW_ACCOUNTS = 5


def lifetimes(accounts: Sequence[Account], bills: Mapping[date, Spent], first: date, now: int) -> list[dict[str, Any]]:
    """By month and segment with customers: `clv` in US dollars (None where it cannot be said) and the months of it."""
    months = months_from(first, day_of(now))
    shares = [_shares(accounts, number, bills.get(month, Spent())) for number, month in enumerate(months)]
    segments = {pair for account in accounts for pair in account.segments.items()}
    segments |= {("plan", entry.plan) for account in accounts for entry in account.months if entry.closing}
    rows = []
    for kind, segment in sorted(segments):
        stays = [
            stay
            for account in accounts
            for stay in stays_of(account, months)
            if _is_in(account, account.months[stay[0]], kind, segment)
        ]
        survival, recent = Survival(stays), list[tuple[Decimal, Decimal] | None]()
        for number, month in enumerate(months):
            own = [
                (account, account.months[number])
                for account in accounts
                if _is_in(account, account.months[number], kind, segment)
            ]
            costs, revenue = shares[number], sum((entry.revenue for _, entry in own), ZERO)
            fees = sum(sum(entry.fees.values()) for _, entry in own) * PART
            shared = None if costs is None else sum((costs.get(account.truth_id, ZERO) for account, _ in own), ZERO)
            recent.append(None if shared is None else (revenue - fees - shared, revenue))
            there = [entry.closing for _, entry in own if entry.closing]
            if there:
                arpa = (sum(there, ZERO) / len(there)).quantize(CENT, ROUND_HALF_UP)
                counted = _present(accounts, number, kind, segment)
                rows.append(
                    {"month": month.isoformat(), "segment_type": kind, "segment": segment}
                    | _worth(arpa, recent[-3:], survival.lifetime(number), counted)
                )
    return rows


def _is_in(account: Account, entry: Month, kind: str, segment: str) -> bool:
    return (entry.plan if kind == "plan" else account.segments[kind]) == segment


def _present(accounts: Sequence[Account], number: int, kind: str, segment: str) -> int:
    """Accounts that were customers at any time of the month, in the plan of either end of it."""
    count = 0
    for account in accounts:
        entry = account.months[number]
        came = entry.moves.get("new") or entry.moves.get("reactivation")
        at_start = entry.opening and (entry.plan_open if kind == "plan" else account.segments[kind]) == segment
        count += bool(at_start or ((entry.opening or came) and _is_in(account, entry, kind, segment)))
    return count


def _shares(accounts: Sequence[Account], number: int, bill: Spent) -> dict[str, Decimal] | None:
    """What the accounts bear of the costs that all share, by their revenue; None for a month without books."""
    if not bill.known:
        return None
    weights = {each.truth_id: sum(max(part, 0) for part in each.months[number].earned.values()) for each in accounts}
    whole = sum(weights.values())
    return {name: bill.delivery * weight / whole for name, weight in weights.items()} if whole else {}


def _worth(
    arpa: Decimal,
    recent: Sequence[tuple[Decimal, Decimal] | None],
    lifetime: tuple[float, float, int] | None,
    present: int,
) -> dict[str, Any]:
    seen, beyond, left = lifetime or (None, None, 0)
    stays = None if seen is None or beyond is None else seen + beyond
    known = [month for month in recent if month is not None]
    revenue = sum((earned for _, earned in known), ZERO)
    clv = None
    if revenue and stays is not None and left and present >= FEW_ACCOUNTS:
        margin = float(sum((profit for profit, _ in known), ZERO)) / float(revenue)
        clv = str(Decimal(str(round(float(arpa) * margin * stays, 9))).quantize(CENT, ROUND_HALF_UP))
    return {"clv": clv, "clv_lifetime_months": stays}
