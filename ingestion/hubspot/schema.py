"""HubSpot's streams: which columns the models need, where they lie, and what identifies and dates a version."""

from typing import Any

from ingestion.hubspot.crm import instant, milliseconds, modified_property
from ingestion.hubspot.flatten import link_id
from ingestion.versions import Column, Stream

Json = dict[str, Any]

ACTIVITY_TYPES = ("calls", "emails", "meetings", "notes", "tasks")
OBJECT_TYPES = ("contacts", "companies", "deals", "tickets", *ACTIVITY_TYPES)
PIPELINE_TYPES = ("deals", "tickets")

HISTORY_PROPERTIES: dict[str, tuple[str, ...]] = {
    "contacts": ("lifecyclestage", "hs_lead_status", "hubspot_owner_id"),
    "companies": ("lifecyclestage", "hubspot_owner_id"),
    "deals": ("dealstage", "amount", "closedate", "hubspot_owner_id"),
}

ASSOCIATED_TYPES: dict[str, tuple[str, ...]] = {
    "contacts": ("companies",),
    "deals": ("companies", "contacts"),
    "tickets": ("companies", "contacts"),
    **{activity: ("contacts", "companies", "deals") for activity in ACTIVITY_TYPES},
}

# The property names differ by activity; an object has at most one of each group.
_STATUSES = "hs_call_status|properties.hs_email_status|properties.hs_meeting_outcome|properties.hs_task_status"
_SUBJECTS = "hs_call_title|properties.hs_email_subject|properties.hs_meeting_title|properties.hs_task_subject"


# Set by the connector on an archived object that is live again: when that was noticed.
RESTORED = "restoredObservedAt"


def version_instant(item: Json, object_type: str) -> str | None:
    """When this version came to be: the latest of its instants.

    Archiving moves `archivedAt` only, and taking an object out of the archive moves nothing at all.
    """
    own = (item.get("properties") or {}).get(modified_property(object_type)) or item.get("updatedAt")
    others = (item.get("archivedAt") if item.get("archived") else None, item.get(RESTORED))
    candidates = [value for value in (own, *others) if value]
    if len(candidates) < 2:
        return next(iter(candidates), None)
    return max(candidates, key=lambda value: milliseconds(instant(value)))


def _own(name: str, kind: str, path: str | None = None) -> Column:
    return Column(name, kind, f"properties.{path or name}", unit="ms")  # type: ignore[arg-type]


def _objects(name: str, *columns: Column) -> Stream:
    return Stream(
        name,
        columns,
        modified_path=lambda item: version_instant(item, name),
        modified_unit="ms",
        deleted_path="archived",
        container="properties",
        known_fields=frozenset({"createdAt", "updatedAt", "archived", "archivedAt", "url"}),
    )


def _activities(name: str) -> Stream:
    return _objects(
        name,
        _own("occurred_at", "ts", "hs_timestamp"),
        _own("owner_id", "t", "hubspot_owner_id"),
        _own("direction", "t", "hs_call_direction|properties.hs_email_direction"),
        _own("status", "t", _STATUSES),
        _own("subject", "t", _SUBJECTS),
        _own("duration_ms", "i", "hs_call_duration"),
        _own("created_at", "ts", "hs_createdate"),
    )


CONTACTS = _objects(
    "contacts",
    _own("email", "t"),
    _own("first_name", "t", "firstname"),
    _own("last_name", "t", "lastname"),
    _own("company_name", "t", "company"),
    _own("job_title", "t", "jobtitle"),
    _own("country", "t"),
    _own("lifecycle_stage", "t", "lifecyclestage"),
    _own("lead_status", "t", "hs_lead_status"),
    _own("owner_id", "t", "hubspot_owner_id"),
    _own("company_id", "t", "associatedcompanyid"),
    _own("analytics_source", "t", "hs_analytics_source"),
    _own("analytics_source_data_1", "t", "hs_analytics_source_data_1"),
    _own("utm_source", "t"),
    _own("utm_medium", "t"),
    _own("utm_campaign", "t"),
    _own("additional_emails", "t", "hs_additional_emails"),
    _own("merged_ids", "t", "hs_merged_object_ids"),
    _own("created_at", "ts", "createdate"),
)

COMPANIES = _objects(
    "companies",
    _own("name", "t"),
    _own("domain", "t"),
    _own("country", "t"),
    _own("industry", "t"),
    _own("employee_count", "i", "numberofemployees"),
    _own("lifecycle_stage", "t", "lifecyclestage"),
    _own("owner_id", "t", "hubspot_owner_id"),
    _own("parent_company_id", "t", "hs_parent_company_id"),
    _own("stripe_customer_id", "t"),
    _own("additional_domains", "t", "hs_additional_domains"),
    _own("merged_ids", "t", "hs_merged_object_ids"),
    _own("created_at", "ts", "createdate"),
)

DEALS = _objects(
    "deals",
    _own("name", "t", "dealname"),
    _own("amount", "d"),
    _own("currency", "t", "deal_currency_code"),
    _own("pipeline_id", "t", "pipeline"),
    _own("stage_id", "t", "dealstage"),
    _own("deal_type", "t", "dealtype"),
    _own("owner_id", "t", "hubspot_owner_id"),
    _own("probability", "d", "hs_deal_stage_probability"),
    _own("analytics_source", "t", "hs_analytics_source"),
    _own("merged_ids", "t", "hs_merged_object_ids"),
    _own("created_at", "ts", "createdate"),
    _own("close_at", "ts", "closedate"),
)

TICKETS = _objects(
    "tickets",
    _own("subject", "t"),
    _own("content", "t"),
    _own("pipeline_id", "t", "hs_pipeline"),
    _own("stage_id", "t", "hs_pipeline_stage"),
    _own("priority", "t", "hs_ticket_priority"),
    _own("owner_id", "t", "hubspot_owner_id"),
    _own("created_at", "ts", "createdate"),
    _own("closed_at", "ts", "closed_date"),
)

OWNERS = Stream(
    "owners",
    (
        Column("email", "t"),
        Column("first_name", "t", "firstName"),
        Column("last_name", "t", "lastName"),
        Column("user_id", "t", "userId"),
        Column("team", "t", lambda item: next((team.get("name") for team in item.get("teams") or []), None)),
        Column("created_at", "ts", "createdAt", unit="ms"),
    ),
    modified_path="updatedAt",
    modified_unit="ms",
    deleted_path="archived",
)

PIPELINES = Stream(
    "pipelines",
    (Column("object_type", "t"), Column("pipeline_id", "t", "id"), Column("label", "t")),
    id_path=lambda item: f"{item['object_type']}:{item['id']}",
)


def is_closed_stage(stage: Json) -> bool | str | None:
    """Whether a stage ends its pipeline: deals say `isClosed`, tickets `ticketState`; None when neither is said."""
    metadata = stage.get("metadata") or {}
    if (closed := metadata.get("isClosed")) not in (None, ""):
        return closed
    state = metadata.get("ticketState")
    return None if not state else str(state).upper() == "CLOSED"


PIPELINE_STAGES = Stream(
    "pipeline_stages",
    (
        Column("object_type", "t"),
        Column("pipeline_id", "t"),
        Column("stage_id", "t", "id"),
        Column("label", "t"),
        Column("display_order", "i", "displayOrder"),
        Column("is_closed", "b", is_closed_stage),
        Column("probability", "d", "metadata.probability"),
    ),
    id_path=lambda item: f"{item['object_type']}:{item['pipeline_id']}:{item['id']}",
)

PROPERTIES = Stream(
    "properties",
    (
        Column("object_type", "t"),
        Column("name", "t"),
        Column("label", "t"),
        Column("type", "t"),
        Column("field_type", "t", "fieldType"),
        Column("is_hubspot_defined", "b", "hubspotDefined"),
        Column("options", "j"),
    ),
    id_path=lambda item: f"{item['object_type']}:{item['name']}",
)

ASSOCIATIONS = Stream(
    "associations",
    (
        Column("from_type", "t"),
        Column("from_id", "t"),
        Column("to_type", "t"),
        Column("to_id", "t"),
        Column("category", "t"),
        Column("type_id", "i"),
        Column("label", "t"),
    ),
    id_path=link_id,
)


def history_id(entry: Json) -> str:
    """The key of a history entry: object, property and the instant of the change in epoch milliseconds."""
    changed = instant(entry["timestamp"])
    if changed is None:
        raise ValueError("timestamp: missing, and it identifies the entry")
    return f"{entry['object_type']}:{entry['object_id']}:{entry['property']}:{milliseconds(changed)}"


PROPERTY_HISTORY = Stream(
    "property_history",
    (
        Column("object_type", "t"),
        Column("object_id", "t"),
        Column("property", "t"),
        Column("value", "t"),
        Column("changed_at", "ts", "timestamp", unit="ms"),
        Column("source_type", "t", "sourceType"),
        Column("source_id", "t", "sourceId"),
        Column("updated_by_user_id", "t", "updatedByUserId"),
    ),
    id_path=history_id,
    modified_path="timestamp",
    modified_unit="ms",
)

OBJECT_STREAMS: dict[str, Stream] = {
    stream.name: stream for stream in (CONTACTS, COMPANIES, DEALS, TICKETS, *map(_activities, ACTIVITY_TYPES))
}

STREAMS: tuple[Stream, ...] = (
    *OBJECT_STREAMS.values(),
    OWNERS,
    PIPELINES,
    PIPELINE_STAGES,
    PROPERTIES,
    ASSOCIATIONS,
    PROPERTY_HISTORY,
)
