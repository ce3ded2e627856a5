"""Credit notes: before payment they lower what is due, afterwards they come with a refund or are settled outside."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from sandbox import stripe_shapes as shapes
from sandbox.books import INVOICES, Books, rated_at
from sandbox.clock import DAY, seconds
from sandbox.facts import UNKNOWN, Credited
from sandbox.refunds import refund
from sandbox.timeline import Object

NOTES = "stripe/credit_notes"


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a note, for an invoice line or for free text (None); minor units."""

    line: shapes.Line | None
    amount: int
    discount: int
    tax: int

    @property
    def total(self) -> int:
        """What the row gives back, tax included."""
        return self.amount - self.discount + self.tax


def credit_before(books: Books, invoice: Object, lines: Sequence[shapes.Line], at: int, rng: random.Random) -> int:
    """A note on an open invoice; a few are void again a day later. Returns what stays due, in minor units."""
    due = invoice["amount_due"]
    voided_at = at + DAY if rng.random() < 0.3 else None
    rows = [_part(books, lines[0], rng.choice((10, 20)))]
    note = _note(books, invoice, rows, at, "order_change", voided_at)
    note |= {"type": "pre_payment", "pre_payment_amount": note["total"]}
    books.timeline.put(at, NOTES, note, "credit_note.created")
    _owe(books, invoice, at, due - note["total"], note["total"])
    if voided_at is None:
        return due - note["total"]
    changes = {"status": "void", "voided_at": seconds(voided_at)}
    books.timeline.patch(voided_at, NOTES, note["id"], changes, "credit_note.voided")
    _owe(books, invoice, voided_at, due, 0)
    return due


def credit_after(
    books: Books, invoice: Object, lines: Sequence[shapes.Line], charge: Object, at: int, rng: random.Random
) -> None:
    """A note on a paid invoice, for part of it, all of it, or as a free-text goodwill line."""
    if rng.random() < 0.25:
        amount = max(1, lines[0].amount // 20)
        rows = [Row(None, amount, 0, books.tax_on(amount))]
    else:
        percent = rng.choice((15, 30, 100))
        rows = [_part(books, line, percent) for line in (lines if percent == 100 else lines[:1])]
    total = sum(row.total for row in rows)
    if not 0 < total <= charge["amount"]:
        return
    reason = rng.choice(("product_unsatisfactory", "duplicate", "order_change"))
    note = _note(books, invoice, rows, at, reason, None)
    note |= {"type": "post_payment", "post_payment_amount": total}
    if rng.random() < 0.7:
        key = refund(books, charge, total, at)
        note["refunds"] = [
            {"amount_refunded": total, "payment_record_refund": None, "refund": key, "type": "refund"},
        ]
    else:
        note["out_of_band_amount"] = total
    books.timeline.put(at, NOTES, note, "credit_note.created")
    books.timeline.patch(at, INVOICES, invoice["id"], {"post_payment_credit_notes_amount": total}, "invoice.updated")


def _owe(books: Books, invoice: Object, at: int, due: int, credited: int) -> None:
    changes = {"amount_due": due, "amount_remaining": due, "pre_payment_credit_notes_amount": credited}
    books.timeline.patch(at, INVOICES, invoice["id"], changes, "invoice.updated")


def _part(books: Books, line: shapes.Line, percent: int) -> Row:
    amount, discount = line.amount * percent // 100, line.discount * percent // 100
    return Row(line, amount, discount, books.tax_on(amount - discount))


def _note(books: Books, invoice: Object, rows: Sequence[Row], at: int, reason: str, voided_at: int | None) -> Object:
    """The note, and what it takes back as facts."""
    key = books.key("cn_1", invoice["id"], at)
    rate = books.tax[0] if books.tax else None
    for row in rows:
        start, end = (row.line.start, row.line.end) if row.line else (at, at)
        currency = invoice["currency"].upper()
        plan, net, rated = row.line.price.name if row.line else UNKNOWN, row.amount - row.discount, rated_at(invoice)
        books.facts.append(Credited(at, invoice["id"], net, currency, start, end, rated, voided_at, plan))
    subtotal, discount = sum(row.amount for row in rows), sum(row.discount for row in rows)
    tax = sum(row.tax for row in rows)
    total = subtotal - discount + tax
    lines = [_note_line(books.key("cnli_1", key, number), row, rate) for number, row in enumerate(rows)]
    return {
        "id": key,
        "object": "credit_note",
        "amount": total,
        "amount_shipping": 0,
        "created": seconds(at),
        "currency": invoice["currency"],
        "customer": invoice["customer"],
        "customer_balance_transaction": None,
        "discount_amount": discount,
        "discount_amounts": [part for line in lines for part in line["discount_amounts"]],
        "effective_at": seconds(at),
        "invoice": invoice["id"],
        "lines": {
            "object": "list",
            "data": lines,
            "has_more": False,
            "total_count": len(lines),
            "url": f"/v1/credit_notes/{key}/lines",
        },
        "livemode": False,
        "memo": None,
        "metadata": {},
        "number": f"CN-{key[-8:].upper()}",
        "out_of_band_amount": None,
        "pre_payment_amount": 0,
        "post_payment_amount": 0,
        "reason": reason,
        "refunds": [],
        "status": "issued",
        "subtotal": subtotal,
        "subtotal_excluding_tax": subtotal,
        "total": total,
        "total_excluding_tax": total - tax,
        "total_taxes": shapes.taxes(tax, subtotal - discount, rate) if rate else [],
        "voided_at": None,
    }


def _note_line(key: str, row: Row, rate: str | None) -> Object:
    line = row.line
    off = [{"amount": row.discount, "discount": line.discounts[0][0]}] if row.discount and line else []
    return {
        "id": key,
        "object": "credit_note_line_item",
        "amount": row.amount,
        "description": line.description if line else "Goodwill",
        "discount_amount": row.discount,
        "discount_amounts": off,
        "invoice_line_item": line.id if line else None,
        "livemode": False,
        "pretax_credit_amounts": [],
        "quantity": line.quantity if line else 1,
        "tax_rates": [],
        "taxes": shapes.taxes(row.tax, row.amount - row.discount, rate) if rate else [],
        "type": "invoice_line_item" if line else "custom_line_item",
        "unit_amount": None,
        "unit_amount_decimal": None,
    }
