"""The books of one account: its Stripe customers and balances, invoices up to being open, their numbers, facts."""

from __future__ import annotations

import random
from collections.abc import Sequence
from fractions import Fraction

from sandbox import stripe_shapes as shapes
from sandbox.catalog import Catalog
from sandbox.clock import seconds
from sandbox.facts import Billed, Fact
from sandbox.money import half_up
from sandbox.timeline import Object, Timeline, token

CUSTOMERS, INVOICES, CHARGES = "stripe/customers", "stripe/invoices", "stripe/charges"


class Books:
    """What an account's billing writes to: `tax` is (tax rate id, percent) where exclusive tax applies."""

    def __init__(self, timeline: Timeline, catalog: Catalog, tax: tuple[str, int] | None) -> None:
        self.timeline = timeline
        self.catalog = catalog
        self.tax = tax
        self.facts: list[Fact] = []
        self.customers: dict[str, Object] = {}
        self.balances: dict[str, int] = {}
        self._numbered: list[tuple[int, Object]] = []
        self._drafts: set[str] = set()

    def key(self, prefix: str, *parts: object, size: int = 23) -> str:
        """A provider id, made from what it belongs to."""
        return prefix + token(self.catalog.seed, prefix, *parts, size=size)

    def enter(self, customer: Object) -> None:
        """A customer appears, with nothing on balance."""
        self.customers[customer["id"]] = customer
        self.balances[customer["id"]] = 0
        self.timeline.put(customer["created"] * 1000, CUSTOMERS, customer, "customer.created")

    def tax_on(self, net: int) -> int:
        """The exclusive tax on an amount in minor units."""
        return half_up(Fraction(net * self.tax[1], 100)) if self.tax else 0

    def draft(
        self,
        customer: str,
        subscription: str | None,
        reason: str,
        at: int,
        period: tuple[int, int],
        lines: Sequence[shapes.Line],
        discounts: list[Object],
        collection: str = "charge_automatically",
    ) -> Object:
        """Work out an invoice: taxes, totals, the customer's balance. Nothing is written yet."""
        key = self.key("in_1", customer, subscription, reason, at)
        rate = self.tax[0] if self.tax else None
        items = []
        for number, line in enumerate(lines):
            line.id = self.key("il_1", key, number)
            line.tax = self.tax_on(line.net)
            own = None if line.subscription and not line.proration else self.key("ii_1", key, number)
            items.append(shapes.line_item(line, key, own, rate))
        owner, balance = self.customers[customer], self.balances[customer]
        return shapes.invoice(
            key, owner, subscription, reason, at, period, lines, items, discounts, rate, collection, balance
        )

    def finalize(self, invoice: Object, lines: Sequence[shapes.Line], at: int) -> Object:
        """The open invoice, the balance applied to it, its lines on record as sold. The invoice is not written yet."""
        customer, total = invoice["customer"], invoice["total"]
        before = after = self.balances[customer]
        if total < 0:
            after = before + total
        elif before < 0:
            after = before + min(total, -before)
        if after != before:
            self.balances[customer] = after
            self.timeline.patch(at, CUSTOMERS, customer, {"balance": after}, "customer.updated")
        for line in lines:
            fact = Billed(at, invoice["id"], line.net, line.price.currency, line.start, line.end, at, line.price.name)
            self.facts.append(fact)
        return {
            **invoice,
            "status": "open",
            "effective_at": seconds(at),
            "ending_balance": after,
            "status_transitions": {**invoice["status_transitions"], "finalized_at": seconds(at)},
        }

    def show_draft(self, invoice: Object) -> None:
        """A draft that can be seen for a while."""
        self._drafts.add(invoice["id"])
        self.timeline.put(invoice["created"] * 1000, INVOICES, invoice, "invoice.created")

    def write(self, invoice: Object, at: int, finalized: int, *events: tuple[str, int]) -> None:
        """The invoice appears as it is at `at`; its number is given once all of the account's are known."""
        seen = [] if invoice["id"] in self._drafts else [("invoice.created", invoice["created"] * 1000)]
        self.timeline.put(at, INVOICES, invoice, *seen, ("invoice.finalized", finalized), *events)
        self._numbered.append((finalized, invoice))

    def assign_numbers(self) -> None:
        """Number the invoices of each customer in the order in which they were finalised."""
        given: dict[str, int] = {}
        for _, invoice in sorted(self._numbered, key=lambda entry: (entry[0], entry[1]["id"])):
            prefix = self.customers[invoice["customer"]]["invoice_prefix"]
            given[prefix] = given.get(prefix, 0) + 1
            invoice["number"] = f"{prefix}-{given[prefix]:04}"

    def card(self, customer: str) -> Object:
        """The customer's card, always the same one."""
        rng = random.Random(f"{self.catalog.seed}:card:{customer}")
        details = {
            "brand": rng.choice(("visa", "mastercard", "amex")),
            "country": self.customers[customer]["address"]["country"],
            "exp_month": rng.randrange(1, 13),
            "exp_year": 2030,
            "funding": "credit",
            "last4": f"{rng.randrange(10_000):04}",
        }
        return {"id": self.key("pm_1", customer), "card": details}

    def move(
        self, key: str, kind: str, category: str, amount: int, fee: int, currency: str, source: str, at: int, text: str
    ) -> Object:
        """A balance transaction; `amount` before the `fee`, both in minor units."""
        entry = shapes.balance_transaction(key, kind, category, amount, fee, currency, source, at, text)
        self.timeline.put(at, "stripe/balance_transactions", entry)
        return entry


def rated_at(invoice: Object) -> int:
    """The instant whose exchange rate an invoice is converted at."""
    return (invoice["status_transitions"]["finalized_at"] or invoice["created"]) * 1000
