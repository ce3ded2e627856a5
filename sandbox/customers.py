"""An account's customers in Stripe, and what links them to the account: a CRM id, a billing id, or only a mail."""

from __future__ import annotations

import random

from sandbox import names
from sandbox.catalog import Catalog
from sandbox.clock import HOUR, MINUTE, seconds
from sandbox.recipients import PEOPLE
from sandbox.records import Records, account_truth, person_truth
from sandbox.story import Story
from sandbox.timeline import Object, Timeline, created_at, token


def make_customers(story: Story, timeline: Timeline, catalog: Catalog, records: Records, rng: random.Random) -> None:
    """One customer per account, sometimes another one for a comeback: `records.customers` has one for each life."""
    first: Object | None = None
    for number, life in enumerate(story.lives):
        comeback = number > 0 and not life.second and rng.random() < 0.12
        if first is None or comeback:
            made = _customer(story, timeline, catalog, records, number, life.start, rng)
            records.account_truth.append(("stripe", "customer", made["id"], account_truth(story)))
            first = first or made
            records.customers.append(made)
        else:
            records.customers.append(first)


def _customer(
    story: Story,
    timeline: Timeline,
    catalog: Catalog,
    records: Records,
    number: int,
    start: int,
    rng: random.Random,
) -> Object:
    company = story.company
    assert company is not None
    key = "cus_" + token(catalog.seed, "customer", story.index, number, size=14)
    created = start - start % MINUTE - 2 * MINUTE
    colleague = len(story.people) > 1 and story.people[1].joined < created
    payer = 1 if colleague and rng.random() < 0.2 else 0
    shared = rng.random() < 0.25
    email = story.people[payer].email
    if shared:
        email = f"{rng.choice(('billing', 'accounts', 'info'))}@{company.domain}"
    mess = story.rng(f"billing mess {number}")
    if story.reseller:
        email, shared = _reseller_mailbox(story.reseller, records, key, shared)
    elif shared and story.mail_domain != company.domain:
        email = email.replace(f"@{company.domain}", f"@{story.mail_domain}")
    at_home = email.endswith("@" + company.domain)
    if not shared:
        if not story.reseller:
            records.people_truth.append(("stripe", "customer", key, person_truth(story, payer)))
        records.known[key] = created
        if rng.random() < 0.2:
            email = names.other_case(email, rng).strip()
    # A mail alone is a link only where it leads to the company's domain.
    found_by_mail = at_home and not records.missing_domain and number == 0
    metadata: Object = {}
    way = rng.random() if found_by_mail else 0.8 * rng.random()
    both = rng.random() < 0.4
    if mess.random() < story.dirt.lost_reference:
        way, both = 1.0, False
    if way < 0.68:
        known = [other for other in records.companies if created_at(other) < created]
        metadata = {"hubspot_company_id": rng.choice(known)}
    if number == 0 and (0.68 <= way < 0.84 or (way < 0.68 and both)):
        changes: dict[str, str | None] = {"stripe_customer_id": key}
        timeline.update(created + HOUR, "companies", records.companies[0], changes, "INTEGRATION")
    elif number > 0 and not metadata and way < 1.0:
        metadata = {"hubspot_company_id": records.companies[0]}
    for recipient in () if story.reseller else records.recipients:
        if recipient.number == payer and recipient.joined < created and rng.random() < 0.5:
            timeline.patch(created + MINUTE, PEOPLE, recipient.id, {"stripeCustomerId": key})
            break
    person = story.people[payer]
    name = company.name if rng.random() < 0.7 else f"{person.first} {person.last}"
    return _object(key, created, email, name, company.country, story.currency, metadata, catalog.seed)


def _reseller_mailbox(reseller: Story, records: Records, key: str, shared: bool) -> tuple[str, bool]:
    """The mailbox that a reseller gives for its clients: a shared one, or that of its first contact."""
    assert reseller.company is not None
    if shared:
        return f"billing@{reseller.company.domain}", True
    records.people_truth.append(("stripe", "customer", key, person_truth(reseller, 0)))
    return reseller.people[0].email, False


def _object(
    key: str, created: int, email: str, name: str, country: str, currency: str, metadata: Object, seed: int
) -> Object:
    address = {"city": None, "country": country, "line1": None, "line2": None, "postal_code": None, "state": None}
    settings = {"custom_fields": None, "default_payment_method": None, "footer": None, "rendering_options": None}
    return {
        "id": key,
        "object": "customer",
        "address": address,
        "balance": 0,
        "created": seconds(created),
        "currency": currency.lower(),
        "default_source": None,
        "delinquent": False,
        "description": None,
        "email": email,
        "invoice_prefix": token(seed, "prefix", key, size=8).upper(),
        "invoice_settings": settings,
        "livemode": False,
        "metadata": metadata,
        "name": name,
        "phone": None,
        "preferred_locales": [],
        "shipping": None,
        "tax_exempt": "none",
        "test_clock": None,
    }
