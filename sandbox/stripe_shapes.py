"""Stripe's objects as its API shows them (version 2025-09-30): builders only, no decisions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sandbox.catalog import Price
from sandbox.clock import seconds
from sandbox.timeline import Object


@dataclass(slots=True)
class Line:
    """One line of an invoice before it has an id: `amount` in minor units, discounts as (discount id, amount)."""

    description: str
    amount: int
    start: int
    end: int
    price: Price
    quantity: int
    subscription: str | None = None
    item: str | None = None
    proration: bool = False
    unit_amount: int | None = None
    discounts: list[tuple[str, int]] = field(default_factory=list)
    tax: int = 0
    id: str = ""

    @property
    def discount(self) -> int:
        """The sum of the line's discounts."""
        return sum(amount for _, amount in self.discounts)

    @property
    def net(self) -> int:
        """The amount less discounts, without exclusive tax."""
        return self.amount - self.discount


def taxes(amount: int, taxable: int, rate: str) -> list[Object]:
    """The tax rows of a line or an invoice."""
    return [
        {
            "amount": amount,
            "tax_behavior": "exclusive",
            "tax_rate_details": {"tax_rate": rate},
            "taxability_reason": "standard_rated",
            "taxable_amount": taxable,
            "type": "tax_rate_details",
        }
    ]


def line_item(line: Line, invoice: str, invoice_item: str | None, tax_rate: str | None) -> Object:
    """A line of an invoice."""
    if line.subscription:
        parent: Object = {
            "invoice_item_details": None,
            "subscription_item_details": {
                "invoice_item": invoice_item,
                "proration": line.proration,
                "proration_details": {"credited_items": None},
                "subscription": line.subscription,
                "subscription_item": line.item,
            },
            "type": "subscription_item_details",
        }
    else:
        parent = {
            "invoice_item_details": {
                "invoice_item": invoice_item,
                "proration": False,
                "proration_details": {"credited_items": None},
                "subscription": None,
            },
            "subscription_item_details": None,
            "type": "invoice_item_details",
        }
    unit = line.price.unit_amount if line.unit_amount is None else line.unit_amount
    return {
        "id": line.id,
        "object": "line_item",
        "amount": line.amount,
        "currency": line.price.currency.lower(),
        "description": line.description,
        "discount_amounts": [{"amount": amount, "discount": discount} for discount, amount in line.discounts],
        "discountable": not line.proration,
        "discounts": [discount for discount, _ in line.discounts],
        "invoice": invoice,
        "livemode": False,
        "metadata": {},
        "parent": parent,
        "period": {"end": seconds(line.end), "start": seconds(line.start)},
        "pretax_credit_amounts": [],
        "pricing": {
            "price_details": {"price": line.price.id, "product": line.price.product},
            "type": "price_details",
            "unit_amount_decimal": str(unit),
        },
        "quantity": line.quantity,
        "subtotal": line.amount,
        "taxes": taxes(line.tax, line.net, tax_rate) if tax_rate else [],
    }


def invoice(
    key: str,
    customer: Object,
    subscription: str | None,
    reason: str,
    created: int,
    period: tuple[int, int],
    lines: Sequence[Line],
    line_objects: list[Object],
    discounts: list[Object],
    tax_rate: str | None,
    collection: str,
    starting_balance: int,
) -> Object:
    """A draft invoice; finalising and paying it are changes on top."""
    subtotal = sum(line.amount for line in lines)
    off = sum(line.discount for line in lines)
    tax = sum(line.tax for line in lines)
    total = subtotal - off + tax
    by_discount: dict[str, int] = {}
    for line in lines:
        for discount, amount in line.discounts:
            by_discount[discount] = by_discount.get(discount, 0) + amount
    due = max(0, total + min(0, starting_balance)) if total > 0 else 0
    parent = None
    if subscription:
        parent = {
            "quote_details": None,
            "subscription_details": {"metadata": {}, "subscription": subscription},
            "type": "subscription_details",
        }
    return {
        "id": key,
        "object": "invoice",
        "account_country": "US",
        "account_name": "Throughline Demo",
        "amount_due": due,
        "amount_overpaid": 0,
        "amount_paid": 0,
        "amount_remaining": due,
        "amount_shipping": 0,
        "application": None,
        "attempt_count": 0,
        "attempted": False,
        "auto_advance": True,
        "billing_reason": reason,
        "collection_method": collection,
        "created": seconds(created),
        "currency": customer["currency"],
        "customer": customer["id"],
        "customer_address": customer["address"],
        "customer_email": customer["email"],
        "customer_name": customer["name"],
        "default_payment_method": None,
        "default_tax_rates": [],
        "description": None,
        "discounts": discounts,
        "due_date": None,
        "effective_at": None,
        "ending_balance": None,
        "footer": None,
        "hosted_invoice_url": None,
        "lines": {
            "object": "list",
            "data": line_objects,
            "has_more": False,
            "total_count": len(line_objects),
            "url": f"/v1/invoices/{key}/lines",
        },
        "livemode": False,
        "metadata": {},
        "next_payment_attempt": None,
        "number": None,
        "parent": parent,
        "period_end": seconds(period[1]),
        "period_start": seconds(period[0]),
        "post_payment_credit_notes_amount": 0,
        "pre_payment_credit_notes_amount": 0,
        "starting_balance": starting_balance,
        "status": "draft",
        "status_transitions": {
            "finalized_at": None,
            "marked_uncollectible_at": None,
            "paid_at": None,
            "voided_at": None,
        },
        "subtotal": subtotal,
        "subtotal_excluding_tax": subtotal,
        "total": total,
        "total_discount_amounts": [
            {"amount": amount, "discount": discount} for discount, amount in by_discount.items()
        ],
        "total_excluding_tax": total - tax,
        "total_pretax_credit_amounts": [],
        "total_taxes": taxes(tax, subtotal - off, tax_rate) if tax_rate else [],
    }


def charge(
    key: str,
    customer: Object,
    amount: int,
    created: int,
    intent: str,
    balance_transaction: str | None,
    card: Object,
    failure: str | None = None,
) -> Object:
    """A payment attempt: paid, or declined with `failure`."""
    good = failure is None
    return {
        "id": key,
        "object": "charge",
        "amount": amount,
        "amount_captured": amount if good else 0,
        "amount_refunded": 0,
        "application": None,
        "balance_transaction": balance_transaction,
        "billing_details": {
            "address": customer["address"],
            "email": customer["email"],
            "name": customer["name"],
            "phone": None,
        },
        "captured": good,
        "created": seconds(created),
        "currency": customer["currency"],
        "customer": customer["id"],
        "description": "Subscription payment",
        "disputed": False,
        "failure_balance_transaction": None,
        "failure_code": failure,
        "failure_message": None if good else "Your card was declined.",
        "livemode": False,
        "metadata": {},
        "outcome": {
            "network_status": "approved_by_network" if good else "declined_by_network",
            "type": "authorized" if good else "issuer_declined",
        },
        "paid": good,
        "payment_intent": intent,
        "payment_method": card["id"],
        "payment_method_details": {"card": card["card"], "type": "card"},
        "refunded": False,
        "status": "succeeded" if good else "failed",
    }


def invoice_payment(key: str, invoice_id: str, amount: int, currency: str, intent: str, at: int) -> Object:
    """The link between an invoice and the payment that settled it."""
    return {
        "id": key,
        "object": "invoice_payment",
        "amount_paid": amount,
        "amount_requested": amount,
        "created": seconds(at),
        "currency": currency,
        "invoice": invoice_id,
        "is_default": True,
        "livemode": False,
        "payment": {"payment_intent": intent, "type": "payment_intent"},
        "status": "paid",
        "status_transitions": {"canceled_at": None, "paid_at": seconds(at)},
    }


def balance_transaction(
    key: str,
    kind: str,
    category: str,
    amount: int,
    fee: int,
    currency: str,
    source: str,
    at: int,
    description: str | None,
) -> Object:
    """A movement of the balance that Stripe holds in one currency."""
    details: list[Any] = []
    if fee:
        details = [
            {
                "amount": fee,
                "application": None,
                "currency": currency,
                "description": "Stripe processing fees",
                "type": "stripe_fee",
            }
        ]
    return {
        "id": key,
        "object": "balance_transaction",
        "amount": amount,
        "available_on": seconds(at) // 86_400 * 86_400 + 2 * 86_400,
        "balance_type": "payments",
        "created": seconds(at),
        "currency": currency,
        "description": description,
        "exchange_rate": None,
        "fee": fee,
        "fee_details": details,
        "net": amount - fee,
        "reporting_category": category,
        "source": source,
        "status": "available",
        "type": kind,
    }
