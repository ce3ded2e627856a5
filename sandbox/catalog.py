"""What the company sells and who sells it: plans, prices, coupons, pipeline stages, representatives."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import date

from sandbox.clock import DAY, HOUR, instant, seconds
from sandbox.timeline import Object, token

CURRENCIES = ("USD", "EUR", "GBP", "JPY")
EXPONENT = {"USD": 2, "EUR": 2, "GBP": 2, "JPY": 0}
# What one US dollar of list price becomes in another currency's price list.
PRICE_LEVEL = {"USD": 1.0, "EUR": 0.92, "GBP": 0.8, "JPY": 140.0}


# Stage: HubSpot's id, label, win probability, closed.
# fmt: off
DEAL_STAGES = (
    ("appointmentscheduled", "Appointment scheduled", "0.2", False),
    ("qualifiedtobuy", "Qualified to buy", "0.4", False),
    ("presentationscheduled", "Presentation scheduled", "0.6", False),
    ("decisionmakerboughtin", "Decision maker bought in", "0.8", False),
    ("contractsent", "Contract sent", "0.9", False),
    ("closedwon", "Closed won", "1.0", True),
    ("closedlost", "Closed lost", "0.0", True),
)
# fmt: on
STAGE_PROBABILITY = {stage: probability for stage, _, probability, _ in DEAL_STAGES}
TICKET_STAGES = (
    ("1", "New", "OPEN"),
    ("2", "Waiting on contact", "OPEN"),
    ("3", "Waiting on us", "OPEN"),
    ("4", "Closed", "CLOSED"),
)

# Product: name, monthly list price in US dollars a seat; the year costs ten months.
PLANS = (
    ("starter", "Starter", 19),
    ("growth", "Growth", 49),
    ("scale", "Scale", 99),
    ("insights", "Insights add-on", 12),
)
# fmt: off
COUPONS = (
    ("launch20", "Launch partner 20 %", 20, None, "forever", None),
    ("half6", "Half a year at 25 % off", 25, None, "repeating", 6),
    ("welcome30", "Welcome 30 %", 30, None, "once", None),
    ("loyal15usd", "15 USD off for good", None, ("USD", 1500), "forever", None),
    ("loyal15eur", "15 EUR off for good", None, ("EUR", 1500), "forever", None),
)
# fmt: on


@dataclass(frozen=True, slots=True)
class Price:
    """A price of a plan: `unit_amount` in minor units of `currency` per seat and `interval`."""

    id: str
    product: str
    plan: str
    name: str
    currency: str
    interval: str
    unit_amount: int
    object: Object


@dataclass(frozen=True, slots=True)
class Coupon:
    """A discount: a percentage, or an amount in minor units of one currency."""

    id: str
    percent_off: int | None
    amount_off: int | None
    currency: str | None
    duration: str
    months: int | None
    object: Object


@dataclass(frozen=True, slots=True)
class Representative:
    """Someone who works leads; `speed` is the median number of hours to the first answer, `skill` shifts log-odds."""

    id: str
    user_id: str
    first_name: str
    last_name: str
    team: str
    speed: float
    skill: float
    email: str


class Catalog:
    """Prices, coupons and people of the company, the same for every date of one seed and beginning."""

    def __init__(self, seed: int, start: date, accounts: int) -> None:
        self.seed = seed
        self.start = instant(start)
        self.products: list[Object] = []
        self.prices: dict[tuple[str, str, str, str], Price] = {}
        self.coupons: dict[str, Coupon] = {}
        self.raised_at = instant(start) + 560 * DAY
        rng = random.Random(f"{seed}:catalog")
        self._plans()
        self._coupons()
        self.representatives = _representatives(rng, seed, accounts)
        self.tax_rate = {
            country: f"txr_1{token(seed, 'tax', country, size=23)}" for country in ("DE", "FR", "NL", "IE", "GB")
        }

    def price(self, plan: str, interval: str, currency: str, at: int) -> Price:
        """The price that a new customer gets at `at`; the Growth plan was raised once and old customers kept theirs."""
        list_name = "raised" if plan == "growth" and at >= self.raised_at else "first"
        return self.prices[plan, interval, currency, list_name]

    def team(self, name: str) -> list[Representative]:
        """The representatives of a team."""
        return [person for person in self.representatives if person.team == name]

    def _plans(self) -> None:
        for plan, name, dollars in PLANS:
            product = "prod_" + token(self.seed, "product", plan, size=14)
            self.products.append(_product(product, name, plan, self.start))
            for interval in ("month", "year"):
                for currency in CURRENCIES:
                    self._price(plan, name, product, interval, currency, "first", dollars, self.start)
                    if plan == "growth":
                        self._price(plan, name, product, interval, currency, "raised", dollars + 6, self.raised_at)
        onboarding = "prod_" + token(self.seed, "product", "onboarding", size=14)
        self.products.append(_product(onboarding, "Onboarding", "onboarding", self.start))
        for currency in CURRENCIES:
            self._price("onboarding", "Onboarding", onboarding, "once", currency, "first", 1200, self.start)

    def _price(
        self, plan: str, name: str, product: str, interval: str, currency: str, list_name: str, dollars: int, at: int
    ) -> None:
        local = dollars * PRICE_LEVEL[currency]
        major = round(local, -1) if currency == "JPY" else round(local)
        amount = int(major * (10 if interval == "year" else 1)) * 10 ** EXPONENT[currency]
        key = "price_1" + token(self.seed, "price", plan, interval, currency, list_name, size=23)
        recurring = (
            None
            if interval == "once"
            else {
                "interval": interval,
                "interval_count": 1,
                "meter": None,
                "trial_period_days": None,
                "usage_type": "licensed",
            }
        )
        self.prices[plan, interval, currency, list_name] = Price(
            key,
            product,
            plan,
            name,
            currency,
            interval,
            amount,
            {
                "id": key,
                "object": "price",
                "active": True,
                "billing_scheme": "per_unit",
                "created": seconds(at),
                "currency": currency.lower(),
                "custom_unit_amount": None,
                "livemode": False,
                "lookup_key": None,
                "metadata": {},
                "nickname": f"{name} {interval} {currency}",
                "product": product,
                "recurring": recurring,
                "tax_behavior": "exclusive",
                "tiers_mode": None,
                "transform_quantity": None,
                "type": "one_time" if recurring is None else "recurring",
                "unit_amount": amount,
                "unit_amount_decimal": str(amount),
            },
        )

    def _coupons(self) -> None:
        for key, name, percent, amount, duration, months in COUPONS:
            currency, off = amount or (None, None)
            self.coupons[key] = Coupon(
                key,
                percent,
                off,
                currency,
                duration,
                months,
                {
                    "id": key,
                    "object": "coupon",
                    "amount_off": off,
                    "created": seconds(self.start) + 3600,
                    "currency": currency.lower() if currency else None,
                    "duration": duration,
                    "duration_in_months": months,
                    "livemode": False,
                    "max_redemptions": None,
                    "metadata": {},
                    "name": name,
                    "percent_off": percent,
                    "redeem_by": None,
                    "times_redeemed": 0,
                    "valid": True,
                },
            )


def _product(key: str, name: str, plan: str, at: int) -> Object:
    return {
        "id": key,
        "object": "product",
        "active": True,
        "created": seconds(at),
        "default_price": None,
        "description": None,
        "images": [],
        "livemode": False,
        "marketing_features": [],
        "metadata": {"plan": plan},
        "name": name,
        "package_dimensions": None,
        "shippable": None,
        "statement_descriptor": None,
        "tax_code": None,
        "type": "service",
        "unit_label": "seat",
        "updated": seconds(at + HOUR),
        "url": None,
    }


_FIRST = (
    "Maya",
    "Tom",
    "Ines",
    "Jonas",
    "Priya",
    "Liam",
    "Nora",
    "Felix",
    "Aiko",
    "Sam",
    "Lea",
    "Victor",
    "Ruth",
    "Omar",
)
_LAST = (
    "Berg",
    "Okafor",
    "Lindqvist",
    "Moreau",
    "Patel",
    "Novak",
    "Keller",
    "Tanaka",
    "Walsh",
    "Costa",
    "Ferris",
    "Haddad",
)


def _representatives(rng: random.Random, seed: int, accounts: int) -> list[Representative]:
    scale = max(1, min(8, accounts // 250))
    people = []
    for team, size in (
        ("Sales Development", 3 * scale),
        ("Account Executives", 4 * scale),
        ("Customer Success", 2 * scale),
    ):
        for _ in range(size):
            number = len(people)
            first, last = rng.choice(_FIRST), rng.choice(_LAST)
            email = f"{first}.{last}{number}@throughlinedemo.com".lower()
            people.append(
                Representative(
                    str(41_000_000 + seed % 1000 * 1000 + number),
                    str(9_100_000 + number),
                    first,
                    last,
                    team,
                    rng.choice((0.6, 1.5, 3.0, 6.0, 14.0, 30.0)),
                    rng.gauss(0, 0.25),
                    email,
                )
            )
    return people
