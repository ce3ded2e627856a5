"""The definitions of the metrics, in plain Python: what the marts have to say about what was agreed and billed.

Written from the pages in `docs/metrics/`, for the default policy. It looks at no SQL, and goes about it in another way:
day by day it asks what holds at the day's end.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from functools import cached_property
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from tests.oracle.provider import Terms
from tests.oracle.script import Coupon

MINOR = {"jpy": 0, "kwd": 3}
MONTHS = {"month": Fraction(1), "year": Fraction(12), "week": Fraction(12, 52), "day": Fraction(12, 365)}
ZERO = Decimal("0.0000")

Rates = Mapping[str, Mapping[date, Decimal]]


def round_to(amount: Fraction, digits: int) -> Decimal:
    """Half-up, away from zero."""
    return (Decimal(amount.numerator) / Decimal(amount.denominator)).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)


def major(minor: int | Fraction, currency: str) -> Fraction:
    """An amount of minor units as one of major units."""
    return Fraction(minor) / 10 ** MINOR.get(currency, 2)


def is_lasting(coupon: Coupon, cycle: Fraction) -> bool:
    """Whether a discount covers two or more billing cycles; `cycle` is a cycle's length in months."""
    return coupon.duration == "forever" or (coupon.duration == "repeating" and (coupon.months or 0) >= 2 * cycle)


def mrr_of(terms: Terms) -> Decimal:
    """MRR of a subscription in its own currency: per item, net of lasting discounts and tax, by the month."""
    if terms.standing not in ("active", "past_due"):
        return ZERO
    cycle = MONTHS[terms.interval] * terms.count
    gross = {item.key: major(item.unit * item.quantity, terms.currency) for item in terms.items}
    whole = sum(gross.values())
    total = ZERO
    for key, amount in gross.items():
        net = amount
        lasting = [coupon for coupon, on in terms.coupons if on in (None, key) and is_lasting(coupon, cycle)]
        for coupon in lasting:
            net -= net * coupon.percent / 100
        for coupon, on in terms.coupons:
            if coupon in lasting and coupon.off and (on == key or on is None):
                share = Fraction(1) if on == key else (amount / whole if whole else Fraction(0))
                net -= major(coupon.off, terms.currency) * share
        total += round_to(max(net, Fraction(0)) / (1 + terms.tax_inside) / cycle, 4)
    return total


@dataclass
class AccountFigures:
    """What the marts must say about one account."""

    mrr: dict[date, Decimal] = field(default_factory=dict)
    committed: dict[date, Decimal] = field(default_factory=dict)
    at_risk: dict[date, Decimal] = field(default_factory=dict)
    constant: dict[date, Decimal] = field(default_factory=dict)
    movements: list[tuple[date, str, Decimal]] = field(default_factory=list)
    revenue: dict[date, Decimal] = field(default_factory=lambda: defaultdict(lambda: ZERO))
    cash: dict[date, Decimal] = field(default_factory=lambda: defaultdict(lambda: ZERO))


def first_of(day: date) -> date:
    return day.replace(day=1)


def next_month(month: date) -> date:
    return (month.replace(day=28) + timedelta(days=4)).replace(day=1)


@dataclass
class Company:
    """A company's books, and the conventions of its reports. `terms`: account, subscriptions, what held since when."""

    terms: Mapping[str, list[list[Terms]]]
    rows: Mapping[str, list[dict[str, Any]]]
    rates: Rates
    as_of: datetime
    zone: str
    currency: str

    def day_of(self, instant: datetime | str) -> date:
        """The reporting day of an instant in UTC."""
        moment = datetime.fromisoformat(instant) if isinstance(instant, str) else instant
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return aware.astimezone(ZoneInfo(self.zone)).date()

    @cached_property
    def today(self) -> date:
        return self.day_of(self.as_of)

    def rate(self, currency: str, day: date) -> Decimal:
        """The newest quote that is not younger than the day."""
        if currency == self.currency.lower():
            return Decimal(1)
        return self.rates[currency][max(quoted for quoted in self.rates[currency] if quoted <= day)]

    def convert(self, amount: Decimal, currency: str, day: date) -> Decimal:
        return (amount * self.rate(currency, day)).quantize(ZERO, ROUND_HALF_UP)

    def months(self, first: date) -> list[tuple[date, date, date]]:
        """Each month to the run's: its first day, the day before it, and the day on which it closes."""
        found, month = [], first_of(first)
        while month <= self.today:
            found.append((month, month - timedelta(days=1), min(next_month(month) - timedelta(days=1), self.today)))
            month = next_month(month)
        return found

    @cached_property
    def accounts(self) -> dict[str, AccountFigures]:
        """All figures by account."""
        found = {name: self._recurring(subscriptions) for name, subscriptions in self.terms.items()}
        self._recognise(found)
        self._settle(found)
        return found

    # --- recurring revenue ------------------------------------------------------------------------------------------

    def _recurring(self, subscriptions: list[list[Terms]]) -> AccountFigures:
        figures = AccountFigures()
        by_day = [
            {self.day_of(terms.since): terms for terms in sorted(s, key=lambda t: t.since)} for s in subscriptions
        ]
        turns = sorted({day for days in by_day for day in days})
        if not turns:
            return figures
        holding: list[Terms | None] = [None] * len(by_day)
        totals: dict[str, Decimal] = defaultdict(lambda: ZERO)
        has_been, is_customer = False, False
        for month, opens, closes in self.months(turns[0]):
            opening = dict(totals)
            for day in [turn for turn in turns if month <= turn <= closes]:
                holding = [days.get(day, held) for days, held in zip(by_day, holding, strict=True)]
                after: dict[str, Decimal] = defaultdict(lambda: ZERO)
                for terms in holding:
                    if terms:
                        after[terms.currency] += mrr_of(terms)
                moved = ZERO
                for currency in set(after) | set(totals):
                    if after[currency] != totals[currency]:
                        moved += self.convert(after[currency], currency, opens) - self.convert(
                            totals[currency], currency, opens
                        )
                if moved:
                    pays = any(after.values())
                    if not is_customer:
                        movement = "reactivation" if has_been else "new"
                    elif not pays:
                        movement = "churn"
                    else:
                        movement = "expansion" if moved > 0 else "contraction"
                    is_customer, has_been = pays, has_been or pays
                    figures.movements.append((day, movement, moved))
                totals = after
            effect = ZERO
            for currency in set(totals) | set(opening):
                at_close = self.convert(totals.get(currency, ZERO), currency, closes)
                effect += at_close - self.convert(totals.get(currency, ZERO), currency, opens)
            if effect:
                figures.movements.append((closes, "fx", effect))
            live = [terms for terms in holding if terms]
            figures.mrr[month] = self._sum(totals, closes)
            figures.constant[month] = self._sum(totals, opens)
            figures.committed[month] = self._sum(self._by_currency(t for t in live if not t.is_cancelling), closes)
            figures.at_risk[month] = self._sum(self._by_currency(t for t in live if t.standing == "past_due"), closes)
        return figures

    def _by_currency(self, terms: Iterable[Terms]) -> dict[str, Decimal]:
        found: dict[str, Decimal] = defaultdict(lambda: ZERO)
        for one in terms:
            found[one.currency] += mrr_of(one)
        return found

    def _sum(self, amounts: Mapping[str, Decimal], day: date) -> Decimal:
        return sum((self.convert(amount, currency, day) for currency, amount in amounts.items() if amount), ZERO)

    # --- recognised revenue and cash --------------------------------------------------------------------------------

    def _recognise(self, found: dict[str, AccountFigures]) -> None:
        invoices = {
            row["id"]: row for row in self.rows["invoices"] if row["status"] in ("paid", "open", "uncollectible")
        }
        lines = {row["id"]: row for row in self.rows["invoice_lines"] if row["invoice_id"] in invoices}

        def service(line: dict[str, Any]) -> tuple[date, date]:
            return self.day_of(line["period_start_at"]), self.day_of(line["period_end_at"])

        for line in lines.values():
            net = line["amount"] - line["discount_amount"] - line["inclusive_tax_amount"]
            self._spread(found, invoices[line["invoice_id"]], net, *service(line))
        noted: set[str] = set()
        for note in self.rows["credit_notes"]:
            noted |= set(note["refund_ids"])
            day = self.day_of(note["created_at"])
            for line in note["lines"]:
                of = lines.get(line.get("invoice_line_item", ""))
                self._spread(found, invoices[note["invoice_id"]], -line["amount"], *(service(of) if of else (day, day)))
        paid_by = {row["payment_intent_id"]: row["invoice_id"] for row in self.rows["invoice_payments"]}
        for refund in self.rows["refunds"]:
            if refund["status"] == "succeeded" and refund["id"] not in noted:
                invoice = invoices[paid_by[refund["payment_intent_id"]]]
                untaxed = Fraction(refund["amount"] * invoice["total_excluding_tax"], invoice["total"])
                day = self.day_of(refund["created_at"])
                self._spread(found, invoice, -int(round_to(untaxed, 0)), day, day)

    def _spread(
        self, found: dict[str, AccountFigures], invoice: dict[str, Any], minor: int, start: date, end: date
    ) -> None:
        """Over the days of service, the end's not among them; what lies after the run's day is not earned yet."""
        days = max((end - start).days, 1)
        native = round_to(major(minor, invoice["currency"]), 4)
        whole = self.convert(native, invoice["currency"], self.day_of(invoice["created_at"]))
        parts, sign = int(abs(whole) * 10000), -1 if whole < 0 else 1
        revenue = found[invoice["customer_id"].removeprefix("cus_")].revenue
        month = first_of(start)
        last = min(start + timedelta(days=days - 1), self.today)
        while month <= last:
            through = min(next_month(month) - timedelta(days=1), last)
            done = max((month - start).days, 0)
            part = parts * ((through - start).days + 1) // days - parts * done // days
            revenue[month] += Decimal(sign * part).scaleb(-4)
            month = next_month(month)

    def _settle(self, found: dict[str, AccountFigures]) -> None:
        payer = {row["id"]: row["customer_id"].removeprefix("cus_") for row in self.rows["charges"]}
        payer |= {row["id"]: payer[row["charge_id"]] for row in [*self.rows["refunds"], *self.rows["disputes"]]}
        for row in self.rows["balance_transactions"]:
            day = self.day_of(row["created_at"])
            amounts = [round_to(major(row[name], row["currency"]), 4) for name in ("amount", "fee")]
            amount, fee = (self.convert(value, row["currency"], day) for value in amounts)
            found[payer[row["source_id"]]].cash[first_of(day)] += amount - fee

    # --- the company ------------------------------------------------------------------------------------------------

    def money(self, amount: Decimal | Fraction) -> Decimal:
        return round_to(Fraction(amount), MINOR.get(self.currency.lower(), 2))

    def monthly(self) -> dict[date, dict[str, Any]]:
        """The company's figures by month; a ratio over nothing is None."""
        accounts = self.accounts.values()
        first = min(min([*f.mrr, *f.revenue, *f.cash], default=self.today) for f in accounts)
        found = {}
        for month, opens, _ in self.months(first):
            before = first_of(opens)
            opening = [(f.mrr.get(before, ZERO), f.constant.get(month, ZERO)) for f in accounts if f.mrr.get(before)]
            start, kept = sum(o for o, _ in opening), sum(min(o, c) for o, c in opening)
            moves: dict[str, Decimal] = defaultdict(lambda: ZERO)
            who: dict[str, set[int]] = defaultdict(set)
            for number, figures in enumerate(accounts):
                for day, movement, amount in figures.movements:
                    if first_of(day) == month:
                        moves[movement] += amount
                        who[movement].add(number)
            closing = sum((f.mrr.get(month, ZERO) for f in accounts), ZERO)
            customers = sum(1 for f in accounts if f.mrr.get(month))
            names = ("new", "expansion", "contraction", "churn", "reactivation", "fx")
            running = [Decimal(start)]
            for name in names:
                running.append(running[-1] + moves[name])
            shown = [self.money(amount) for amount in running]
            revenue = sum((f.revenue.get(month, ZERO) for f in accounts), ZERO)
            found[month] = {
                "mrr_opening": shown[0],
                **{f"mrr_{name}": b - a for name, (a, b) in zip(names, pairwise(shown), strict=True)},
                "mrr_closing": self.money(closing),
                "mrr_committed_end": self.money(sum((f.committed.get(month, ZERO) for f in accounts), ZERO)),
                "mrr_at_risk_end": self.money(sum((f.at_risk.get(month, ZERO) for f in accounts), ZERO)),
                "customers_start": len(opening),
                "customers_new": len(who["new"]),
                "customers_reactivated": len(who["reactivation"]),
                "customers_churned": len(who["churn"]),
                "customers_end": customers,
                "customer_churn_rate": len(who["churn"]) / len(opening) if opening else None,
                "gross_revenue_retention": float(Fraction(kept) / Fraction(start)) if start else None,
                "net_revenue_retention": float(Fraction(sum(c for _, c in opening)) / Fraction(start))
                if start
                else None,
                "arpa": self.money(Fraction(self.money(closing)) / customers) if customers else None,
                "recognised_revenue": self.money(revenue),
            }
        return found
