"""What belongs to the company itself in the three systems: owners, pipelines, property catalogues, plans, segments, payouts."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from sandbox.catalog import DEAL_STAGES, TICKET_STAGES, Catalog
from sandbox.clock import DAY, HOUR, day_of, instant, iso, seconds
from sandbox.people import SEGMENTS, STAGES
from sandbox.stripe_shapes import balance_transaction
from sandbox.timeline import Object, Step, Timeline, token

# Property: (name, label, type, field type, options). Modification, id and creation properties are added to each.
_TEXT = ("string", "text")
_DATE = ("datetime", "date")
_NUMBER = ("number", "number")
_CHOICE = ("enumeration", "select")
_COMMON = {"lifecyclestage": (_CHOICE, STAGES), "hubspot_owner_id": (("enumeration", "select"), ())}
PROPERTIES: dict[str, dict[str, tuple[tuple[str, str], tuple[str, ...]]]] = {
    "contacts": {
        **{name: (_TEXT, ()) for name in (
            "email", "firstname", "lastname", "company", "jobtitle", "country", "associatedcompanyid", "hs_analytics_source_data_1",
            "utm_source", "utm_medium", "utm_campaign", "hs_additional_emails", "hs_merged_object_ids")},
        **_COMMON, "hubspot_owner_assigneddate": (_DATE, ()), "lastmodifieddate": (_DATE, ()),
        "hs_lead_status": (_CHOICE, ("NEW", "OPEN", "IN_PROGRESS", "OPEN_DEAL", "UNQUALIFIED", "ATTEMPTED_TO_CONTACT",
                                     "CONNECTED", "BAD_TIMING", "UNATTEMPTED")),
        "hs_analytics_source": (_CHOICE, ("ORGANIC_SEARCH", "PAID_SEARCH", "EMAIL_MARKETING", "SOCIAL_MEDIA", "REFERRALS",
                                          "OTHER_CAMPAIGNS", "DIRECT_TRAFFIC", "OFFLINE", "PAID_SOCIAL")),
        **{f"hs_lifecyclestage_{stage}_date": (_DATE, ()) for stage in STAGES},
    },
    "companies": {
        **{name: (_TEXT, ()) for name in ("name", "domain", "country", "industry", "hs_parent_company_id", "stripe_customer_id",
                                          "hs_additional_domains", "hs_merged_object_ids", "hs_analytics_source")},
        "numberofemployees": (_NUMBER, ()), **_COMMON,
    },
    "deals": {
        **{name: (_TEXT, ()) for name in ("dealname", "deal_currency_code", "hs_analytics_source", "closed_lost_reason",
                                          "hs_merged_object_ids")},
        "amount": (_NUMBER, ()), "hs_deal_stage_probability": (_NUMBER, ()), "closedate": (_DATE, ()),
        "pipeline": (_CHOICE, ("default",)), "dealstage": (_CHOICE, tuple(stage[0] for stage in DEAL_STAGES)),
        "dealtype": (_CHOICE, ("newbusiness", "existingbusiness")), "hubspot_owner_id": (_CHOICE, ()),
    },
    "tickets": {
        **{name: (_TEXT, ()) for name in ("subject", "content")}, "hs_pipeline": (_CHOICE, ("0",)), "closed_date": (_DATE, ()),
        "hs_pipeline_stage": (_CHOICE, tuple(stage[0] for stage in TICKET_STAGES)),
        "hs_ticket_priority": (_CHOICE, ("LOW", "MEDIUM", "HIGH")), "hubspot_owner_id": (_CHOICE, ()),
    },
    "calls": {
        "hs_timestamp": (_DATE, ()), "hs_call_title": (_TEXT, ()), "hs_call_direction": (_CHOICE, ("INBOUND", "OUTBOUND")),
        "hs_call_status": (_CHOICE, ("COMPLETED", "NO_ANSWER", "BUSY")), "hs_call_duration": (_NUMBER, ()),
        "hubspot_owner_id": (_CHOICE, ()),
    },
    "emails": {
        "hs_timestamp": (_DATE, ()), "hs_email_subject": (_TEXT, ()), "hs_email_direction": (_CHOICE, ("EMAIL", "INCOMING_EMAIL")),
        "hs_email_status": (_CHOICE, ("SENT", "BOUNCED", "FAILED")), "hubspot_owner_id": (_CHOICE, ()),
    },
    "meetings": {
        "hs_timestamp": (_DATE, ()), "hs_meeting_title": (_TEXT, ()), "hs_meeting_start_time": (_DATE, ()),
        "hs_meeting_end_time": (_DATE, ()),
        "hs_meeting_outcome": (_CHOICE, ("SCHEDULED", "COMPLETED", "NO_SHOW", "CANCELED")), "hubspot_owner_id": (_CHOICE, ()),
    },
    "notes": {"hs_timestamp": (_DATE, ()), "hs_note_body": (_TEXT, ()), "hubspot_owner_id": (_CHOICE, ())},
    "tasks": {
        "hs_timestamp": (_DATE, ()), "hs_task_subject": (_TEXT, ()), "hs_task_type": (_CHOICE, ("TODO", "CALL", "EMAIL")),
        "hs_task_status": (_CHOICE, ("NOT_STARTED", "COMPLETED")), "hs_task_priority": (_CHOICE, ("LOW", "MEDIUM", "HIGH")),
        "hubspot_owner_id": (_CHOICE, ()),
    },
}
_OWN = ("stripe_customer_id", "utm_source", "utm_medium", "utm_campaign", "deal_currency_code_note")
_LABELS = {"subscriber": "Subscriber", "lead": "Lead", "marketingqualifiedlead": "Marketing qualified lead",
           "salesqualifiedlead": "Sales qualified lead", "opportunity": "Opportunity", "customer": "Customer",
           "evangelist": "Evangelist", "other": "Other"}
_FIELDS = ("email", "firstName", "lastName", "company", "country", "userId", "leadScore", "hubspotId", "stripeCustomerId",
           "utmSource", "utmMedium", "utmCampaign", "referrer")


def write_company(timeline: Timeline, catalog: Catalog) -> None:
    """Everything that exists from the first day on, and the later changes to it."""
    start = catalog.start
    _hubspot(timeline, catalog, start)
    for key, name in SEGMENTS:
        timeline.put(start, "encharge/segments", {"id": key, "name": name, "createdAt": iso(start)})
    for name in _FIELDS:
        kind = "number" if name == "leadScore" else "text"
        timeline.put(start, "encharge/fields", {"id": name, "name": name, "title": name[0].upper() + name[1:], "type": kind})
    for tag in ("lead", "newsletter", "trial", "customer"):
        timeline.put(start, "encharge/tags", {"id": tag, "tag": tag, "createdAt": iso(start)})
    for product in catalog.products:
        timeline.put(start, "stripe/products", product, "product.created")
    for (plan, _, _, list_name), price in catalog.prices.items():
        timeline.put(price.object["created"] * 1000, "stripe/prices", price.object, "price.created")
        if plan == "growth" and list_name == "first":
            timeline.patch(catalog.raised_at + HOUR, "stripe/prices", price.id, {"active": False}, "price.updated")
    for coupon in catalog.coupons.values():
        timeline.put(start + HOUR, "stripe/coupons", coupon.object, "coupon.created")


def _hubspot(timeline: Timeline, catalog: Catalog, start: int) -> None:
    teams = {name: str(301 + number) for number, name in enumerate(dict.fromkeys(p.team for p in catalog.representatives))}
    for person in catalog.representatives:
        timeline.put(start, "hubspot/owners", {
            "id": person.id, "email": person.email, "type": "PERSON", "firstName": person.first_name, "lastName": person.last_name,
            "userId": int(person.user_id), "userIdIncludingInactive": int(person.user_id), "createdAt": iso(start),
            "updatedAt": iso(start), "archived": False,
            "teams": [{"id": teams[person.team], "name": person.team, "primary": True}],
        })
    deal_stages = [(stage, label, {"isClosed": str(closed).lower(), "probability": probability})
                   for stage, label, probability, closed in DEAL_STAGES]
    ticket_stages = [(stage, label, {"isClosed": str(state == "CLOSED").lower(), "ticketState": state})
                     for stage, label, state in TICKET_STAGES]
    for kind, key, label, stages in (("deals", "default", "Sales pipeline", deal_stages), ("tickets", "0", "Support", ticket_stages)):
        timeline.put(start, "hubspot/pipelines", {
            "id": key, "label": label, "displayOrder": 0, "archived": False, "createdAt": iso(start), "updatedAt": iso(start),
            "stages": [{"id": stage, "label": name, "displayOrder": order, "metadata": metadata, "archived": False,
                        "createdAt": iso(start), "updatedAt": iso(start), "writePermissions": "CRM_PERMISSIONS_ENFORCEMENT"}
                       for order, (stage, name, metadata) in enumerate(stages)],
        }, key=f"{kind}:{key}")
    for kind, properties in PROPERTIES.items():
        standard = {"hs_object_id": (_NUMBER, ()), "hs_lastmodifieddate": (_DATE, ()),
                    "createdate" if kind in ("contacts", "companies", "deals", "tickets") else "hs_createdate": (_DATE, ())}
        for name, ((type_, field_type), options) in {**properties, **standard}.items():
            timeline.put(start, "hubspot/properties", _property(name, type_, field_type, options, start), key=f"{kind}:{name}")


def _property(name: str, type_: str, field_type: str, options: tuple[str, ...], at: int) -> Object:
    return {
        "name": name, "label": name.removeprefix("hs_").replace("_", " ").capitalize(), "type": type_, "fieldType": field_type,
        "description": "", "groupName": "throughline" if name in _OWN else "information",
        "options": [{"label": _LABELS.get(option, option.replace("_", " ").capitalize()), "value": option, "displayOrder": order,
                     "hidden": False, "description": ""} for order, option in enumerate(options)],
        "displayOrder": -1, "calculated": False, "externalOptions": name == "hubspot_owner_id", "hasUniqueValue": name == "email",
        "hidden": False, "hubspotDefined": name not in _OWN, "formField": name in ("email", "firstname", "lastname"),
        "createdAt": iso(at), "updatedAt": iso(at), "archived": False,
    }


def write_payouts(timeline: Timeline, catalog: Catalog, steps: Iterable[Step], horizon: int) -> None:
    """Every Monday the settled balance of each currency is paid out, when it is positive."""
    moves = sorted((step.at, step.data["currency"], step.data["net"]) for step in steps
                   if step.table == "stripe/balance_transactions")
    held: dict[str, int] = {}
    first = day_of(catalog.start)
    monday, position = first + timedelta(days=7 - first.weekday()), 0
    while instant(monday) < horizon:
        at = instant(monday, 6)
        while position < len(moves) and moves[position][0] < at - 2 * DAY:
            _, currency, net = moves[position]
            held[currency] = held.get(currency, 0) + net
            position += 1
        for currency in sorted(held):
            if held[currency] > 0:
                payout = "po_1" + token(catalog.seed, "payout", currency, seconds(at), size=23)
                entry = "txn_1" + token(catalog.seed, "payout entry", payout, size=23)
                timeline.put(at, "stripe/balance_transactions", balance_transaction(
                    entry, "payout", "payout", -held[currency], 0, currency, payout, at, "STRIPE PAYOUT"))
                held[currency] = 0
        monday += timedelta(days=7)
