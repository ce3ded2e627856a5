"""Stripe rows for tests, built case by case: each customer is an account of its own."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

SEEN_AT = "2026-01-15 06:00:00+00"

Row = dict[str, Any]


def at(day: str) -> str:
    """Ten in the morning of a day, UTC; an instant stays what it is."""
    return day if " " in day else f"{day} 10:00:00+00"


def months_later(day: str, months: int) -> str:
    """The same day so many months later, as ISO text; the 31st of a short month is its last day."""
    start = date.fromisoformat(day)
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    for number in range(start.day, 0, -1):
        try:
            return date(year, month + 1, number).isoformat()
        except ValueError:
            continue
    raise AssertionError(day)


class Billing:
    """Collects rows by stream. Amounts are in minor units, as the provider sends them."""

    def __init__(self, seen_at: str = SEEN_AT) -> None:
        self.seen_at = seen_at
        self.rows: dict[str, list[Row]] = defaultdict(list)
        self._known: set[str] = set()
        self._number = 0

    def new_id(self, prefix: str) -> str:
        self._number += 1
        return f"{prefix}_{self._number}"

    def add(self, stream: str, row: Row) -> Row:
        self.rows[stream].append(row)
        return row

    def customer(self, name: str) -> str:
        """A customer that shares nothing with another; the same name gives the same customer."""
        key = f"cus_{name}"
        if key not in self._known:
            self._known.add(key)
            self.add(
                "customers",
                {
                    "id": key,
                    "name": f"Company {name}",
                    "email": f"money@{name.replace('_', '-')}.example.org",
                    "created_at": at("2024-01-01"),
                },
            )
        return key

    def price(
        self,
        amount: int,
        interval: str | None = "month",
        count: int = 1,
        currency: str = "usd",
        usage: str = "licensed",
    ) -> Row:
        """A price of the plan list, one for each set of arguments."""
        key = f"price_{amount}_{interval}_{count}_{currency}_{usage}"
        row = {
            "id": key,
            "product_id": "prod_1",
            "currency": currency,
            "type": "recurring" if interval else "one_time",
            "unit_amount": amount,
            "unit_amount_decimal": amount,
            "interval": interval,
            "interval_count": count,
            "usage_type": usage,
            "is_active": True,
            "created_at": at("2024-01-01"),
        }
        if key not in self._known:
            self._known.add(key)
            self.add("prices", row)
        return row

    def coupon(self, key: str, **terms: Any) -> str:
        if key not in self._known:
            self._known.add(key)
            self.add("coupons", {"id": key, "created_at": at("2024-01-01"), **terms})
        return key

    def discount(
        self,
        coupon: str,
        customer: str,
        subscription: str | None,
        start: str,
        end: str | None = None,
        item: str | None = None,
    ) -> str:
        key = self.new_id("di")
        self.add(
            "discounts",
            {
                "id": key,
                "coupon_id": coupon,
                "customer_id": customer,
                "subscription_id": subscription,
                "subscription_item_id": item,
                "start_at": at(start),
                "end_at": at(end) if end else None,
            },
        )
        return key

    def subscription(self, name: str, price: Row | None, start: str, quantity: int = 1, **more: Any) -> tuple[str, str]:
        """A subscription with one item (none without a price), as the first full read shows it; returns both ids."""
        customer = self.customer(name)
        key = more.pop("id", None) or self.new_id("sub")
        item_more = more.pop("item", {})
        row = {
            "id": key,
            "customer_id": customer,
            "status": "active",
            "currency": price["currency"] if price else "usd",
            "collection_method": "charge_automatically",
            "created_at": at(start),
            "start_at": at(start),
            "modified_at": self.seen_at,
            "discount_ids": [],
        }
        self.add("subscriptions", row | more)
        item = self.item(key, price, start, quantity, **item_more) if price else ""
        return key, item

    def item(self, subscription: str, price: Row, created: str, quantity: int = 1, **more: Any) -> str:
        key = more.pop("id", None) or self.new_id("si")
        self.add(
            "subscription_items",
            {
                "id": key,
                "subscription_id": subscription,
                "price_id": price["id"],
                "product_id": price["product_id"],
                "currency": price["currency"],
                "unit_amount": price["unit_amount"],
                "unit_amount_decimal": price["unit_amount_decimal"],
                "interval": price["interval"],
                "interval_count": price["interval_count"],
                "usage_type": price["usage_type"],
                "quantity": quantity,
                "discount_ids": [],
                "created_at": at(created),
                "modified_at": self.seen_at,
            }
            | more,
        )
        return key

    def line(
        self,
        price: Row,
        item: str | None,
        start: str,
        end: str,
        quantity: int = 1,
        amount: int | None = None,
        off: Iterable[tuple[str, int]] = (),
        **more: Any,
    ) -> Row:
        """A line of an invoice that is still to be made."""
        listed = [{"discount": discount, "amount": value} for discount, value in off]
        return {
            "subscription_item_id": item,
            "price_id": price["id"],
            "product_id": price["product_id"],
            "amount": price["unit_amount"] * quantity if amount is None else amount,
            "currency": price["currency"],
            "quantity": quantity,
            "is_proration": False,
            "discount_amounts": listed,
            "discount_amount": sum(row["amount"] for row in listed),
            "tax_amount": 0,
            "inclusive_tax_amount": 0,
            "period_start_at": at(start),
            "period_end_at": at(end),
        } | more

    def invoice(
        self, name: str, subscription: str | None, day: str, lines: list[Row], status: str = "paid", **more: Any
    ) -> str:
        """An invoice of these lines, with its totals; `more` overrides what it would be."""
        key, customer = self.new_id("in"), self.customer(name)
        subtotal = sum(line["amount"] for line in lines)
        discount = sum(line["discount_amount"] for line in lines)
        tax = sum(line["tax_amount"] for line in lines)
        inclusive = sum(line["inclusive_tax_amount"] for line in lines)
        total = subtotal - discount + tax
        self.add(
            "invoices",
            {
                "id": key,
                "customer_id": customer,
                "subscription_id": subscription,
                "status": status,
                "currency": lines[0]["currency"],
                "subtotal": subtotal,
                "total": total,
                "tax": tax + inclusive,
                "total_excluding_tax": total - tax - inclusive,
                "discount": discount,
                "amount_due": total,
                "amount_paid": total if status == "paid" else 0,
                "attempt_count": 1,
                "created_at": at(day),
                "finalized_at": at(day),
                "paid_at": at(day) if status == "paid" else None,
            }
            | more,
        )
        for number, line in enumerate(lines):
            self.add(
                "invoice_lines",
                {
                    "id": f"il_{key}_{number}",
                    "invoice_id": key,
                    "customer_id": customer,
                    "subscription_id": subscription if line["subscription_item_id"] else None,
                }
                | line,
            )
        return key

    def cycles(
        self,
        name: str,
        subscription: str,
        item: str,
        price: Row,
        start: str,
        count: int,
        quantity: int = 1,
        status: str = "paid",
        off: Iterable[tuple[str, int]] = (),
    ) -> list[str]:
        """Consecutive monthly or yearly invoices of one item; returns their ids."""
        length = 12 if price["interval"] == "year" else 1
        made = []
        for number in range(count):
            begins, ends = months_later(start, number * length), months_later(start, (number + 1) * length)
            made.append(
                self.invoice(
                    name, subscription, begins, [self.line(price, item, begins, ends, quantity, off=off)], status
                )
            )
        return made

    def charge(self, invoice: str, day: str, fee: int = 0) -> str:
        """The payment of an invoice: charge, invoice payment and balance transaction."""
        row = next(row for row in self.rows["invoices"] if row["id"] == invoice)
        key, intent, entry = self.new_id("ch"), self.new_id("pi"), self.new_id("txn")
        self.add(
            "charges",
            {
                "id": key,
                "customer_id": row["customer_id"],
                "payment_intent_id": intent,
                "amount": row["total"],
                "currency": row["currency"],
                "status": "succeeded",
                "is_paid": True,
                "balance_transaction_id": entry,
                "created_at": at(day),
            },
        )
        self.add(
            "invoice_payments",
            {
                "id": self.new_id("inpay"),
                "invoice_id": invoice,
                "payment_intent_id": intent,
                "amount_paid": row["total"],
                "status": "paid",
                "currency": row["currency"],
                "created_at": at(day),
            },
        )
        self.balance(entry, "charge", row["total"], fee, row["currency"], key, day)
        return key

    def refund(self, charge: str, amount: int, day: str, status: str = "succeeded") -> str:
        row = next(row for row in self.rows["charges"] if row["id"] == charge)
        key, entry = self.new_id("re"), self.new_id("txn")
        self.add(
            "refunds",
            {
                "id": key,
                "charge_id": charge,
                "payment_intent_id": row["payment_intent_id"],
                "amount": amount,
                "currency": row["currency"],
                "status": status,
                "balance_transaction_id": entry,
                "created_at": at(day),
            },
        )
        self.balance(entry, "refund", -amount, 0, row["currency"], key, day)
        return key

    def balance(self, key: str, kind: str, amount: int, fee: int, currency: str, source: str, day: str) -> None:
        self.add(
            "balance_transactions",
            {
                "id": key,
                "type": kind,
                "reporting_category": kind,
                "amount": amount,
                "fee": fee,
                "net": amount - fee,
                "currency": currency,
                "source_id": source,
                "status": "available",
                "created_at": at(day),
                "available_at": at(day),
            },
        )

    def credit_note(self, name: str, invoice: str, day: str, lines: list[Row], **more: Any) -> str:
        """`lines`: dicts with amount, and invoice_line_item unless the line is free text."""
        key = self.new_id("cn")
        full = [
            {
                "id": f"cnli_{key}_{number}",
                "discount_amount": 0,
                "taxes": [],
                "type": "invoice_line_item" if "invoice_line_item" in line else "custom_line_item",
            }
            | line
            for number, line in enumerate(lines)
        ]
        total = sum(line["amount"] for line in lines)
        self.add(
            "credit_notes",
            {
                "id": key,
                "invoice_id": invoice,
                "customer_id": self.customer(name),
                "status": "issued",
                "currency": "usd",
                "subtotal": total,
                "total": total,
                "amount": total,
                "tax": 0,
                "refund_ids": [],
                "lines": full,
                "created_at": at(day),
            }
            | more,
        )
        return key


def rates(currency: str, quotes: dict[str, str], to: str = "usd") -> list[Row]:
    """Rows of the exchange rate ledger: day -> units of `to` for one unit of `currency`."""
    return [
        {"id": f"{currency}:{day}", "date": day, "currency": currency.upper(), "to_currency": to.upper(), "rate": rate}
        for day, rate in quotes.items()
    ]


def monthly_rates(currency: str, rate: str, first: str = "2024-01-01", last: str = "2026-01-01") -> dict[str, str]:
    """The same rate on the first of every month."""
    day, end, quotes = date.fromisoformat(first), date.fromisoformat(last), {}
    while day <= end:
        quotes[day.isoformat()] = rate
        day = (day.replace(day=1) + timedelta(days=32)).replace(day=1)
    return quotes
