"""HubSpot's property catalogue: which properties each object type has."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sandbox.catalog import DEAL_STAGES, TICKET_STAGES
from sandbox.clock import iso
from sandbox.records import STAGES
from sandbox.timeline import Object


def _words(text: str) -> list[str]:
    return text.split()


_FIELD_TYPE = {"string": "text", "datetime": "date", "number": "number", "enumeration": "select"}

# By object type: the properties of each type, by name.
PROPERTIES: dict[str, dict[str, str]] = {
    "contacts": {
        "string": "email firstname lastname company jobtitle country associatedcompanyid hs_analytics_source_data_1 "
        "utm_source utm_medium utm_campaign hs_additional_emails hs_merged_object_ids",
        "datetime": "hubspot_owner_assigneddate lastmodifieddate "
        + " ".join(f"hs_lifecyclestage_{stage}_date" for stage in STAGES),
        "enumeration": "lifecyclestage hs_lead_status hs_analytics_source hubspot_owner_id",
    },
    "companies": {
        "string": "name domain country industry hs_parent_company_id stripe_customer_id hs_additional_domains "
        "hs_merged_object_ids",
        "number": "numberofemployees",
        "enumeration": "lifecyclestage hs_analytics_source hubspot_owner_id",
    },
    "deals": {
        "string": "dealname deal_currency_code closed_lost_reason hs_merged_object_ids",
        "number": "amount hs_deal_stage_probability",
        "datetime": "closedate",
        "enumeration": "pipeline dealstage dealtype hs_analytics_source hubspot_owner_id",
    },
    "tickets": {
        "string": "subject content",
        "datetime": "closed_date",
        "enumeration": "hs_pipeline hs_pipeline_stage hs_ticket_priority hubspot_owner_id",
    },
    "calls": {
        "string": "hs_call_title",
        "number": "hs_call_duration",
        "datetime": "hs_timestamp",
        "enumeration": "hs_call_direction hs_call_status hubspot_owner_id",
    },
    "emails": {
        "string": "hs_email_subject",
        "datetime": "hs_timestamp",
        "enumeration": "hs_email_direction hs_email_status hubspot_owner_id",
    },
    "meetings": {
        "string": "hs_meeting_title",
        "datetime": "hs_timestamp hs_meeting_start_time hs_meeting_end_time",
        "enumeration": "hs_meeting_outcome hubspot_owner_id",
    },
    "notes": {"string": "hs_note_body", "datetime": "hs_timestamp", "enumeration": "hubspot_owner_id"},
    "tasks": {
        "string": "hs_task_subject",
        "datetime": "hs_timestamp",
        "enumeration": "hs_task_type hs_task_status hs_task_priority hubspot_owner_id",
    },
}
_OPTIONS: dict[str, Sequence[str]] = {
    "lifecyclestage": STAGES,
    "hs_lead_status": _words("NEW OPEN IN_PROGRESS OPEN_DEAL UNQUALIFIED ATTEMPTED_TO_CONTACT CONNECTED BAD_TIMING"),
    "hs_analytics_source": _words(
        "ORGANIC_SEARCH PAID_SEARCH EMAIL_MARKETING SOCIAL_MEDIA REFERRALS OTHER_CAMPAIGNS DIRECT_TRAFFIC OFFLINE "
        "PAID_SOCIAL"
    ),
    "pipeline": ("default",),
    "dealstage": [stage for stage, _, _, _ in DEAL_STAGES],
    "dealtype": ("newbusiness", "existingbusiness"),
    "hs_pipeline": ("0",),
    "hs_pipeline_stage": [stage for stage, _, _ in TICKET_STAGES],
    "hs_ticket_priority": ("LOW", "MEDIUM", "HIGH"),
    "hs_call_direction": ("INBOUND", "OUTBOUND"),
    "hs_call_status": ("COMPLETED", "NO_ANSWER", "BUSY"),
    "hs_email_direction": ("EMAIL", "INCOMING_EMAIL"),
    "hs_email_status": ("SENT", "BOUNCED", "FAILED"),
    "hs_meeting_outcome": ("SCHEDULED", "COMPLETED", "NO_SHOW", "CANCELED"),
    "hs_task_type": ("TODO", "CALL", "EMAIL"),
    "hs_task_status": ("NOT_STARTED", "COMPLETED"),
    "hs_task_priority": ("LOW", "MEDIUM", "HIGH"),
}
_LABELS = {
    "marketingqualifiedlead": "Marketing qualified lead",
    "salesqualifiedlead": "Sales qualified lead",
    **{stage: label for stage, label, _, _ in DEAL_STAGES},
    **{stage: label for stage, label, _ in TICKET_STAGES},
    "default": "Sales pipeline",
    "0": "Support",
}
# Properties that the company made itself.
_OWN = ("stripe_customer_id", "utm_source", "utm_medium", "utm_campaign")


def catalogue(at: int) -> Iterator[tuple[str, Object]]:
    """Each property as (object type, object), defined since `at`."""
    for kind, by_type in PROPERTIES.items():
        created = "createdate" if kind in ("contacts", "companies", "deals", "tickets") else "hs_createdate"
        standard = (("number", "hs_object_id"), ("datetime", f"hs_lastmodifieddate {created}"))
        for type_, properties in (*by_type.items(), *standard):
            for name in properties.split():
                yield kind, _property(name, type_, at)


def _property(name: str, type_: str, at: int) -> Object:
    options = [
        {
            "label": _LABELS.get(value, value.replace("_", " ").capitalize()),
            "value": value,
            "displayOrder": order,
            "hidden": False,
            "description": "",
        }
        for order, value in enumerate(_OPTIONS.get(name, ()))
    ]
    return {
        "name": name,
        "label": name.removeprefix("hs_").replace("_", " ").capitalize(),
        "type": type_,
        "fieldType": _FIELD_TYPE[type_],
        "description": "",
        "groupName": "throughline" if name in _OWN else "information",
        "options": options,
        "displayOrder": -1,
        "calculated": False,
        "externalOptions": name == "hubspot_owner_id",
        "hasUniqueValue": name == "email",
        "hidden": False,
        "hubspotDefined": name not in _OWN,
        "formField": name in ("email", "firstname", "lastname"),
        "createdAt": iso(at),
        "updatedAt": iso(at),
        "archived": False,
    }
