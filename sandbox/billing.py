"""An account as a billing customer: its Stripe customers, its subscriptions, and one-off invoices."""

from __future__ import annotations

import random

from sandbox.books import INVOICES, Books
from sandbox.catalog import Catalog
from sandbox.clock import DAY
from sandbox.payments import settle_at_once
from sandbox.story import Story
from sandbox.stripe_shapes import Line
from sandbox.subscription import Subscription
from sandbox.timeline import Object, Timeline

# Per cent of exclusive value added tax.
VAT = {"GB": 20, "FR": 20, "DE": 19, "NL": 21, "IE": 23}


def bill(story: Story, timeline: Timeline, catalog: Catalog, customers: list[Object], horizon: int) -> Books:
    """Write all of an account's billing up to `horizon`; `customers` holds one Stripe customer per life."""
    rng = story.rng("billing")
    percent = VAT.get(story.country)
    taxed = rng.random() < 0.6
    books = Books(timeline, catalog, (catalog.tax_rate[story.country], percent) if taxed and percent else None)
    for customer in customers:
        if customer["id"] not in books.customers:
            books.enter(customer)
    # A customer's balance is used in the order of time, so only customers with one subscription at a time get credit.
    alone = not any(life.second for life in story.lives)
    for number, (life, customer) in enumerate(zip(story.lives, customers, strict=True)):
        if life.start < horizon:
            Subscription(story, books, customer["id"], life, number, alone, horizon).live()
    if rng.random() < 0.18:
        _onboarding(story, books, customers[0]["id"], rng)
    books.assign_numbers()
    return books


def _onboarding(story: Story, books: Books, customer: str, rng: random.Random) -> None:
    """A one-off invoice for setting up, a draft for some days first; a few drafts are thrown away instead."""
    at = story.lives[0].start + int(rng.uniform(0.2, 9) * DAY)
    price = books.catalog.prices["onboarding", "once", story.currency, "first"]
    line = Line("Onboarding", price.unit_amount, at, at, price, 1)
    # Whatever credit there is belongs to the subscriptions: a one-off is charged in full.
    held, books.balances[customer] = books.balances[customer], 0
    invoice = {**books.draft(customer, None, "manual", at, (at, at), [line], []), "auto_advance": False}
    books.show_draft(invoice)
    if rng.random() < 0.1:
        books.timeline.remove(at + 2 * DAY, INVOICES, invoice["id"], "invoice.deleted")
    else:
        settle_at_once(books, invoice, [line], at + int(rng.uniform(0.5, 3) * DAY))
    books.balances[customer] = held
