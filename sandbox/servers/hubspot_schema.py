"""HubSpot's fixed facts: object types, default properties, association types, and catalogues made from objects."""

from __future__ import annotations

from typing import Any

from sandbox.backend import Collection

Object = dict[str, Any]

TYPE_IDS = {
    "0-1": "contacts", "0-2": "companies", "0-3": "deals", "0-5": "tickets", "0-7": "products", "0-8": "line_items",
    "0-47": "meetings", "0-48": "calls", "0-49": "emails", "0-46": "notes", "0-27": "tasks", "0-14": "quotes",
    "0-18": "communications", "0-116": "postal_mail", "0-136": "leads", "0-19": "feedback_submissions",
    "0-74": "goal_targets", "0-84": "taxes", "0-123": "orders", "0-53": "invoices", "0-101": "commerce_payments",
    "0-69": "subscriptions", "0-142": "carts", "0-85": "fees", "0-88": "discounts",
}  # fmt: skip
SINGULAR = {
    "contacts": "contact", "companies": "company", "deals": "deal", "tickets": "ticket", "calls": "call",
    "emails": "email", "meetings": "meeting", "notes": "note", "tasks": "task", "products": "product",
    "line_items": "line_item",
}  # fmt: skip
# Association types call a meeting by another name than its type.
_IN_TYPE_NAMES = {"meetings": "meeting_event"}
_PLURAL = {singular: plural for plural, singular in SINGULAR.items()}
TYPES = frozenset(TYPE_IDS.values())

ENGAGEMENTS = ("calls", "emails", "meetings", "notes", "tasks")

_BASE = ["createdate", "hs_lastmodifieddate", "hs_object_id"]
_ENGAGEMENT = ["hs_createdate", "hs_lastmodifieddate", "hs_object_id"]
DEFAULTS: dict[str, list[str]] = {
    "contacts": ["createdate", "email", "firstname", "hs_object_id", "lastmodifieddate", "lastname"],
    "companies": ["createdate", "domain", "hs_lastmodifieddate", "hs_object_id", "name"],
    "deals": ["amount", "closedate", "createdate", "dealname", "dealstage", "hs_lastmodifieddate", "hs_object_id",
              "pipeline"],
    "tickets": ["content", "createdate", "hs_lastmodifieddate", "hs_object_id", "hs_pipeline", "hs_pipeline_stage",
                "hs_ticket_category", "hs_ticket_priority", "subject"],
    "products": [*_BASE, "description", "name", "price"],
    "line_items": [*_BASE, "amount", "hs_product_id", "quantity"],
    **{name: _ENGAGEMENT for name in ENGAGEMENTS},
}  # fmt: skip


def defaults(stream: str) -> list[str]:
    """Return the properties that answer when none are asked for."""
    return DEFAULTS.get(stream, _BASE)


def always(stream: str) -> tuple[str, ...]:
    """Return the properties that every answer carries."""
    return ("hs_createdate" if stream in ENGAGEMENTS else "createdate", modified_property(stream), "hs_object_id")


def modified_property(stream: str) -> str:
    """Return the name of the modification instant: contacts have their own."""
    return "lastmodifieddate" if stream == "contacts" else "hs_lastmodifieddate"


def canonical(name: str) -> str | None:
    """Return the plural name of an object type given by name or type id, None when there is no such type."""
    lowered = name.lower()
    if lowered in TYPES:
        return lowered
    return TYPE_IDS.get(lowered) or _PLURAL.get(lowered)


# (from, to) -> (the plain type id, the primary one where the pair has one).
_PAIRS: dict[tuple[str, str], tuple[int, int | None]] = {
    ("contacts", "companies"): (279, 1), ("companies", "contacts"): (280, 2),
    ("deals", "contacts"): (3, None), ("contacts", "deals"): (4, None),
    ("deals", "companies"): (341, 5), ("companies", "deals"): (342, 6),
    ("tickets", "contacts"): (16, None), ("contacts", "tickets"): (15, None),
    ("tickets", "companies"): (339, 26), ("companies", "tickets"): (340, 25),
    ("tickets", "deals"): (28, None), ("deals", "tickets"): (27, None),
    ("calls", "contacts"): (194, None), ("contacts", "calls"): (193, None),
    ("calls", "companies"): (182, None), ("companies", "calls"): (181, None),
    ("calls", "deals"): (206, None), ("deals", "calls"): (205, None),
    ("calls", "tickets"): (220, None), ("tickets", "calls"): (219, None),
    ("emails", "contacts"): (198, None), ("contacts", "emails"): (197, None),
    ("emails", "companies"): (186, None), ("companies", "emails"): (185, None),
    ("emails", "deals"): (210, None), ("deals", "emails"): (209, None),
    ("emails", "tickets"): (224, None), ("tickets", "emails"): (223, None),
    ("meetings", "contacts"): (200, None), ("contacts", "meetings"): (199, None),
    ("meetings", "companies"): (188, None), ("companies", "meetings"): (187, None),
    ("meetings", "deals"): (212, None), ("deals", "meetings"): (211, None),
    ("meetings", "tickets"): (226, None), ("tickets", "meetings"): (225, None),
    ("notes", "contacts"): (202, None), ("contacts", "notes"): (201, None),
    ("notes", "companies"): (190, None), ("companies", "notes"): (189, None),
    ("notes", "deals"): (214, None), ("deals", "notes"): (213, None),
    ("notes", "tickets"): (228, None), ("tickets", "notes"): (227, None),
    ("tasks", "contacts"): (204, None), ("contacts", "tasks"): (203, None),
    ("tasks", "companies"): (192, None), ("companies", "tasks"): (191, None),
    ("tasks", "deals"): (216, None), ("deals", "tasks"): (215, None),
    ("tasks", "tickets"): (230, None), ("tickets", "tasks"): (229, None),
    ("companies", "companies"): (450, None),
}  # fmt: skip
_INVERSE = {
    type_id: other
    for (left, right), ids in _PAIRS.items()
    for type_id, other in zip(ids, _PAIRS[right, left], strict=True)
    if type_id is not None and other is not None
}
_PRIMARY = frozenset(ids[1] for ids in _PAIRS.values() if ids[1] is not None)
# Parent and child companies are two directions of one pair.
_INVERSE.update({13: 14, 14: 13})
_LABELS = {13: "Child Company", 14: "Parent Company"}


def default_type_id(left: str, right: str) -> int:
    """Return the type id of an association whose type is not told: the primary one where there is one."""
    plain, primary = _PAIRS.get((left, right), (0, None))
    return primary if primary is not None else plain


def plain_type_id(left: str, right: str) -> int | None:
    """Return the type id of the pair's unlabelled association, None when HubSpot defines none."""
    return _PAIRS[left, right][0] if (left, right) in _PAIRS else None


def inverse_type_id(type_id: int) -> int:
    """Return the type id of the same association seen from the other side."""
    return _INVERSE.get(type_id, type_id)


def label_of(type_id: int) -> str | None:
    """Return the label that HubSpot gives a type id, None for the plain one."""
    return "Primary" if type_id in _PRIMARY else _LABELS.get(type_id)


def type_ids(left: str, right: str) -> list[int]:
    """Return the association types defined between two object types."""
    return [type_id for type_id in reversed(_PAIRS.get((left, right), ())) if type_id is not None]


def type_name(left: str, right: str, type_id: int) -> str:
    """Return the v3 name of an association type, such as `contact_to_company`."""
    suffix = "_unlabeled" if type_id == plain_type_id(left, right) and default_type_id(left, right) != type_id else ""
    near, far = (_IN_TYPE_NAMES.get(name) or SINGULAR.get(name, name) for name in (left, right))
    return f"{near}_to_{far}{suffix}"


_NUMBERS = frozenset({"amount", "numberofemployees", "annualrevenue", "hs_deal_stage_probability", "hs_call_duration",
                      "hs_object_id", "price", "quantity"})  # fmt: skip


def inferred_catalogue(stream: str, rows: Collection) -> list[Object]:
    """Return a property catalogue made from the objects, for sources that bring none."""
    names = dict.fromkeys([*defaults(stream), *always(stream)])
    for row in rows.rows:
        for name in row["properties"]:
            names.setdefault(name)
    return [{"name": name, "type": _kind(name)} for name in names]


def _kind(name: str) -> str:
    if name in _NUMBERS:
        return "number"
    if name.endswith(("date", "_timestamp")) or "_date_" in name:
        return "datetime"
    return "string"
