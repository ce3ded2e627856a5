"""HubSpot's association types."""

from __future__ import annotations

from sandbox.timeline import Object

# Association types of HubSpot: (from, to) -> (type id, name); the first of a pair is the labelled primary one.
# fmt: off
ASSOCIATION_TYPES: dict[tuple[str, str], tuple[tuple[int, str], ...]] = {
    ("contacts", "companies"): ((1, "contact_to_company"), (279, "contact_to_company_unlabeled")),
    ("deals", "companies"): ((5, "deal_to_company"), (341, "deal_to_company_unlabeled")),
    ("deals", "contacts"): ((3, "deal_to_contact"),),
    ("tickets", "companies"): ((26, "ticket_to_company"), (339, "ticket_to_company_unlabeled")),
    ("tickets", "contacts"): ((16, "ticket_to_contact"),),
    ("calls", "contacts"): ((194, "call_to_contact"),),
    ("calls", "companies"): ((182, "call_to_company"),),
    ("calls", "deals"): ((206, "call_to_deal"),),
    ("emails", "contacts"): ((198, "email_to_contact"),),
    ("emails", "companies"): ((186, "email_to_company"),),
    ("emails", "deals"): ((210, "email_to_deal"),),
    ("meetings", "contacts"): ((200, "meeting_event_to_contact"),),
    ("meetings", "companies"): ((188, "meeting_event_to_company"),),
    ("meetings", "deals"): ((212, "meeting_event_to_deal"),),
    ("notes", "contacts"): ((202, "note_to_contact"),),
    ("notes", "companies"): ((190, "note_to_company"),),
    ("notes", "deals"): ((214, "note_to_deal"),),
    ("tasks", "contacts"): ((204, "task_to_contact"),),
    ("tasks", "companies"): ((192, "task_to_company"),),
    ("tasks", "deals"): ((216, "task_to_deal"),),
}
# fmt: on
ASSOCIATION_LABELS = {1: "Primary", 5: "Primary", 26: "Primary"}


def association(from_type: str, to_type: str, ids: list[str]) -> list[Object]:
    """The rows under `associations.<to_type>.results` of an object."""
    return [
        {"id": key, "type": name, "typeId": number, "category": "HUBSPOT_DEFINED"}
        for key in ids
        for number, name in ASSOCIATION_TYPES[from_type, to_type]
    ]
