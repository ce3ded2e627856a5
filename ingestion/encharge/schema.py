"""Encharge's streams: people and their segments as listed, engagement events as they landed."""

import re
from typing import Any

from ingestion.versions import Column, Stream, canonical_json, content_hash

Json = dict[str, Any]

# Mail services that fetch images when the person opens the message: the open is a person's.
_PERSONAL_PROXY = re.compile(r"GoogleImageProxy|YahooMailProxy", re.IGNORECASE)
# Security gateways and crawlers that fetch everything. `Cubot` is a telephone.
_MACHINE = re.compile(r"BarracudaSentinel|Mimecast|(?<!cu)bot\b", re.IGNORECASE)
# Apple's privacy proxy fetches every image of every message and says nothing else about itself.
_PRIVACY_PROXY = "Mozilla/5.0"


def is_automated_agent(user_agent: str | None) -> bool | None:
    """Whether a user agent belongs to a machine that opens mail by itself; None when there is no user agent."""
    agent = (user_agent or "").strip()
    if not agent:
        return None
    if _PERSONAL_PROXY.search(agent):
        return False
    return agent == _PRIVACY_PROXY or _MACHINE.search(agent) is not None


def is_automated(event: Json) -> Any:
    """What the sender says (`isAutomated`), else for opens what the user agent says, else None."""
    said = event.get("isAutomated")
    if said is not None or event.get("type") != "emailOpened":
        return said
    agent = event.get("userAgent")
    return is_automated_agent(agent) if isinstance(agent, str) else None


def event_id(event: Json) -> Any:
    """The event's own id, or `hash:` and the content hash, so that the same payload twice is one event."""
    own = event.get("id")
    return own if own not in (None, "") else f"hash:{content_hash(canonical_json(event))}"


PEOPLE = Stream(
    "people",
    (
        Column("email", "t"),
        Column("first_name", "t", "firstName"),
        Column("last_name", "t", "lastName"),
        Column("company_name", "t", "company"),
        Column("country", "t"),
        Column("user_id", "t", "userId"),
        Column("lead_score", "i", "leadScore"),
        Column("is_unsubscribed", "b", "unsubscribed"),
        Column("hubspot_contact_id", "t", "hubspotId"),
        Column("stripe_customer_id", "t", "stripeCustomerId"),
        Column("utm_source", "t", "utmSource"),
        Column("utm_medium", "t", "utmMedium"),
        Column("utm_campaign", "t", "utmCampaign"),
        Column("referrer", "t"),
        Column("tags", "j"),
        Column("created_at", "ts", "createdAt", unit="ms"),
    ),
)

SEGMENTS = Stream("segments", (Column("name", "t"), Column("created_at", "ts", "createdAt", unit="ms")))

SEGMENT_PEOPLE = Stream(
    "segment_people",
    (Column("segment_id", "t"), Column("person_id", "t")),
    id_path=lambda row: f"{row['segment_id']}:{row['person_id']}",
)

FIELDS = Stream("fields", (Column("name", "t"), Column("title", "t"), Column("type", "t")), id_path="name")

TAGS = Stream("tags", (), id_path="tag|name|id")

EVENTS = Stream(
    "events",
    (
        Column("event_type", "t", "type"),
        Column("occurred_at", "ts", "createdAt", unit="ms"),
        Column("person_id", "t", "person.id"),
        Column("email", "t", "person.email"),
        Column("anonymous_id", "t", "anonymousId"),
        Column("email_id", "t", "email.id"),
        Column("email_name", "t", "email.name"),
        Column("email_subject", "t", "email.subject"),
        Column("campaign_id", "t", "campaign.id"),
        Column("campaign_name", "t", "campaign.name"),
        Column("url", "t", "page.url|link.url"),
        Column("referrer", "t", "page.referrer"),
        Column("page_title", "t", "page.title"),
        Column("form_name", "t", "form.name"),
        Column("score_value", "i", "score.value"),
        Column("score_change", "i", "score.change"),
        Column("tag", "t"),
        Column("user_agent", "t", "userAgent"),
        Column("is_automated", "b", is_automated),
        Column("reason", "t"),
    ),
    id_path=event_id,
    modified_path="createdAt",
    modified_unit="ms",
)

STREAMS: tuple[Stream, ...] = (PEOPLE, SEGMENTS, SEGMENT_PEOPLE, FIELDS, TAGS, EVENTS)
