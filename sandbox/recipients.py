"""An account's people in Encharge: addresses as typed, cross references that come late, scores, tags, segments."""

from __future__ import annotations

import random

from sandbox import names
from sandbox.clock import DAY, HOUR, MINUTE, SECOND, iso
from sandbox.records import Recipient, Records, person_truth
from sandbox.story import Story
from sandbox.timeline import Timeline, token

PEOPLE, MEMBERS = "encharge/people", "encharge/segment_people"
SEGMENTS = (("101", "All leads"), ("102", "Customers"), ("103", "High score"), ("104", "Unsubscribed"))


def write_recipient(
    story: Story, timeline: Timeline, records: Records, number: int, contact: str | None, rng: random.Random
) -> None:
    """The Encharge person; a few have a second one under a plus-tag address that only a cross reference explains."""
    person = story.people[number]
    local, domain = person.email.split("@")
    email = names.other_case(person.email, rng) if rng.random() < story.dirt.other_case else person.email
    crossed = contact if contact and rng.random() < 0.7 else None
    if crossed and rng.random() < story.dirt.typo:
        email = f"{names.misspelt(local, rng)}@{domain}"
    _enlist(story, timeline, records, number, email, person.joined + 5 * SECOND, crossed, rng)
    if crossed and rng.random() < story.dirt.plus_tag:
        joined = person.joined + int(rng.uniform(5, 100) * DAY)
        _enlist(story, timeline, records, number, f"{local}+trial@{domain}", joined, crossed, rng)


def write_shared_recipient(story: Story, timeline: Timeline, records: Records) -> None:
    """Encharge writes to info@ as well. Who reads it there is not who the CRM's entry was made for."""
    assert story.company is not None
    at = story.lead_at + 5 * DAY
    key = token(story.seed, "shared", story.index, size=20).lower()
    records.people_truth.append(("encharge", "person", key, person_truth(story, "shared-mail")))
    records.known[key] = at
    obj = {
        "id": key,
        "email": f"Info@{story.company.domain}",
        "firstName": None,
        "lastName": None,
        "company": story.company.name,
        "country": names.COUNTRY_NAME[story.country],
        "userId": None,
        "leadScore": 0,
        "unsubscribed": False,
        "hubspotId": None,
        "stripeCustomerId": None,
        "utmSource": None,
        "utmMedium": None,
        "utmCampaign": None,
        "referrer": None,
        "tags": [],
        "createdAt": iso(at),
    }
    timeline.put(at, PEOPLE, obj)


def _enlist(
    story: Story,
    timeline: Timeline,
    records: Records,
    number: int,
    email: str,
    at: int,
    contact: str | None,
    rng: random.Random,
) -> None:
    person, touch, main = story.people[number], story.touches[-1], number == 0
    key = token(story.seed, "person", story.index, number, email, size=20).lower()
    quits, leaves, late = rng.random() < 0.16, rng.random() < story.dirt.gone_recipient, rng.random() < 0.3
    recipient = Recipient(
        person,
        number,
        key,
        email,
        at,
        unsubscribed=at + int(rng.expovariate(1 / 300) * DAY) + DAY if quits else None,
        bounces=rng.random() < 0.02,
        gone=at + int(rng.uniform(100, 700) * DAY) if leaves else None,
        synced=at + int(rng.uniform(0.1, 4) * DAY) if contact and late else None,
    )
    records.recipients.append(recipient)
    records.known[key] = at
    records.people_truth.append(("encharge", "person", key, person_truth(story, number)))
    searched = main and touch.channel.medium in ("organic", "cpc")
    obj = {
        "id": key,
        "email": email,
        "firstName": person.first,
        "lastName": person.last,
        "company": story.company.name if story.company else None,
        "country": names.COUNTRY_NAME[person.country],
        "userId": f"u{story.index}-{number}" if rng.random() < 0.4 else None,
        "leadScore": 0,
        "unsubscribed": False,
        "hubspotId": None if recipient.synced else contact,
        "stripeCustomerId": None,
        "utmSource": (touch.source or None) if main else None,
        "utmMedium": (touch.channel.medium or None) if main else None,
        "utmCampaign": (touch.campaign or None) if main else None,
        "referrer": f"https://www.{touch.source}.com/" if searched else None,
        "tags": [],
        "createdAt": iso(at),
    }
    timeline.put(at, PEOPLE, obj)
    _belong(timeline, at, recipient, "101")
    if recipient.synced:
        timeline.patch(recipient.synced, PEOPLE, key, {"hubspotId": contact})
    if recipient.unsubscribed:
        timeline.patch(recipient.unsubscribed, PEOPLE, key, {"unsubscribed": True})
        _belong(timeline, recipient.unsubscribed, recipient, "104")
    _score(story, timeline, recipient, rng)
    _tag(story, timeline, recipient)
    if recipient.gone:
        timeline.remove(recipient.gone, PEOPLE, key)
        for segment, _ in SEGMENTS:
            timeline.remove(recipient.gone, MEMBERS, f"{segment}:{key}")


def _belong(timeline: Timeline, at: int, recipient: Recipient, segment: str) -> None:
    if recipient.gone is None or at < recipient.gone:
        key = f"{segment}:{recipient.id}"
        timeline.put(at, MEMBERS, {"id": key, "segmentId": segment, "personId": recipient.id})


def _score(story: Story, timeline: Timeline, recipient: Recipient, rng: random.Random) -> None:
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
            _belong(timeline, at, recipient, "103")
        elif value >= 40 > new:
            timeline.remove(at, MEMBERS, f"103:{recipient.id}")
        value = new


def _tag(story: Story, timeline: Timeline, recipient: Recipient) -> None:
    """Tags are added, and the trial's is removed when the trial is over."""
    marks = [(recipient.joined + 2 * SECOND, "newsletter" if story.subscriber_first else "lead", True)]
    customer_at = story.customer_at
    if customer_at and recipient.number < 2:
        marks.append((max(customer_at, recipient.joined) + HOUR, "customer", True))
        _belong(timeline, max(customer_at, recipient.joined) + HOUR, recipient, "102")
    trial = next((life for life in story.lives if life.trial_days), None)
    if trial and recipient.number == 0 and trial.start > recipient.joined:
        marks.append((trial.start + SECOND, "trial", True))
        marks.append((trial.start + trial.trial_days * DAY + SECOND, "trial", False))
    recipient.tags = sorted(marks)
    tags: list[str] = []
    for at, tag, added in recipient.tags:
        tags = [*tags, tag] if added else [other for other in tags if other != tag]
        timeline.patch(at, PEOPLE, recipient.id, {"tags": tags})
