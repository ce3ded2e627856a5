"""Stripe's streams. Amounts stay integers in minor units, instants are seconds since 1970.

Two shapes of the API are read: that of 2025-03-31 and later first, the older one as the alternative. Stripe dates none
of its objects' modifications, so a version is dated by the event that announced it, or by the run that saw it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ingestion.versions import Column, FieldPath, Kind, Stream

JsonObject = dict[str, Any]


def _column(name: str, kind: Kind, path: FieldPath | None = None) -> Column:
    return Column(name, kind, path)


def _ref(path: str) -> str:
    """The path of a reference that is an id, or the object itself when it was expanded."""
    return "|".join(f"{one}.id|{one}" for one in path.split("|"))


def items_of(item: JsonObject, field: str) -> list[JsonObject]:
    """The objects of an embedded list: a Stripe list object, or a plain list. Entries that are ids are left out."""
    held = item.get(field)
    entries = held.get("data") if isinstance(held, dict) else held
    return [entry for entry in entries or () if isinstance(entry, dict)]


def id_of(value: Any) -> str | None:
    """The id of a reference, expanded or not."""
    return value.get("id") if isinstance(value, dict) else value


def _total(amounts: Iterable[JsonObject]) -> int:
    return sum(entry.get("amount") or 0 for entry in amounts)


def _discount_ids(item: JsonObject) -> list[str]:
    """Ids of the discounts on an object; older shapes hold a single one."""
    held = item.get("discounts")
    if held is None:
        held = [item["discount"]] if item.get("discount") else []
    return [key for key in map(id_of, held) if key]


def _invoice_tax(item: JsonObject) -> int | None:
    for field in ("total_taxes", "total_tax_amounts"):
        if isinstance(item.get(field), list):
            return _total(item[field])
    return item.get("tax")


def _total_excluding_tax(item: JsonObject) -> int | None:
    given = item.get("total_excluding_tax")
    if given is not None or item.get("total") is None:
        return given
    return item["total"] - (_invoice_tax(item) or 0)


def _line_taxes(item: JsonObject, inclusive: bool) -> int:
    taxes = item.get("taxes")
    if isinstance(taxes, list):
        return _total(tax for tax in taxes if (tax.get("tax_behavior") == "inclusive") == inclusive)
    return _total(tax for tax in item.get("tax_amounts") or () if bool(tax.get("inclusive")) == inclusive)


def _line_discounts(item: JsonObject) -> list[JsonObject]:
    return [
        {"amount": entry.get("amount"), "discount": id_of(entry.get("discount"))}
        for entry in item.get("discount_amounts") or ()
    ]


def _is_proration(item: JsonObject) -> bool | None:
    parent = item.get("parent") or {}
    for field in ("subscription_item_details", "invoice_item_details"):
        details = parent.get(field) or {}
        if details.get("proration") is not None:
            return details["proration"]
    return item.get("proration")


def _period(bound: str) -> FieldPath:
    """The current period of a subscription: its own, else that of the item that renews first."""

    def read(item: JsonObject) -> int | None:
        own = item.get(f"current_period_{bound}")
        if own is not None:
            return own
        held = [entry for entry in items_of(item, "items") if entry.get("current_period_end") is not None]
        return min(held, key=lambda entry: entry["current_period_end"])[f"current_period_{bound}"] if held else None

    return read


def _refund_ids(item: JsonObject) -> list[str]:
    linked = [id_of(entry.get("refund")) for entry in item.get("refunds") or () if isinstance(entry, dict)]
    if not linked and item.get("refund"):
        linked = [id_of(item["refund"])]
    return [key for key in linked if key]


def _credit_note_lines(item: JsonObject) -> list[JsonObject]:
    fields = (
        "id", "invoice_line_item", "amount", "discount_amount", "taxes", "tax_amounts", "type", "description",
    )  # fmt: skip
    return [{field: line[field] for field in fields if field in line} for line in items_of(item, "lines")]


def _dispute_movements(item: JsonObject) -> list[str]:
    return [key for key in map(id_of, item.get("balance_transactions") or ()) if key]


CUSTOMERS = Stream(
    "customers",
    (
        _column("email", "t"),
        _column("name", "t"),
        _column("description", "t"),
        _column("country", "t", "address.country"),
        _column("currency", "t"),
        _column("hubspot_company_id", "t", "metadata.hubspot_company_id"),
        _column("metadata", "j"),
        _column("balance", "i"),
        _column("created_at", "ts", "created"),
    ),
)
PRODUCTS = Stream(
    "products",
    (
        _column("name", "t"),
        _column("is_active", "b", "active"),
        _column("metadata", "j"),
        _column("created_at", "ts", "created"),
    ),
)
PRICES = Stream(
    "prices",
    (
        _column("product_id", "t", _ref("product")),
        _column("currency", "t"),
        _column("type", "t"),
        _column("unit_amount", "i"),
        _column("unit_amount_decimal", "d"),
        _column("interval", "t", "recurring.interval"),
        _column("interval_count", "i", "recurring.interval_count"),
        _column("usage_type", "t", "recurring.usage_type"),
        _column("billing_scheme", "t"),
        _column("nickname", "t"),
        _column("is_active", "b", "active"),
        _column("created_at", "ts", "created"),
    ),
)
COUPONS = Stream(
    "coupons",
    (
        _column("name", "t"),
        _column("percent_off", "d"),
        _column("amount_off", "i"),
        _column("currency", "t"),
        _column("duration", "t"),
        _column("duration_in_months", "i"),
        _column("is_valid", "b", "valid"),
        _column("created_at", "ts", "created"),
    ),
)
DISCOUNTS = Stream(
    "discounts",
    (
        _column("coupon_id", "t", _ref("source.coupon|coupon")),
        _column("customer_id", "t", _ref("customer")),
        _column("subscription_id", "t", _ref("subscription")),
        _column("subscription_item_id", "t", _ref("subscription_item")),
        _column("invoice_id", "t", _ref("invoice")),
        _column("start_at", "ts", "start"),
        _column("end_at", "ts", "end"),
    ),
)
SUBSCRIPTIONS = Stream(
    "subscriptions",
    (
        _column("customer_id", "t", _ref("customer")),
        _column("status", "t"),
        _column("currency", "t"),
        _column("collection_method", "t"),
        _column("created_at", "ts", "created"),
        _column("start_at", "ts", "start_date"),
        _column("trial_start_at", "ts", "trial_start"),
        _column("trial_end_at", "ts", "trial_end"),
        _column("current_period_start_at", "ts", _period("start")),
        _column("current_period_end_at", "ts", _period("end")),
        _column("cancel_at", "ts"),
        _column("canceled_at", "ts"),
        _column("cancel_at_period_end", "b"),
        _column("ended_at", "ts"),
        _column("pause_behavior", "t", "pause_collection.behavior"),
        _column("pause_resumes_at", "ts", "pause_collection.resumes_at"),
        _column("discount_ids", "j", _discount_ids),
        _column("cancellation_reason", "t", "cancellation_details.reason"),
        _column("cancellation_feedback", "t", "cancellation_details.feedback"),
        _column("metadata", "j"),
    ),
)
SUBSCRIPTION_ITEMS = Stream(
    "subscription_items",
    (
        _column("subscription_id", "t", _ref("subscription")),
        _column("price_id", "t", "price.id|plan.id"),
        _column("product_id", "t", _ref("price.product|plan.product")),
        _column("currency", "t", "price.currency|plan.currency"),
        _column("unit_amount", "i", "price.unit_amount|plan.amount"),
        _column("unit_amount_decimal", "d", "price.unit_amount_decimal|plan.amount_decimal"),
        _column("interval", "t", "price.recurring.interval|plan.interval"),
        _column("interval_count", "i", "price.recurring.interval_count|plan.interval_count"),
        _column("usage_type", "t", "price.recurring.usage_type|plan.usage_type"),
        _column("quantity", "i"),
        _column("discount_ids", "j", _discount_ids),
        _column("created_at", "ts", "created"),
        _column("current_period_start_at", "ts", "current_period_start"),
        _column("current_period_end_at", "ts", "current_period_end"),
    ),
)
INVOICES = Stream(
    "invoices",
    (
        _column("customer_id", "t", _ref("customer")),
        _column("subscription_id", "t", _ref("parent.subscription_details.subscription|subscription")),
        _column("number", "t"),
        _column("status", "t"),
        _column("billing_reason", "t"),
        _column("currency", "t"),
        _column("subtotal", "i"),
        _column("total", "i"),
        _column("total_excluding_tax", "i", _total_excluding_tax),
        _column("tax", "i", _invoice_tax),
        _column("discount", "i", lambda item: _total(item.get("total_discount_amounts") or ())),
        _column("amount_due", "i"),
        _column("amount_paid", "i"),
        _column("amount_remaining", "i"),
        _column("attempt_count", "i"),
        _column("created_at", "ts", "created"),
        _column("finalized_at", "ts", "status_transitions.finalized_at"),
        _column("paid_at", "ts", "status_transitions.paid_at"),
        _column("voided_at", "ts", "status_transitions.voided_at"),
        _column("uncollectible_at", "ts", "status_transitions.marked_uncollectible_at"),
        _column("due_at", "ts", "due_date"),
        _column("period_start_at", "ts", "period_start"),
        _column("period_end_at", "ts", "period_end"),
    ),
)
_SUBSCRIPTION_LINE = "parent.subscription_item_details"
_ITEM_LINE = "parent.invoice_item_details"
INVOICE_LINES = Stream(
    "invoice_lines",
    (
        _column("invoice_id", "t", _ref("invoice")),
        _column("customer_id", "t", _ref("customer")),
        _column(
            "subscription_id", "t", _ref(f"{_SUBSCRIPTION_LINE}.subscription|{_ITEM_LINE}.subscription|subscription")
        ),
        _column("subscription_item_id", "t", _ref(f"{_SUBSCRIPTION_LINE}.subscription_item|subscription_item")),
        _column(
            "invoice_item_id", "t", _ref(f"{_SUBSCRIPTION_LINE}.invoice_item|{_ITEM_LINE}.invoice_item|invoice_item")
        ),
        _column("price_id", "t", _ref("pricing.price_details.price|price|plan")),
        _column("product_id", "t", _ref("pricing.price_details.product|price.product|plan.product")),
        _column("amount", "i"),
        _column("discount_amount", "i", lambda item: _total(item.get("discount_amounts") or ())),
        _column("discount_amounts", "j", _line_discounts),
        _column("tax_amount", "i", lambda item: _line_taxes(item, inclusive=False)),
        _column("inclusive_tax_amount", "i", lambda item: _line_taxes(item, inclusive=True)),
        _column("currency", "t"),
        _column("quantity", "i"),
        _column("unit_amount_decimal", "d", "pricing.unit_amount_decimal|price.unit_amount_decimal"),
        _column("is_proration", "b", _is_proration),
        _column("description", "t"),
        _column("period_start_at", "ts", "period.start"),
        _column("period_end_at", "ts", "period.end"),
    ),
)
INVOICE_PAYMENTS = Stream(
    "invoice_payments",
    (
        _column("invoice_id", "t", _ref("invoice")),
        _column("charge_id", "t", _ref("payment.charge")),
        _column("payment_intent_id", "t", _ref("payment.payment_intent")),
        _column("amount_paid", "i"),
        _column("status", "t"),
        _column("currency", "t"),
        _column("created_at", "ts", "created"),
    ),
)
CHARGES = Stream(
    "charges",
    (
        _column("customer_id", "t", _ref("customer")),
        _column("invoice_id", "t", _ref("invoice")),
        _column("payment_intent_id", "t", _ref("payment_intent")),
        _column("amount", "i"),
        _column("amount_captured", "i"),
        _column("amount_refunded", "i"),
        _column("currency", "t"),
        _column("status", "t"),
        _column("is_paid", "b", "paid"),
        _column("is_disputed", "b", "disputed"),
        _column("failure_code", "t"),
        _column("failure_message", "t"),
        _column("balance_transaction_id", "t", _ref("balance_transaction")),
        _column("created_at", "ts", "created"),
    ),
)
REFUNDS = Stream(
    "refunds",
    (
        _column("charge_id", "t", _ref("charge")),
        _column("payment_intent_id", "t", _ref("payment_intent")),
        _column("amount", "i"),
        _column("currency", "t"),
        _column("status", "t"),
        _column("reason", "t"),
        _column("balance_transaction_id", "t", _ref("balance_transaction")),
        _column("created_at", "ts", "created"),
    ),
)
CREDIT_NOTES = Stream(
    "credit_notes",
    (
        _column("invoice_id", "t", _ref("invoice")),
        _column("customer_id", "t", _ref("customer")),
        _column("status", "t"),
        _column("type", "t"),
        _column("reason", "t"),
        _column("currency", "t"),
        _column("subtotal", "i"),
        _column("total", "i"),
        _column("amount", "i"),
        _column("tax", "i", lambda item: _invoice_tax({"total_tax_amounts": item.get("tax_amounts"), **item})),
        _column("refund_ids", "j", _refund_ids),
        _column("lines", "j", _credit_note_lines),
        _column("created_at", "ts", "created"),
        _column("voided_at", "ts"),
    ),
)
DISPUTES = Stream(
    "disputes",
    (
        _column("charge_id", "t", _ref("charge")),
        _column("payment_intent_id", "t", _ref("payment_intent")),
        _column("amount", "i"),
        _column("currency", "t"),
        _column("status", "t"),
        _column("reason", "t"),
        _column("created_at", "ts", "created"),
        _column("balance_transaction_ids", "j", _dispute_movements),
    ),
)
BALANCE_TRANSACTIONS = Stream(
    "balance_transactions",
    (
        _column("type", "t"),
        _column("reporting_category", "t"),
        _column("amount", "i"),
        _column("fee", "i"),
        _column("net", "i"),
        _column("currency", "t"),
        _column("exchange_rate", "d"),
        _column("source_id", "t", _ref("source")),
        _column("description", "t"),
        _column("status", "t"),
        _column("created_at", "ts", "created"),
        _column("available_at", "ts", "available_on"),
        _column("fee_details", "j"),
    ),
)

STREAMS: tuple[Stream, ...] = (
    CUSTOMERS,
    PRODUCTS,
    PRICES,
    COUPONS,
    DISCOUNTS,
    SUBSCRIPTIONS,
    SUBSCRIPTION_ITEMS,
    INVOICES,
    INVOICE_LINES,
    INVOICE_PAYMENTS,
    CHARGES,
    REFUNDS,
    CREDIT_NOTES,
    DISPUTES,
    BALANCE_TRANSACTIONS,
)
