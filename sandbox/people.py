"""An account's records of people and companies in the three systems, with the dirt that makes identity hard, and who is who.

What stays resolvable by rule: equal addresses, cross references, merges, company domains and associations. A handful of
records (a misspelt address that nothing refers to) cannot be resolved; they are as rare as they are in good data.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from functools import partial

from sandbox import names
from sandbox.catalog import Catalog, association
from sandbox.clock import DAY, HOUR, MINUTE, SECOND, iso
from sandbox.story import Person, Story
from sandbox.timeline import Object, Timeline, created_at, hubspot_number, token

PEOPLE = "encharge/people"
STAGES = ("subscriber", "lead", "marketingqualifiedlead", "salesqualifiedlead", "opportunity", "customer", "evangelist", "other")
SEGMENTS = (("101", "All leads"), ("102", "Customers"), ("103", "High score"), ("104", "Unsubscribed"))


@dataclass(slots=True)
class Recipient:
    """An Encharge person as the engagement generator sees it."""

    person: Person
    number: int
    id: str
    email: str
    joined: int
    unsubscribed: int | None
    bounces: bool
    gone: int | None = None
    scores: list[tuple[int, int, int]] = field(default_factory=list)
    tags: list[tuple[int, str]] = field(default_factory=list)


@dataclass(slots=True)
class Records:
    """What exists of an account in the systems, and the truth about it: rows of (system, type, id, truth id)."""

    companies: list[str] = field(default_factory=list)
    merged_at: int | None = None  # when the second company is merged into the first
    contacts: list[str | None] = field(default_factory=list)
    recipients: list[Recipient] = field(default_factory=list)
    customers: list[Object] = field(default_factory=list)
    people_truth: list[tuple[str, str, str, str]] = field(default_factory=list)
    account_truth: list[tuple[str, str, str, str]] = field(default_factory=list)


def company_key(story: Story) -> str:
    """The HubSpot id of the account's own company record."""
    return hubspot_number(company_at(story), story.index, 9)


def company_at(story: Story) -> int:
    """When the company record appears: half a minute before its first contact."""
    return story.lead_at - 30 * SECOND


def lifecycle(story: Story) -> list[tuple[int, str]]:
    """The lifecycle stages the account enters, with their instants; regressions and skipped stages occur."""
    rng = story.rng("lifecycle")
    early, back, other, fan = rng.random(), rng.random(), rng.random(), rng.random()
    first = "subscriber" if story.subscriber_first else "lead"
    path = [(story.lead_at, first)]
    if story.subscriber_first:
        until = story.mql_at or story.lead_at + 50 * DAY
        path.append((story.lead_at + int((until - story.lead_at) * (0.2 + 0.6 * early)), "lead"))
    if story.mql_at:
        path.append((story.mql_at, "marketingqualifiedlead"))
    if story.lost_reason and story.answered_at and back < 0.35:
        path.append((story.answered_at + int((2 + 10 * early) * DAY), "lead"))
    if story.sql_at:
        path.append((story.sql_at, "salesqualifiedlead"))
    deals = [deal for deal in story.deals if deal.kind == "newbusiness"]
    if deals:
        path.append((deals[0].created, "opportunity"))
    if len(deals) == 1 and not deals[0].won and back < 0.3:
        path.append((deals[0].closed + 5 * DAY, "marketingqualifiedlead"))
    customer_at = story.customer_at
    if customer_at:
        path.append((customer_at, "customer"))
        main = [life for life in story.lives if not life.second and life.converts]
        if fan < 0.05 and main[0].risk > customer_at + 300 * DAY:
            path.append((customer_at + 220 * DAY, "evangelist"))
        if other < 0.25:
            path.append((main[0].risk + int((5 + 25 * early) * DAY), "other"))
            if len(main) > 1:
                path.append((main[1].start, "customer"))
    return path


def write_people(story: Story, timeline: Timeline, catalog: Catalog) -> Records:
    """Write the companies, contacts, Encharge people and Stripe customers of an account; customers are put by billing."""
    rng = story.rng("people")
    records = Records()
    missing_domain = rng.random() < 0.04
    path = lifecycle(story)
    if story.company:
        _company(story, timeline, records, path, missing_domain, rng)
    for number, person in enumerate(story.people):
        truth = f"P{story.index:06}-{number}"
        contact = None
        if number == 0 or rng.random() < 0.92:
            contact = _contact(story, timeline, records, number, path if number == 0 else [], missing_domain, rng)
            records.people_truth.append(("hubspot", "contact", contact, truth))
        records.contacts.append(contact)
        if contact is None or rng.random() < 0.9:
            _recipient(story, timeline, records, number, contact, truth, rng)
        if contact and number > 0 and rng.random() < 0.05:
            timeline.archive(person.joined + int(rng.uniform(20, 700) * DAY), "contacts", contact)
    if story.company:
        _customers(story, timeline, catalog, records, missing_domain, rng)
        if rng.random() < 0.02:
            at = story.lead_at + 3 * DAY
            key = timeline.create(at, "contacts", {
                "email": f"info@{story.company.domain}", "lifecyclestage": "lead", "company": story.company.name,
            }, {"companies": association("contacts", "companies", [records.companies[0]])}, source="IMPORT")
            records.people_truth.append(("hubspot", "contact", key, f"P{story.index:06}-shared"))
    return records


# --- companies --------------------------------------------------------------------------------------------------------


def _company(
    story: Story, timeline: Timeline, records: Records, path: list[tuple[int, str]], missing_domain: bool, rng: random.Random
) -> None:
    company, at, truth = story.company, company_at(story), f"A{story.index:06}"
    assert company is not None
    properties: dict[str, str | None] = {
        "name": company.name, "domain": None if missing_domain else company.domain,
        "country": names.COUNTRY_NAME[company.country], "industry": company.industry,
        "numberofemployees": str(story.employees) if rng.random() < 0.9 else None, "lifecyclestage": path[0][1],
        "hs_analytics_source": story.channel.hubspot_source,
    }
    key = timeline.create(at, "companies", properties, source="AUTOMATION_PLATFORM", key=company_key(story))
    records.companies.append(key)
    records.account_truth.append(("hubspot", "company", key, truth))
    for when, stage in path[1:]:
        timeline.update(when + SECOND, "companies", key, {"lifecyclestage": stage}, "AUTOMATION_PLATFORM")
    if missing_domain and rng.random() < 0.5:
        timeline.update(at + int(rng.uniform(20, 300) * DAY), "companies", key, {"domain": company.domain})
    if story.parent:
        linked = max(at, company_at(story.parent)) + int(rng.uniform(1, 20) * DAY)
        timeline.update(linked, "companies", key, {"hs_parent_company_id": company_key(story.parent)})
    if story.owner and story.assigned_at:
        timeline.update(story.assigned_at, "companies", key, {"hubspot_owner_id": story.owner.id}, "AUTOMATION_PLATFORM")
    if story.executive and story.deals:
        timeline.update(story.deals[0].created, "companies", key, {"hubspot_owner_id": story.executive.id}, user=story.executive.user_id)
    if not missing_domain and len(story.people) > 1 and rng.random() < 0.06:
        second_at = max(story.people[1].joined - 20 * SECOND, at + MINUTE)
        second = timeline.create(second_at, "companies", {
            "name": company.brand.upper() if rng.random() < 0.5 else company.name.replace(" ", "  ", 1),
            "domain": company.domain, "country": names.COUNTRY_NAME[company.country], "lifecyclestage": "lead",
        }, source="IMPORT")
        records.companies.append(second)
        records.account_truth.append(("hubspot", "company", second, truth))
        if rng.random() < 0.5:
            records.merged_at = second_at + int(rng.uniform(20, 300) * DAY)
            _merge(timeline, "companies", key, second, records.merged_at, {})


def _merge(timeline: Timeline, stream: str, winner: str, loser: str, at: int, changes: dict[str, str | None]) -> None:
    """The loser is gone, the winner keeps its id among the merged ones."""
    timeline.remove(at, f"hubspot/{stream}", loser)
    timeline.call(at, f"hubspot/{stream}", winner, lambda old: _with_merged(old, loser, stream, at, changes))


def _with_merged(old: Object, loser: str, stream: str, at: int, changes: dict[str, str | None]) -> Object:
    merged = old["properties"].get("hs_merged_object_ids")
    values = {**old["properties"], **changes, "hs_merged_object_ids": f"{merged};{loser}" if merged else loser}
    values["lastmodifieddate" if stream == "contacts" else "hs_lastmodifieddate"] = iso(at)
    return {**old, "properties": values, "updatedAt": iso(at)}


def _relinked(old: Object, company: str, at: int) -> Object:
    """The contact after its company was merged into another one."""
    values = {**old["properties"], "associatedcompanyid": company, "lastmodifieddate": iso(at)}
    links = {**old["associations"], "companies": {"results": association("contacts", "companies", [company])}}
    return {**old, "properties": values, "updatedAt": iso(at), "associations": links}


# --- contacts ---------------------------------------------------------------------------------------------------------


def _contact(
    story: Story, timeline: Timeline, records: Records, number: int, path: list[tuple[int, str]], missing_domain: bool,
    rng: random.Random,
) -> str:
    """The contact of a person; a few have been entered twice and merged, some of them in a chain."""
    person = story.people[number]
    at = person.joined
    touch = story.touches[-1]
    linked = list(records.companies[:1])
    if len(records.companies) > 1 and number > 0 and rng.random() < 0.6:
        if records.merged_at is None or at < records.merged_at:
            linked = [records.companies[1]]
    own_mail = story.company is not None and person.email.endswith("@" + story.company.domain)
    loose = own_mail and not missing_domain and rng.random() < 0.08
    properties: dict[str, str | None] = {
        "email": person.email, "firstname": person.first if rng.random() < 0.97 else person.first.lower(),
        "lastname": person.last if rng.random() < 0.98 else names.misspelt(person.last, rng), "jobtitle": person.job,
        "company": story.company.name if story.company and rng.random() < 0.9 else None,
        "country": names.COUNTRY_NAME[person.country], "lifecyclestage": path[0][1] if path else "lead",
        "hs_analytics_source": story.channel.hubspot_source if number == 0 else "OFFLINE",
        "hs_analytics_source_data_1": (story.campaign or story.channel.name) if number == 0 else "CRM_UI",
        "associatedcompanyid": linked[0] if linked and not loose else None,
    }
    if number == 0:
        properties |= {"utm_source": touch.source or None, "utm_medium": touch.channel.medium or None,
                       "utm_campaign": touch.campaign or None}
    associations = {"companies": association("contacts", "companies", linked)} if linked and not loose else None
    key = timeline.create(at, "contacts", properties, associations, "FORM" if number == 0 else "CRM_UI")
    if associations and records.merged_at and linked != records.companies[:1]:
        timeline.call(records.merged_at, "hubspot/contacts", key,
                      partial(_relinked, company=records.companies[0], at=records.merged_at))
    for when, stage in path[1:]:
        timeline.update(when, "contacts", key, {"lifecyclestage": stage, f"hs_lifecyclestage_{stage}_date": iso(when)},
                        "AUTOMATION_PLATFORM")
    if number > 0 and story.customer_at:
        timeline.update(max(story.customer_at, at) + MINUTE, "contacts", key, {"lifecyclestage": "customer"}, "AUTOMATION_PLATFORM")
    if number == 0:
        _worked(story, timeline, key)
    if rng.random() < 0.05:
        _duplicates(story, timeline, records, person, number, key, associations, rng)
    return key


def _worked(story: Story, timeline: Timeline, key: str) -> None:
    """What sales does to the main contact: owners and lead status."""
    if not story.owner or not story.assigned_at:
        return
    timeline.update(story.assigned_at, "contacts", key, {
        "hubspot_owner_id": story.owner.id, "hubspot_owner_assigneddate": iso(story.assigned_at), "hs_lead_status": "NEW",
    }, "AUTOMATION_PLATFORM")
    user = story.owner.user_id
    if story.answered_at:
        timeline.update(story.answered_at + 2 * MINUTE, "contacts", key, {"hs_lead_status": "IN_PROGRESS"}, user=user)
        if story.lost_reason:
            timeline.update(story.answered_at + 2 * DAY, "contacts", key, {"hs_lead_status": story.lost_reason}, user=user)
    if story.sql_at and story.executive:
        timeline.update(story.sql_at + MINUTE, "contacts", key, {
            "hubspot_owner_id": story.executive.id, "hubspot_owner_assigneddate": iso(story.sql_at + MINUTE),
            "hs_lead_status": "CONNECTED"}, user=user)
    if story.deals:
        timeline.update(story.deals[0].created + MINUTE, "contacts", key, {"hs_lead_status": "OPEN_DEAL"}, user=story.deals[0].owner.user_id)


def _duplicates(
    story: Story, timeline: Timeline, records: Records, person: Person, number: int, key: str,
    associations: dict[str, list[Object]] | None, rng: random.Random,
) -> None:
    """The same person entered again under another address. Most are merged, some of those in a chain of three."""
    truth = f"P{story.index:06}-{number}"
    chained = rng.random() < 0.35
    other = f"{names.ascii_text(person.first)}{story.index}{number}@{rng.choice(names.FREE_MAIL)}"
    first_at = person.joined + int(rng.uniform(2, 60) * DAY)
    properties: dict[str, str | None] = {"email": other, "firstname": person.first, "lastname": person.last, "lifecyclestage": "lead"}
    first = timeline.create(first_at, "contacts", properties, associations, "IMPORT")
    records.people_truth.append(("hubspot", "contact", first, truth))
    if not chained:
        if rng.random() < 0.93:
            _merge(timeline, "contacts", key, first, first_at + int(rng.uniform(1, 90) * DAY), {"hs_additional_emails": other})
        return
    spelt = f"{names.misspelt(person.email.split('@')[0], rng)}{number}@{person.email.split('@')[1]}"
    second_at = first_at + int(rng.uniform(1, 30) * DAY)
    second = timeline.create(second_at, "contacts", {**properties, "email": spelt}, associations, "IMPORT")
    records.people_truth.append(("hubspot", "contact", second, truth))
    merged_at = second_at + int(rng.uniform(1, 20) * DAY)
    _merge(timeline, "contacts", second, first, merged_at, {"hs_additional_emails": other})
    final_at = merged_at + int(rng.uniform(1, 60) * DAY)
    timeline.remove(final_at, "hubspot/contacts", second)
    timeline.call(final_at, "hubspot/contacts", key, lambda old: _with_merged(
        _with_merged(old, first, "contacts", final_at, {}), second, "contacts", final_at,
        {"hs_additional_emails": f"{spelt};{other}"}))


# --- Encharge ---------------------------------------------------------------------------------------------------------


def _recipient(
    story: Story, timeline: Timeline, records: Records, number: int, contact: str | None, truth: str, rng: random.Random
) -> None:
    """The Encharge person; a few people have a second one under a plus-tag address that only a cross reference explains."""
    person = story.people[number]
    email = names.other_case(person.email, rng) if rng.random() < 0.25 else person.email
    crossed = contact is not None and rng.random() < 0.7
    if crossed and rng.random() < 0.02:
        local, domain = person.email.split("@")
        email = f"{names.misspelt(local, rng)}@{domain}"
    recipient = _enlist(story, timeline, records, number, email, person.joined + 5 * SECOND, contact if crossed else None, rng)
    records.people_truth.append(("encharge", "person", recipient.id, truth))
    if crossed and rng.random() < 0.015:
        local, domain = person.email.split("@")
        joined = person.joined + int(rng.uniform(5, 100) * DAY)
        alias = _enlist(story, timeline, records, number, f"{local}+trial@{domain}", joined, contact, rng)
        records.people_truth.append(("encharge", "person", alias.id, truth))


def _enlist(
    story: Story, timeline: Timeline, records: Records, number: int, email: str, at: int, contact: str | None, rng: random.Random
) -> Recipient:
    person, touch = story.people[number], story.touches[-1]
    key = token(story.seed, "person", story.index, number, email, size=20).lower()
    quits = rng.random() < 0.16
    unsubscribed = at + int(rng.expovariate(1 / 300) * DAY) + DAY if quits else None
    gone = at + int(rng.uniform(100, 700) * DAY) if rng.random() < 0.01 else None
    recipient = Recipient(person, number, key, email, at, unsubscribed, rng.random() < 0.02, gone)
    records.recipients.append(recipient)
    main = number == 0
    late = contact is not None and rng.random() < 0.3
    timeline.put(at, PEOPLE, {
        "id": key, "email": email, "firstName": person.first, "lastName": person.last,
        "company": story.company.name if story.company else None, "country": names.COUNTRY_NAME[person.country],
        "userId": f"u{story.index}-{number}" if rng.random() < 0.4 else None, "leadScore": 0, "unsubscribed": False,
        "hubspotId": None if late else contact, "stripeCustomerId": None, "utmSource": (touch.source or None) if main else None,
        "utmMedium": (touch.channel.medium or None) if main else None, "utmCampaign": (touch.campaign or None) if main else None,
        "referrer": f"https://www.{touch.source}.com/" if main and touch.channel.medium in ("organic", "cpc") else None,
        "tags": [], "createdAt": iso(at),
    })
    if late:
        timeline.patch(at + int(rng.uniform(0.1, 4) * DAY), PEOPLE, key, {"hubspotId": contact})
    if unsubscribed:
        timeline.patch(unsubscribed, PEOPLE, key, {"unsubscribed": True})
    _belongs(timeline, at, recipient, "101")
    _scores(story, timeline, recipient, rng)
    _tags(story, timeline, recipient, rng)
    if gone:
        timeline.remove(gone, PEOPLE, key)
        for segment, _ in SEGMENTS:
            timeline.remove(gone, "encharge/segment_people", f"{segment}:{key}")
    return recipient


def _belongs(timeline: Timeline, at: int, recipient: Recipient, segment: str) -> None:
    if recipient.gone is None or at < recipient.gone:
        key = f"{segment}:{recipient.id}"
        timeline.put(at, "encharge/segment_people", {"id": key, "segmentId": segment, "personId": recipient.id})


def _scores(story: Story, timeline: Timeline, recipient: Recipient, rng: random.Random) -> None:
    """The lead score rises with interest and stages, and falls with silence and before an end."""
    marks = [(recipient.joined + MINUTE, rng.randrange(5, 16))]
    if recipient.number == 0:
        marks += [(at, gain) for at, gain in ((story.mql_at, 30), (story.sql_at, 15)) if at]
        if story.mql_at is None:
            marks.append((recipient.joined + 45 * DAY, -8))
    first = next((life for life in story.lives if life.converts), None)
    if first:
        marks += [(first.start + 2 * DAY, 20), (first.risk - 60 * DAY, -15), (first.risk - 25 * DAY, -20)]
    value = 0
    for at, change in sorted(mark for mark in marks if mark[0] > recipient.joined):
        new = max(0, value + change)
        if new != value:
            recipient.scores.append((at, new, new - value))
            timeline.patch(at, PEOPLE, recipient.id, {"leadScore": new})
        if new >= 40 > value:
            _belongs(timeline, at, recipient, "103")
        elif value >= 40 > new:
            timeline.remove(at, "encharge/segment_people", f"103:{recipient.id}")
        value = new


def _tags(story: Story, timeline: Timeline, recipient: Recipient, rng: random.Random) -> None:
    marks = [(recipient.joined + 2 * SECOND, "newsletter" if story.subscriber_first else "lead")]
    customer_at = story.customer_at
    if customer_at and recipient.number < 2:
        marks.append((max(customer_at, recipient.joined) + HOUR, "customer"))
    trial = next((life for life in story.lives if life.trial_days), None)
    if trial and recipient.number == 0 and trial.start > recipient.joined:
        marks.append((trial.start + SECOND, "trial"))
    recipient.tags = sorted(marks)
    for number, (at, tag) in enumerate(recipient.tags, start=1):
        timeline.patch(at, PEOPLE, recipient.id, {"tags": [name for _, name in recipient.tags[:number]]})
        if tag == "customer":
            _belongs(timeline, at, recipient, "102")
    if recipient.unsubscribed:
        _belongs(timeline, recipient.unsubscribed, recipient, "104")


# --- Stripe customers -------------------------------------------------------------------------------------------------


def _customers(
    story: Story, timeline: Timeline, catalog: Catalog, records: Records, missing_domain: bool, rng: random.Random
) -> None:
    """One customer per account, sometimes another one for a comeback. It is linked by CRM id, by billing id, or by mail."""
    if not story.lives:
        return
    company, truth = story.company, f"A{story.index:06}"
    assert company is not None
    first = _customer(story, timeline, catalog, records, 0, story.lives[0].start, missing_domain, rng)
    records.account_truth.append(("stripe", "customer", first["id"], truth))
    for number, life in enumerate(story.lives):
        comeback = number > 0 and not life.second and rng.random() < 0.12
        if comeback:
            again = _customer(story, timeline, catalog, records, number, life.start, missing_domain, rng, crossed=True)
            records.account_truth.append(("stripe", "customer", again["id"], truth))
            records.customers.append(again)
        else:
            records.customers.append(first)


def _customer(
    story: Story, timeline: Timeline, catalog: Catalog, records: Records, number: int, start: int, missing_domain: bool,
    rng: random.Random, crossed: bool = False,
) -> Object:
    company = story.company
    assert company is not None
    key = "cus_" + token(catalog.seed, "customer", story.index, number, size=14)
    created = start - start % MINUTE - 2 * MINUTE
    payer = 1 if len(story.people) > 1 and story.people[1].joined < created and rng.random() < 0.2 else 0
    shared = rng.random() < 0.25
    email = f"{rng.choice(('billing', 'accounts', 'info'))}@{company.domain}" if shared else story.people[payer].email
    at_home = email.endswith("@" + company.domain)
    if not shared and rng.random() < 0.2:
        email = names.other_case(email, rng).strip()
    way = rng.random()
    if crossed or missing_domain or not at_home:
        way *= 0.8
    metadata: Object = {}
    if way < 0.68:
        known = [other for other in records.companies if created_at(other) < created]
        metadata = {"hubspot_company_id": rng.choice(known)}
        if number == 0 and rng.random() < 0.6:
            timeline.update(created + HOUR, "companies", records.companies[0], {"stripe_customer_id": key}, "INTEGRATION")
    elif way < 0.84:
        timeline.update(created + HOUR, "companies", records.companies[0], {"stripe_customer_id": key}, "INTEGRATION")
    if not shared:
        records.people_truth.append(("stripe", "customer", key, f"P{story.index:06}-{payer}"))
    for recipient in records.recipients:
        if recipient.number == payer and recipient.joined < created and rng.random() < 0.5:
            timeline.patch(created + MINUTE, PEOPLE, recipient.id, {"stripeCustomerId": key})
            break
    first_name, last_name = story.people[payer].first, story.people[payer].last
    return {
        "id": key, "object": "customer", "address": {
            "city": None, "country": company.country, "line1": None, "line2": None, "postal_code": None, "state": None},
        "balance": 0, "created": created // SECOND, "currency": story.currency.lower(), "default_source": None,
        "delinquent": False, "description": None, "email": email,
        "invoice_prefix": token(catalog.seed, "prefix", key, size=8).upper(), "invoice_settings": {
            "custom_fields": None, "default_payment_method": None, "footer": None, "rendering_options": None},
        "livemode": False, "metadata": metadata, "name": company.name if rng.random() < 0.7 else f"{first_name} {last_name}",
        "phone": None, "preferred_locales": [], "shipping": None, "tax_exempt": "none", "test_clock": None,
    }
