"""The files that a company keeps by hand: targets, costs, advertising spend, exchange rates, identity overrides."""

from __future__ import annotations

import csv
import random
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path

from sandbox.arrivals import Arrivals
from sandbox.channels import CHANNELS, Channel
from sandbox.clock import month_start, shift_months
from sandbox.rates import Rates

HEADERS = {
    "targets": ("metric", "month", "amount", "currency"),
    "costs": ("month", "category", "vendor", "amount", "currency"),
    "ad_spend": ("date", "channel", "campaign", "amount", "currency", "clicks", "impressions"),
    "exchange_rates": ("date", "currency", "to_currency", "rate"),
    "identity_overrides": (
        "action",
        "entity",
        "left_system",
        "left_type",
        "left_id",
        "right_system",
        "right_type",
        "right_id",
        "reason",
    ),
}
# Category, vendor, currency, fixed amount a month, amount per account that arrives in the month.
_COSTS = (
    ("hosting", "Northcloud", "USD", 1_400, 36),
    ("hosting", "Edgeline CDN", "EUR", 180, 4),
    ("support", "Support team", "USD", 2_600, 24),
    ("third_party", "Data licences", "GBP", 600, 6),
    ("customer_success", "Success team", "USD", 3_800, 60),
    ("sales_people", "Sales team", "USD", 7_000, 190),
    ("marketing_people", "Marketing team", "USD", 4_600, 90),
    ("sales_tools", "CRM seats", "USD", 700, 10),
    ("marketing_tools", "Email and web tools", "USD", 450, 8),
    ("programmes", "Content studio", "EUR", 900, 16),
    ("research_development", "Product team", "USD", 14_000, 220),
    ("general_administration", "Office and legal", "USD", 4_200, 40),
)


class Ledger:
    """Writes the ledger of one world; what is written for a day never changes afterwards."""

    def __init__(self, seed: int, start: date, accounts: int, arrivals: Arrivals, rates: Rates) -> None:
        self._seed, self._start, self._accounts = seed, start, accounts
        self._arrivals, self._rates = arrivals, rates

    def write(self, directory: Path, today: date, overrides: Iterable[Sequence[str]]) -> None:
        """Write all five files as they stand on the morning of `today`."""
        directory.mkdir(parents=True, exist_ok=True)
        rows: dict[str, Iterable[Sequence[object]]] = {
            "targets": self.targets(today),
            "costs": self.costs(today),
            "ad_spend": self.ad_spend(today),
            "exchange_rates": ((day, currency, "USD", rate) for day, currency, rate in self._rates.rows(today)),
            "identity_overrides": overrides,
        }
        for name, header in HEADERS.items():
            with (directory / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
                writer = csv.writer(file, lineterminator="\n")
                writer.writerow(header)
                writer.writerows(rows[name])

    def targets(self, today: date) -> Iterator[tuple[object, ...]]:
        """Goals by month from the beginning to a year after `today`: a plan made in advance, so it misses reality."""
        customers = mrr = 0.0
        month = self._start
        while month <= shift_months(month_start(today), 12):
            # The plan lets a lead take two months to buy.
            new = round(0.43 * self._arrivals.in_month(max(self._start, shift_months(month, -2))))
            new_mrr = new * 590.0
            customers = customers * 0.985 + new
            mrr = mrr * 0.985 + new_mrr
            for metric, amount, currency in (
                ("mrr", mrr, "USD"),
                ("recognised_revenue", mrr * 0.98, "USD"),
                ("new_mrr", new_mrr, "USD"),
                ("new_customers", new, ""),
                ("bookings", new_mrr * 12, "USD"),
            ):
                yield metric, month, f"{amount:.2f}" if currency else new, currency
            month = shift_months(month, 1)

    def costs(self, today: date) -> Iterator[tuple[object, ...]]:
        """Costs of every month that has ended; prices rise over time."""
        month = self._start
        while shift_months(month, 1) <= today:
            number = (month.year - self._start.year) * 12 + month.month - self._start.month
            for category, vendor, currency, fixed, each in _COSTS:
                rng = random.Random(f"{self._seed}:cost:{month}:{vendor}")
                # A small office at first: fixed costs reach their height in the third year.
                size = max(1.0, self._accounts / 250) * min(1.0, 0.2 + number / 40)
                amount = (fixed * size + each * self._arrivals.in_month(month)) * 1.004**number
                yield month, category, vendor, f"{amount * rng.uniform(0.94, 1.06):.2f}", currency
            month = shift_months(month, 1)

    def ad_spend(self, today: date) -> Iterator[tuple[object, ...]]:
        """Spend by day, channel and campaign up to yesterday; what leads of a channel cost, with noise."""
        day = self._start
        while day < today:
            rng = random.Random(f"{self._seed}:spend:{day}")
            per_day = self._arrivals.in_month(month_start(day)) / 30.4
            for channel in CHANNELS:
                yield from self._channel_day(channel, day, per_day, rng)
            day += timedelta(days=1)

    def _channel_day(
        self, channel: Channel, day: date, per_day: float, rng: random.Random
    ) -> Iterator[tuple[object, ...]]:
        years = (day - self._start).days / 365
        if not channel.cost or not channel.campaigns:
            return
        # Events are paid for once a month, partners and content on the first; clicks are bought every day.
        if channel.name in ("event", "partner", "referral", "organic_search", "email"):
            if day.day != 5:
                return
            amount = channel.cost * channel.share * per_day * 30.4
        else:
            amount = channel.cost * channel.share * per_day * (0.6 if day.weekday() >= 5 else 1.16)
        amount *= 1.05**years
        weights = [rng.uniform(0.6, 1.4) for _ in channel.campaigns]
        for campaign, weight in zip(channel.campaigns, weights, strict=True):
            spent = amount * weight / sum(weights)
            currency = "EUR" if campaign == "retargeting" else "USD"
            clicks = int(spent / rng.uniform(2.0, 6.0)) if channel.medium in ("cpc", "paid_social") else 0
            yield day, channel.name, campaign, f"{spent:.2f}", currency, clicks, clicks * rng.randrange(25, 60)
