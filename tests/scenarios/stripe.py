"""A company's Stripe account for scenarios, in the provider's own shape (API version 2025-09-30).

`Stripe` holds the objects, `Account` is one customer of the company with everything that is billed to it, and
`Subscription` one of its subscriptions. Amounts are in minor units. Days are ISO text, and mean ten in the morning,
UTC, unless they carry a time.
"""

from __future__ import annotations

import calendar
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

Object = dict[str, Any]
Off = tuple[Object, int]


def at(day: str) -> int:
    """Seconds since 1970 of a day or an instant."""
    return int(datetime.fromisoformat(day if " " in day else f"{day} 10:00").replace(tzinfo=UTC).timestamp())


def later(day: str, months: int) -> str:
    """The same day so many months later; where there is none, the month's last."""
    start = date.fromisoformat(day)
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    return date(year, month + 1, min(start.day, calendar.monthrange(year, month + 1)[1])).isoformat()


class Stripe:
    """Objects by stream, and what has changed since the last night."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, Object]] = defaultdict(dict)
        # (stream, id) of what was written or removed, with the instant at which it was
        self.changed: dict[tuple[str, str], int] = {}
        self.deleted: dict[tuple[str, str], int] = {}
        self.instant = 0
        self._number = 0

    def new_id(self, prefix: str) -> str:
        self._number += 1
        return f"{prefix}_{self._number:05}"

    def put(self, stream: str, row: Object) -> Object:
        """Keep a new or changed object."""
        self.objects[stream][row["id"]] = row
        self.changed[stream, row["id"]] = self.instant
        return row

    def delete(self, stream: str, key: str) -> None:
        """Remove an object as its provider does."""
        del self.objects[stream][key]
        self.changed.pop((stream, key), None)
        self.deleted[stream, key] = self.instant

    def price(
        self,
        amount: int | None,
        interval: str | None = "month",
        count: int = 1,
        *,
        currency: str = "usd",
        usage: str = "licensed",
        tiers: Sequence[tuple[int | None, int, int]] = (),
        mode: str | None = None,
        per: int | None = None,
        decimal: str | None = None,
    ) -> Object:
        """A price, one for each set of terms.

        `tiers` are (up to, amount per unit, amount flat); `per` sells by packages of so many; `decimal` is an amount
        per unit that is no whole number of minor units.
        """
        terms = [amount, interval, count, currency, usage, *tiers, mode, per, decimal]
        key = "price_" + "_".join(str(term) for term in terms if term is not None).translate(
            {ord(sign): None for sign in "(), "}
        )
        if key in self.objects["prices"]:
            return self.objects["prices"][key]
        if not self.objects["products"]:
            self.put("products", {"id": "prod_1", "name": "Platform", "active": True, "created": at("2021-01-01")})
        recurring = {"interval": interval, "interval_count": count, "usage_type": usage, "meter": None}
        row = {
            "id": key,
            "object": "price",
            "active": True,
            "billing_scheme": "tiered" if tiers else "per_unit",
            "created": at("2021-01-01"),
            "currency": currency,
            "nickname": None,
            "product": "prod_1",
            "recurring": recurring if interval else None,
            "tiers_mode": mode,
            "transform_quantity": {"divide_by": per, "round": "up"} if per else None,
            "type": "recurring" if interval else "one_time",
            "unit_amount": amount if decimal is None else None,
            "unit_amount_decimal": decimal or (None if amount is None else str(amount)),
        }
        if tiers:
            row["tiers"] = [
                {
                    "flat_amount": flat or None,
                    "flat_amount_decimal": str(flat) if flat else None,
                    "unit_amount": unit,
                    "unit_amount_decimal": str(unit),
                    "up_to": up_to,
                }
                for up_to, unit, flat in tiers
            ]
        return self.put("prices", row)

    def coupon(self, key: str, duration: str = "forever", **terms: Any) -> Object:
        """A coupon with `percent_off`, or `amount_off` and `currency`; `duration_in_months` when it repeats."""
        if key in self.objects["coupons"]:
            return self.objects["coupons"][key]
        blank = {"percent_off": None, "amount_off": None, "currency": None, "duration_in_months": None, "valid": True}
        return self.put("coupons", {"id": key, "created": at("2021-01-01"), "duration": duration} | blank | terms)


@dataclass
class Account:
    """One customer of the company at Stripe, who shares nothing with another."""

    stripe: Stripe
    name: str
    currency: str = "usd"
    id: str = field(init=False)

    def __post_init__(self) -> None:
        self.id = f"cus_{self.name}"
        host = self.name.replace("_", "-")[:60].strip("-")
        self.stripe.put(
            "customers",
            {
                "id": self.id,
                "address": None,
                "balance": 0,
                "created": at("2021-01-01"),
                "currency": self.currency,
                "description": None,
                "discount": None,
                "email": f"money@{host}.example.org",
                "metadata": {},
                "name": f"Company {self.name}",
            },
        )

    @property
    def object(self) -> Object:
        """The customer itself."""
        return self.stripe.objects["customers"][self.id]

    def today(self, day: str) -> None:
        """What is written from here on happens on this day: Stripe's events carry it."""
        self.stripe.instant = at(day)

    def price(self, amount: int | None, interval: str | None = "month", count: int = 1, **terms: Any) -> Object:
        """A price in the customer's currency."""
        return self.stripe.price(amount, interval, count, **({"currency": self.currency} | terms))

    def coupon(self, key: str, duration: str = "forever", **terms: Any) -> Object:
        """A coupon of the company."""
        return self.stripe.coupon(key, duration, **terms)

    def discount(
        self,
        coupon: Object,
        start: str,
        end: str | None = None,
        subscription: str | None = None,
        item: str | None = None,
    ) -> Object:
        """A coupon applied: to an item, a subscription, or the customer."""
        return {
            "id": self.stripe.new_id("di"),
            "object": "discount",
            "checkout_session": None,
            "customer": self.id,
            "end": at(end) if end else None,
            "invoice": None,
            "invoice_item": None,
            "promotion_code": None,
            "source": {"coupon": dict(coupon, object="coupon"), "type": "coupon"},
            "start": at(start),
            "subscription": subscription,
            "subscription_item": item,
        }

    def give_discount(self, coupon: Object, start: str, end: str | None = None) -> Object:
        """A discount on all that the customer buys."""
        made = self.discount(coupon, start, end)
        self.stripe.put("customers", self.object | {"discount": made})
        return made

    def subscribe(self, start: str, *prices: Object, quantity: int | None = 1, **fields: Any) -> Subscription:
        """A subscription as it is at present, with an item for each price."""
        made = Subscription(self, self.stripe.new_id("sub"))
        row = {
            "id": made.id,
            "cancel_at": None,
            "cancel_at_period_end": False,
            "canceled_at": None,
            "cancellation_details": {"comment": None, "feedback": None, "reason": None},
            "collection_method": "charge_automatically",
            "created": at(start),
            "currency": self.currency,
            "customer": self.id,
            "discounts": [],
            "ended_at": None,
            "metadata": {},
            "pause_collection": None,
            "schedule": None,
            "start_date": at(start),
            "status": "active",
            "trial_end": None,
            "trial_start": None,
            "items": {"data": []},
        }
        self.stripe.put("subscriptions", row | fields)
        for price in prices:
            made.add(price, start, quantity)
        return made

    def line(
        self,
        price: Object,
        start: str,
        end: str,
        *,
        quantity: int | None = 1,
        amount: int | None = None,
        off: Iterable[Off] = (),
        tax: int = 0,
        inclusive: bool = False,
        proration: bool = False,
        subscription: str | None = None,
        item: str | None = None,
    ) -> Object:
        """A line of an invoice that is still to be made: of a subscription's item, or one-off."""
        listed = [{"amount": value, "discount": discount["id"]} for discount, value in off]
        if amount is None:
            amount = (price["unit_amount"] or 0) * (quantity or 0)
        own = {"invoice_item": None, "proration": proration, "subscription": subscription}
        if item:
            details = {"subscription_item_details": own | {"subscription_item": item}, "invoice_item_details": None}
        else:
            details = {"subscription_item_details": None, "invoice_item_details": own}
        behaviour = "inclusive" if inclusive else "exclusive"
        return {
            "amount": amount,
            "currency": price["currency"],
            "description": f"{quantity} × Platform",
            "discount_amounts": listed,
            "discountable": not proration,
            "discounts": [discount for discount, _ in off],
            "metadata": {},
            "parent": details | {"type": "subscription_item_details" if item else "invoice_item_details"},
            "period": {"start": at(start), "end": at(end)},
            "pricing": {
                "price_details": {"price": price["id"], "product": price["product"]},
                "type": "price_details",
                "unit_amount_decimal": price["unit_amount_decimal"],
            },
            "quantity": quantity,
            "subtotal": amount,
            "taxes": [{"amount": tax, "tax_behavior": behaviour, "type": "tax_rate_details"}] if tax else [],
        }

    def invoice(
        self, day: str, lines: Sequence[Object], status: str = "paid", *, fee: int = 0, **fields: Any
    ) -> Invoice:
        """An invoice of these lines; a paid one is settled by a charge on its day, for a fee."""
        key = self.stripe.new_id("in")
        kept = [dict(line, id=f"il_{key}_{number:02}", invoice=key) for number, line in enumerate(lines)]
        subtotal = sum(line["amount"] for line in lines)
        off = sum(entry["amount"] for line in lines for entry in line["discount_amounts"])
        taxes = [entry for line in lines for entry in line["taxes"]]
        added = sum(entry["amount"] for entry in taxes if entry["tax_behavior"] == "exclusive")
        total = subtotal - off + added
        due = max(total, 0)
        parents = [(line["parent"]["subscription_item_details"] or {}).get("subscription") for line in lines]
        subscription = next((parent for parent in parents if parent), None)
        row = {
            "id": key,
            "amount_due": due,
            "amount_paid": due if status == "paid" else 0,
            "amount_remaining": 0 if status in {"paid", "void"} else due,
            "attempt_count": 1,
            "billing_reason": "subscription_cycle" if subscription else "manual",
            "collection_method": "charge_automatically",
            "created": at(day),
            "currency": lines[0]["currency"],
            "customer": self.id,
            "customer_email": self.object["email"],
            "customer_name": self.object["name"],
            "discounts": [],
            "due_date": None,
            "lines": {"data": kept},
            "metadata": {},
            "number": key.upper(),
            "parent": {"subscription_details": {"subscription": subscription}, "type": "subscription_details"}
            if subscription
            else None,
            "period_end": at(day),
            "period_start": at(day),
            "status": status,
            "status_transitions": {
                "finalized_at": None if status == "draft" else at(day),
                "marked_uncollectible_at": at(day) if status == "uncollectible" else None,
                "paid_at": at(day) if status == "paid" else None,
                "voided_at": at(day) if status == "void" else None,
            },
            "subtotal": subtotal,
            "total": total,
            "total_discount_amounts": [entry for line in lines for entry in line["discount_amounts"]],
            "total_excluding_tax": total - sum(entry["amount"] for entry in taxes),
            "total_taxes": taxes,
        }
        made = Invoice(self, key)
        self.stripe.put("invoices", row | fields)
        if status == "paid" and due:
            made.pay(day, fee)
        return made

    def one_off(self, day: str, amount: int, end: str | None = None, status: str = "paid", **line: Any) -> Invoice:
        """An invoice of one line that belongs to no subscription, for a service up to `end`."""
        return self.invoice(day, [self.line(self.price(amount, None), day, end or day, **line)], status)

    def delete(self) -> None:
        """The customer is deleted; Stripe ends what it subscribed to, and keeps the invoices."""
        self.stripe.delete("customers", self.id)

    def _settle(self, kind: str, category: str, amount: int, fee: int, currency: str, source: str, day: str) -> Object:
        return self.stripe.put(
            "balance_transactions",
            {
                "id": self.stripe.new_id("txn"),
                "amount": amount,
                "available_on": at(day) + 2 * 86_400,
                "created": at(day),
                "currency": currency,
                "description": None,
                "exchange_rate": None,
                "fee": fee,
                "fee_details": [],
                "net": amount - fee,
                "reporting_category": category,
                "source": source,
                "status": "available",
                "type": kind,
            },
        )


@dataclass
class Invoice:
    """One invoice of an account."""

    account: Account
    id: str

    @property
    def object(self) -> Object:
        """The invoice itself."""
        return self.account.stripe.objects["invoices"][self.id]

    @property
    def line_ids(self) -> list[str]:
        """The ids of its lines."""
        return [line["id"] for line in self.object["lines"]["data"]]

    @property
    def charge(self) -> Object:
        """The charge that paid it."""
        charges = self.account.stripe.objects["charges"].values()
        return next(row for row in charges if row["metadata"].get("invoice") == self.id)

    def change(self, **fields: Any) -> None:
        """The invoice turns out otherwise: paid, void, uncollectible."""
        self.account.stripe.put("invoices", self.object | fields)

    def pay(self, day: str, fee: int = 0) -> Object:
        """Settle what is due by a charge."""
        stripe, row = self.account.stripe, self.object
        charge, intent = stripe.new_id("ch"), stripe.new_id("pi")
        due, currency = row["amount_due"], row["currency"]
        entry = self.account._settle("charge", "charge", due, fee, currency, charge, day)
        stripe.put(
            "invoice_payments",
            {
                "id": stripe.new_id("inpay"),
                "amount_paid": due,
                "amount_requested": due,
                "created": at(day),
                "currency": currency,
                "invoice": self.id,
                "is_default": True,
                "payment": {"payment_intent": intent, "type": "payment_intent"},
                "status": "paid",
            },
        )
        return stripe.put(
            "charges",
            {
                "id": charge,
                "amount": due,
                "amount_captured": due,
                "amount_refunded": 0,
                "balance_transaction": entry["id"],
                "captured": True,
                "created": at(day),
                "currency": currency,
                "customer": self.account.id,
                "disputed": False,
                "failure_code": None,
                "failure_message": None,
                "metadata": {"invoice": self.id},
                "paid": True,
                "payment_intent": intent,
                "refunded": False,
                "status": "succeeded",
            },
        )

    def refund(self, day: str, amount: int, status: str = "succeeded") -> Object:
        """Give back a part of what was paid."""
        stripe, charge = self.account.stripe, self.charge
        key = stripe.new_id("re")
        entry = self.account._settle("refund", "refund", -amount, 0, charge["currency"], key, day)
        stripe.put("charges", charge | {"amount_refunded": charge["amount_refunded"] + amount})
        return stripe.put(
            "refunds",
            {
                "id": key,
                "amount": amount,
                "balance_transaction": entry["id"],
                "charge": charge["id"],
                "created": at(day),
                "currency": charge["currency"],
                "metadata": {},
                "payment_intent": charge["payment_intent"],
                "reason": "requested_by_customer",
                "status": status,
            },
        )

    def dispute(self, day: str, fee: int, status: str = "needs_response") -> Object:
        """The payer's bank takes the payment back."""
        stripe, charge = self.account.stripe, self.charge
        key = stripe.new_id("dp")
        entry = self.account._settle("adjustment", "dispute", -charge["amount"], fee, charge["currency"], key, day)
        stripe.put("charges", charge | {"disputed": True})
        return stripe.put(
            "disputes",
            {
                "id": key,
                "amount": charge["amount"],
                "balance_transactions": [entry],
                "charge": charge["id"],
                "created": at(day),
                "currency": charge["currency"],
                "metadata": {},
                "payment_intent": charge["payment_intent"],
                "reason": "fraudulent",
                "status": status,
            },
        )

    def win(self, dispute: Object, day: str, fee: int) -> Object:
        """The bank gives the money back, the provider its fee."""
        amount, currency = dispute["amount"], dispute["currency"]
        entry = self.account._settle("adjustment", "dispute_reversal", amount, -fee, currency, dispute["id"], day)
        movements = [*dispute["balance_transactions"], entry]
        return self.account.stripe.put("disputes", dispute | {"status": "won", "balance_transactions": movements})

    def credit(self, day: str, lines: Sequence[Object], **fields: Any) -> Object:
        """A credit note: `lines` have an amount, and the place of the invoice's line unless they are free text."""
        key = self.account.stripe.new_id("cn")
        made = [
            {
                "id": f"cnli_{key}_{number:02}",
                "amount": line["amount"],
                "description": None,
                "discount_amount": line.get("off", 0),
                "invoice_line_item": self.line_ids[line["place"]] if "place" in line else None,
                "quantity": None,
                "taxes": [{"amount": line["tax"], "tax_behavior": "exclusive"}] if line.get("tax") else [],
                "type": "invoice_line_item" if "place" in line else "custom_line_item",
            }
            for number, line in enumerate(lines)
        ]
        net = sum(line["amount"] - line.get("off", 0) for line in lines)
        tax = sum(line.get("tax", 0) for line in lines)
        row = {
            "id": key,
            "amount": net + tax,
            "created": at(day),
            "currency": self.object["currency"],
            "customer": self.account.id,
            "invoice": self.id,
            "lines": {"data": made},
            "metadata": {},
            "reason": "order_change",
            "refunds": [],
            "status": "issued",
            "subtotal": sum(line["amount"] for line in lines),
            "total": net + tax,
            "total_taxes": [{"amount": tax, "tax_behavior": "exclusive"}] if tax else [],
            "type": "post_payment" if self.object["status"] == "paid" else "pre_payment",
            "voided_at": None,
        }
        return self.account.stripe.put("credit_notes", row | fields)


@dataclass
class Subscription:
    """One subscription of an account."""

    account: Account
    id: str

    @property
    def object(self) -> Object:
        """The subscription itself."""
        return self.account.stripe.objects["subscriptions"][self.id]

    @property
    def items(self) -> list[Object]:
        """Its items as they are at present."""
        return self.object["items"]["data"]

    def change(self, **fields: Any) -> None:
        """The subscription itself changes."""
        self.account.stripe.put("subscriptions", self.object | fields)

    def add(self, price: Object, day: str, quantity: int | None = 1) -> str:
        """One item more; returns its id."""
        key = self.account.stripe.new_id("si")
        metered = (price["recurring"] or {}).get("usage_type") == "metered"
        item = {
            "id": key,
            "object": "subscription_item",
            "created": at(day),
            "discounts": [],
            "metadata": {},
            "price": {name: value for name, value in price.items() if name != "tiers"},
            "subscription": self.id,
        }
        item |= {} if metered else {"quantity": quantity}
        self.change(items={"data": [*self.items, item]})
        return key

    def change_item(self, place: int = 0, **fields: Any) -> None:
        """One of its items changes its price, quantity or discounts."""
        items = [item | fields if number == place else item for number, item in enumerate(self.items)]
        self.change(items={"data": items})

    def remove_item(self, place: int) -> None:
        """One of its items is gone."""
        self.change(items={"data": [item for number, item in enumerate(self.items) if number != place]})

    def end(self, day: str, asked: str | None = None, reason: str = "cancellation_requested") -> None:
        """It is over on a day."""
        details = {"comment": None, "feedback": None, "reason": reason}
        self.change(status="canceled", ended_at=at(day), canceled_at=at(asked or day), cancellation_details=details)

    def give_discount(self, coupon: Object, start: str, end: str | None = None, place: int | None = None) -> Object:
        """A discount on the subscription, or on one of its items."""
        item = None if place is None else self.items[place]["id"]
        made = self.account.discount(coupon, start, end, self.id, item)
        if place is None:
            self.change(discounts=[*self.object["discounts"], made])
        else:
            self.change_item(place, discounts=[*self.items[place]["discounts"], made])
        return made

    def line(self, start: str, end: str, place: int = 0, price: Object | None = None, **more: Any) -> Object:
        """A line for one of its items."""
        item = self.items[place]
        more.setdefault("quantity", item.get("quantity", 1))
        return self.account.line(price or item["price"], start, end, subscription=self.id, item=item["id"], **more)

    def bill(
        self,
        start: str,
        cycles: int = 1,
        *,
        price: Object | None = None,
        status: str = "paid",
        off: Iterable[Off] = (),
        fee: int = 0,
        **line: Any,
    ) -> list[Invoice]:
        """Consecutive invoices of its first item, each of one cycle paid in advance."""
        terms = (price or self.items[0]["price"])["recurring"]
        months = terms["interval_count"] * {"month": 1, "year": 12}[terms["interval"]]
        made = []
        for number in range(cycles):
            begins, ends = later(start, months * number), later(start, months * (number + 1))
            lines = [self.line(begins, ends, price=price, off=list(off), **line)]
            made.append(self.account.invoice(begins, lines, status, fee=fee))
        return made

    def prorate(
        self,
        day: str,
        until: str,
        credit: int,
        charge: int,
        *,
        before: Object,
        after: Object | None = None,
        **more: Any,
    ) -> Invoice:
        """The invoice of a change in the middle of a cycle: unused time given back, the remaining time charged."""
        item = self.items[0]["price"]
        return self.account.invoice(
            day,
            [
                self.line(day, until, price=before, amount=-credit, proration=True, **more),
                self.line(day, until, price=after or item, amount=charge, proration=True, **more),
            ],
        )
