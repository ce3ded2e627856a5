"""Stripe's types: how each may be filtered, where references lead, what can be expanded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sandbox.backend import Object


def path_to(*names: str) -> Callable[[Object], Any]:
    """Return a getter of a nested value, None where a step is missing."""

    def get(row: Object) -> Any:
        value: Any = row
        for name in names:
            if not isinstance(value, dict):
                return None
            value = value.get(name)
        return value.get("id") if isinstance(value, dict) else value

    return get


def first_of(*getters: Callable[[Object], Any]) -> Callable[[Object], Any]:
    """Return a getter of the first value that is there (objects carry several generations of shapes)."""

    def get(row: Object) -> Any:
        for getter in getters:
            value = getter(row)
            if value is not None:
                return value
        return None

    return get


_invoice_subscription = first_of(path_to("parent", "subscription_details", "subscription"), path_to("subscription"))


@dataclass(frozen=True)
class Resource:
    """A listable type: its path, its object name, and how it may be filtered."""

    stream: str
    name: str
    links: dict[str, Callable[[Object], Any]] = field(default_factory=dict)  # few rows a value: worth an index
    marks: dict[str, Callable[[Object], Any]] = field(default_factory=dict)  # many rows a value: checked row by row
    ranges: tuple[str, ...] = ()
    searchable: bool = False


def _links(*names: str, **special: Callable[[Object], Any]) -> dict[str, Callable[[Object], Any]]:
    return {**{name: path_to(name) for name in names}, **special}


RESOURCES: dict[str, Resource] = {
    resource.stream: resource
    for resource in (
        Resource("customers", "customer", _links("email"), searchable=True),
        Resource("products", "product", {}, _links("active", "shippable", "url"), searchable=True),
        Resource(
            "prices", "price", _links("product", "lookup_key"),
            {**_links("active", "currency", "type"), "recurring[interval]": path_to("recurring", "interval"),
             "recurring[usage_type]": path_to("recurring", "usage_type")}, searchable=True,
        ),
        Resource("coupons", "coupon"),
        Resource("promotion_codes", "promotion_code", _links("coupon", "code", "customer"), _links("active")),
        Resource(
            "subscriptions", "subscription", _links("customer"), _links("collection_method"),
            ("current_period_start", "current_period_end"), searchable=True,
        ),
        Resource(
            "invoices", "invoice", _links("customer", subscription=_invoice_subscription),
            _links("status", "collection_method"), ("due_date",), searchable=True,
        ),
        Resource("invoiceitems", "invoiceitem", _links("customer", "invoice")),
        Resource(
            "invoice_payments", "invoice_payment", _links("invoice"),
            {**_links("status"), "payment[type]": path_to("payment", "type"),
             "payment[payment_intent]": path_to("payment", "payment_intent")},
        ),
        Resource("charges", "charge", _links("customer", "payment_intent", "invoice"), searchable=True),
        Resource("refunds", "refund", _links("charge", "payment_intent")),
        Resource("credit_notes", "credit_note", _links("customer", "invoice")),
        Resource("disputes", "dispute", _links("charge", "payment_intent")),
        Resource("payment_intents", "payment_intent", _links("customer"), searchable=True),
        Resource("balance_transactions", "balance_transaction", _links("source", "payout"), _links("currency", "type")),
        Resource("payouts", "payout", _links("destination"), _links("status"), ("arrival_date",)),
        Resource("events", "event", {}, _links("delivery_success")),
        Resource("payment_methods", "payment_method", _links("customer"), _links("type")),
        Resource("setup_intents", "setup_intent", _links("customer")),
        Resource("subscription_schedules", "subscription_schedule", _links("customer")),
        Resource("tax_rates", "tax_rate", {}, _links("active", "inclusive")),
    )
}  # fmt: skip

# Where a reference leads: by the name of the field first, by the id's prefix where the name does not tell.
FIELD_STREAMS = {
    "customer": "customers", "product": "products", "price": "prices", "coupon": "coupons", "invoice": "invoices",
    "subscription": "subscriptions", "charge": "charges", "latest_charge": "charges", "latest_invoice": "invoices",
    "payment_intent": "payment_intents", "refund": "refunds", "credit_note": "credit_notes", "dispute": "disputes",
    "balance_transaction": "balance_transactions", "payout": "payouts", "promotion_code": "promotion_codes",
    "subscription_item": "subscription_items", "invoice_item": "invoiceitems",
}  # fmt: skip
PREFIX_STREAMS = {
    "cus": "customers", "prod": "products", "price": "prices", "sub": "subscriptions", "si": "subscription_items",
    "in": "invoices", "ii": "invoiceitems", "inpay": "invoice_payments", "ch": "charges", "py": "charges",
    "re": "refunds", "pyr": "refunds", "cn": "credit_notes", "dp": "disputes", "du": "disputes",
    "txn": "balance_transactions", "pi": "payment_intents", "po": "payouts", "promo": "promotion_codes",
}  # fmt: skip

EXPANDABLE = frozenset(FIELD_STREAMS) | {
    "source", "discount", "discounts", "default_payment_method", "payment_method", "default_source", "items", "lines",
    "payments", "refunds", "data", "subscriptions", "schedule", "test_clock", "pending_setup_intent", "default_price",
    "default_tax_rates", "tax_rates", "tax_rate", "invoice_line_item", "application", "on_behalf_of", "object",
    "balance_transactions", "tiers", "currency_options", "applies_to", "review", "transfer_data", "sources", "tax",
    "quote", "failure_balance_transaction", "transfer", "destination", "account", "from_invoice", "latest_revision",
}  # fmt: skip


def members(row: Object, name: str) -> list[Object]:
    """Return the members of an embedded list."""
    value = row.get(name)
    if isinstance(value, dict):
        value = value.get("data")
    return value if isinstance(value, list) else []
