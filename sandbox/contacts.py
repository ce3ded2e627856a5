"""An account's companies and contacts in HubSpot: entered by forms and by hand, at times twice, merged, archived."""

from __future__ import annotations

import random
from functools import partial

from sandbox import names
from sandbox.associations import association
from sandbox.clock import DAY, HOUR, MINUTE, SECOND, iso
from sandbox.records import Records, account_truth, company_at, company_key, person_truth
from sandbox.sales_facts import Assigned
from sandbox.story import Person, Story
from sandbox.timeline import Object, Timeline, created_at, modified_property

Path = list[tuple[int, str]]


def write_company_records(story: Story, timeline: Timeline, records: Records, path: Path, rng: random.Random) -> None:
    """The company, its owner and stages; sometimes a second record of it, which may be merged later."""
    company, at = story.company, company_at(story)
    assert company is not None
    records.employees = story.employees if rng.random() < 0.9 else None
    properties: dict[str, str | None] = {
        "name": company.name,
        "domain": None if records.missing_domain else company.domain,
        "country": names.COUNTRY_NAME[company.country],
        "industry": company.industry,
        "numberofemployees": str(records.employees) if records.employees else None,
        "lifecyclestage": path[0][1],
        "hs_analytics_source": story.channel.hubspot_source,
    }
    key = timeline.create(at, "companies", properties, source="AUTOMATION_PLATFORM", key=company_key(story))
    records.companies.append(key)
    records.account_truth.append(("hubspot", "company", key, account_truth(story)))
    for when, stage in path[1:]:
        timeline.update(when + SECOND, "companies", key, {"lifecyclestage": stage}, "AUTOMATION_PLATFORM")
    _change_domain(story, timeline, records, at, company)
    if records.missing_domain and rng.random() < 0.5:
        records.domain_found = at + int(rng.uniform(20, 300) * DAY)
        timeline.update(records.domain_found, "companies", key, {"domain": company.domain})
    if story.parent:
        linked = max(at, company_at(story.parent)) + int(rng.uniform(1, 20) * DAY)
        timeline.update(linked, "companies", key, {"hs_parent_company_id": company_key(story.parent)})
    if story.owner and story.assigned_at:
        owner = {"hubspot_owner_id": story.owner.id}
        timeline.update(story.assigned_at, "companies", key, owner, "AUTOMATION_PLATFORM")
    if story.executive and story.deals:
        owner = {"hubspot_owner_id": story.executive.id}
        timeline.update(story.deals[0].created, "companies", key, owner, user=story.executive.user_id)
    if not records.missing_domain and len(story.people) > 1 and rng.random() < story.dirt.second_company:
        _second_company(story, timeline, records, company, rng)


def _change_domain(story: Story, timeline: Timeline, records: Records, at: int, company: names.Company) -> None:
    """Some companies are entered under a former domain; when that is put right, the CRM keeps it as additional."""
    rng = story.rng("former domain")
    if records.missing_domain or rng.random() >= story.dirt.former_domain:
        return
    former = f"get-{company.domain}"
    key = company_key(story)
    timeline.update(at + SECOND, "companies", key, {"domain": former})
    found = at + int(rng.uniform(20, 400) * DAY)
    timeline.update(found, "companies", key, {"domain": company.domain, "hs_additional_domains": former})


def _second_company(
    story: Story, timeline: Timeline, records: Records, company: names.Company, rng: random.Random
) -> None:
    at = max(story.people[1].joined - 20 * SECOND, company_at(story) + MINUTE)
    properties: dict[str, str | None] = {
        "name": company.brand.upper() if rng.random() < 0.5 else company.name.replace(" ", "  ", 1),
        "domain": company.domain,
        "country": names.COUNTRY_NAME[company.country],
        "lifecyclestage": "lead",
    }
    second = timeline.create(at, "companies", properties, source="IMPORT")
    records.companies.append(second)
    records.account_truth.append(("hubspot", "company", second, account_truth(story)))
    if rng.random() < 0.5:
        records.merged_at = at + int(rng.uniform(20, 300) * DAY)
    mess = story.rng("third company")
    third = (
        _third_company(story, timeline, records, properties, at, mess)
        if mess.random() < story.dirt.third_company
        else ()
    )
    if records.merged_at:
        _merge(timeline, "companies", records.companies[0], (*third, second), records.merged_at, {})


def _third_company(
    story: Story,
    timeline: Timeline,
    records: Records,
    properties: dict[str, str | None],
    second_at: int,
    rng: random.Random,
) -> tuple[str, ...]:
    """One more record of the company, merged into the second one before that is merged itself. Returns its id."""
    until = records.merged_at or second_at + 200 * DAY
    at = second_at + int(rng.uniform(0.2, 0.5) * (until - second_at))
    third = timeline.create(at, "companies", {**properties, "name": f"{properties['name']} (2)"}, source="CRM_UI")
    records.account_truth.append(("hubspot", "company", third, account_truth(story)))
    merged_at = at + int(rng.uniform(0.2, 0.8) * (until - at))
    _merge(timeline, "companies", records.companies[1], (third,), merged_at, {})
    return (third,)


def _merge(
    timeline: Timeline, stream: str, winner: str, losers: tuple[str, ...], at: int, changes: dict[str, str | None]
) -> None:
    """The last of the losers is gone, and the winner lists it, with what had been merged into it before."""
    timeline.remove(at, f"hubspot/{stream}", losers[-1])
    absorb = partial(_absorbed, losers=losers, stream=stream, at=at, changes=changes)
    timeline.call(at, f"hubspot/{stream}", winner, absorb)


def _absorbed(old: Object, losers: tuple[str, ...], stream: str, at: int, changes: dict[str, str | None]) -> Object:
    merged = old["properties"].get("hs_merged_object_ids")
    ids = ";".join(([merged] if merged else []) + list(losers))
    values = {**old["properties"], **changes, "hs_merged_object_ids": ids, modified_property(stream): iso(at)}
    return {**old, "properties": values, "updatedAt": iso(at)}


def _relinked(old: Object, company: str, at: int) -> Object:
    """The contact after its company was merged into another one."""
    values = {**old["properties"], "associatedcompanyid": company, "lastmodifieddate": iso(at)}
    links = {**old["associations"], "companies": {"results": association("contacts", "companies", [company])}}
    return {**old, "properties": values, "updatedAt": iso(at), "associations": links}


def write_contact(
    story: Story, timeline: Timeline, records: Records, number: int, path: Path, rng: random.Random
) -> str:
    """The contact of person `number`, with the main contact's lifecycle stages in `path`. Returns the contact's id."""
    person = story.people[number]
    at, main = person.joined, number == 0
    company = _company_of(records, at, main, rng)
    at_home = story.company is not None and person.email.endswith("@" + story.company.domain)
    if at_home and not records.missing_domain and rng.random() < 0.08:
        # Nobody linked this one; only the mail's domain tells where it belongs.
        company = None
    properties = _properties(story, number, path, rng)
    key = _enter(timeline, records, at, properties, company, "FORM" if main else "CRM_UI")
    for when, stage in path[1:]:
        changes: dict[str, str | None] = {"lifecyclestage": stage, f"hs_lifecyclestage_{stage}_date": iso(when)}
        timeline.update(when, "contacts", key, changes, "AUTOMATION_PLATFORM")
        records.lifecycles[key].append((when, stage))
    if main:
        _work(story, timeline, key)
        records.assigned = _assignments(story)
    elif story.customer_at:
        when = max(story.customer_at, at) + MINUTE
        timeline.update(when, "contacts", key, {"lifecyclestage": "customer"}, "AUTOMATION_PLATFORM")
        records.lifecycles[key].append((when, "customer"))
    _mess_up(story, timeline, records, number, key, company)
    if rng.random() < story.dirt.duplicate:
        _duplicates(story, timeline, records, person, number, key, company, rng)
    if not main and rng.random() < story.dirt.retired_contact:
        records.archived[key] = at + int(rng.uniform(20, 700) * DAY)
        timeline.archive(records.archived[key], "contacts", key)
    return key


def _enter(
    timeline: Timeline,
    records: Records,
    at: int,
    properties: dict[str, str | None],
    company: str | None,
    source: str,
) -> str:
    """A contact record, linked to a company or to none; the link follows when that company is merged away."""
    if company and records.merged_at and at >= records.merged_at:
        company = records.companies[0]
    links = {"companies": association("contacts", "companies", [company])} if company else None
    key = timeline.create(at, "contacts", {**properties, "associatedcompanyid": company}, links, source)
    records.known[key] = at
    records.lifecycles[key] = [(at, properties["lifecyclestage"] or "")]
    if company and records.merged_at and company != records.companies[0]:
        relink = partial(_relinked, company=records.companies[0], at=records.merged_at)
        timeline.call(records.merged_at, "hubspot/contacts", key, relink)
    return key


def write_shared_mailbox(story: Story, timeline: Timeline, records: Records) -> None:
    """A contact that is nobody: the company's info@ address."""
    assert story.company is not None
    properties: dict[str, str | None] = {
        "email": f"info@{story.company.domain}",
        "lifecyclestage": "lead",
        "company": story.company.name,
    }
    key = _enter(timeline, records, story.lead_at + 3 * DAY + HOUR, properties, records.companies[0], "IMPORT")
    records.people_truth.append(("hubspot", "contact", key, person_truth(story, "shared")))


def _company_of(records: Records, at: int, main: bool, rng: random.Random) -> str | None:
    """The company record a contact is linked to: of two, colleagues often end up with the second."""
    second = rng.random() < 0.6
    if not records.companies:
        return None
    apart = len(records.companies) > 1 and created_at(records.companies[1]) < at
    return records.companies[1] if apart and second and not main else records.companies[0]


def _properties(story: Story, number: int, path: Path, rng: random.Random) -> dict[str, str | None]:
    person, touch, main = story.people[number], story.touches[-1], number == 0
    properties: dict[str, str | None] = {
        "email": person.email,
        "firstname": person.first if rng.random() < 0.97 else person.first.lower(),
        "lastname": person.last if rng.random() < 0.98 else names.misspelt(person.last, rng),
        "jobtitle": person.job,
        "company": story.company.name if story.company and rng.random() < 0.9 else None,
        "country": names.COUNTRY_NAME[person.country],
        "lifecyclestage": path[0][1] if path else "lead",
        "hs_analytics_source": story.channel.hubspot_source if main else "OFFLINE",
        "hs_analytics_source_data_1": (story.campaign or story.channel.name) if main else "CRM_UI",
    }
    if main:
        properties["utm_source"] = touch.source or None
        properties["utm_medium"] = touch.channel.medium or None
        properties["utm_campaign"] = touch.campaign or None
    return properties


def _assignments(story: Story) -> list[Assigned]:
    """Who the lead was given to, and when: an owner first, an account executive once it is qualified."""
    if not story.owner or not story.assigned_at:
        return []
    given = [Assigned(story.assigned_at, story.owner)]
    if story.sql_at and story.executive:
        given.append(Assigned(story.sql_at + MINUTE, story.executive))
    return given


def _work(story: Story, timeline: Timeline, key: str) -> None:
    """What sales does to the main contact: owners and lead status."""

    def update(at: int, user: str | None, **changes: str | None) -> None:
        source = "CRM_UI" if user else "AUTOMATION_PLATFORM"
        timeline.update(at, "contacts", key, changes, source, user)

    owner, executive, assigned = story.owner, story.executive, story.assigned_at
    if not owner or not assigned:
        return
    update(assigned, None, hubspot_owner_id=owner.id, hubspot_owner_assigneddate=iso(assigned), hs_lead_status="NEW")
    if story.answered_at:
        update(story.answered_at + 2 * MINUTE, owner.user_id, hs_lead_status="IN_PROGRESS")
        if story.lost_reason:
            update(story.answered_at + 2 * DAY, owner.user_id, hs_lead_status=story.lost_reason)
    if story.sql_at and executive:
        at = story.sql_at + MINUTE
        update(
            at,
            owner.user_id,
            hubspot_owner_id=executive.id,
            hubspot_owner_assigneddate=iso(at),
            hs_lead_status="CONNECTED",
        )
    if story.deals:
        first = story.deals[0]
        update(first.created + MINUTE, first.owner.user_id, hs_lead_status="OPEN_DEAL")


def _mess_up(story: Story, timeline: Timeline, records: Records, number: int, key: str, company: str | None) -> None:
    """What befalls contacts in a hard world: duplicates merged in a long chain, and an address that changes."""
    rng, person = story.rng(f"mess {number}"), story.people[number]
    if rng.random() < story.dirt.long_chain:
        _long_chain(story, timeline, records, number, key, company, rng)
    elif rng.random() < story.dirt.changed_mail:
        _, domain = person.email.split("@")
        family = names.person_name(story.country, rng)[1]
        fresh = f"{names.ascii_text(person.first)}.{names.ascii_text(family)}{story.index}{number}@{domain}"
        changes: dict[str, str | None] = {"email": fresh, "lastname": family}
        if rng.random() < 0.75:
            changes["hs_additional_emails"] = person.email
        timeline.update(person.joined + int(rng.uniform(10, 500) * DAY), "contacts", key, changes)


def _long_chain(
    story: Story,
    timeline: Timeline,
    records: Records,
    number: int,
    key: str,
    company: str | None,
    rng: random.Random,
) -> None:
    """Two to five entries of one person under private addresses, each merged into the next, the last into `key`."""
    person, truth = story.people[number], person_truth(story, number)
    at, chain = person.joined, []
    mails: list[str] = []
    for step in range(rng.randrange(2, 6)):
        at += int(rng.uniform(1, 40) * DAY)
        mail = f"{names.ascii_text(person.last)}.{story.index}.{number}.{step}@{rng.choice(names.FREE_MAIL)}"
        properties: dict[str, str | None] = {
            "email": mail,
            "firstname": person.first,
            "lastname": person.last,
            "lifecyclestage": "lead",
        }
        entry = _enter(timeline, records, at, properties, company, "IMPORT")
        records.people_truth.append(("hubspot", "contact", entry, truth))
        if chain:
            _merge(timeline, "contacts", entry, tuple(chain), at + HOUR, {"hs_additional_emails": ";".join(mails)})
        chain.append(entry)
        mails.append(mail)
    at += int(rng.uniform(1, 40) * DAY)
    _merge(timeline, "contacts", key, tuple(chain), at, {"hs_additional_emails": ";".join(mails)})


def _duplicates(
    story: Story,
    timeline: Timeline,
    records: Records,
    person: Person,
    number: int,
    key: str,
    company: str | None,
    rng: random.Random,
) -> None:
    """The same person entered again under another address. Most are merged, some of those in a chain of three."""
    truth = person_truth(story, number)
    chained = rng.random() < 0.35
    private = f"{names.ascii_text(person.first)}{story.index}{chr(97 + number)}@{rng.choice(names.FREE_MAIL)}"
    first_at = person.joined + int(rng.uniform(2, 60) * DAY)
    properties: dict[str, str | None] = {
        "email": private,
        "firstname": person.first,
        "lastname": person.last,
        "lifecyclestage": "lead",
    }
    first = _enter(timeline, records, first_at, properties, company, "IMPORT")
    records.people_truth.append(("hubspot", "contact", first, truth))
    merged_at = first_at + int(rng.uniform(1, 90) * DAY)
    if not chained:
        if rng.random() < 0.93:
            _merge(timeline, "contacts", key, (first,), merged_at, {"hs_additional_emails": private})
        return
    local, domain = person.email.split("@")
    spelt = f"{names.misspelt(local, rng)}{number}@{domain}"
    second_at = first_at + int(rng.uniform(0.1, 0.9) * (merged_at - first_at))
    second = _enter(timeline, records, second_at, {**properties, "email": spelt}, company, "IMPORT")
    records.people_truth.append(("hubspot", "contact", second, truth))
    _merge(timeline, "contacts", second, (first,), merged_at, {"hs_additional_emails": private})
    final_at = merged_at + int(rng.uniform(1, 60) * DAY)
    timeline.remove(final_at, "hubspot/contacts", second)
    emails: dict[str, str | None] = {"hs_additional_emails": f"{spelt};{private}"}
    absorb = partial(_absorbed, losers=(first, second), stream="contacts", at=final_at, changes=emails)
    timeline.call(final_at, "hubspot/contacts", key, absorb)
