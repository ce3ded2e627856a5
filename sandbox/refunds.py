"""Money that goes back to a customer's card."""

from __future__ import annotations

from fractions import Fraction

from sandbox.books import CHARGES, Books, rated_at
from sandbox.clock import DAY, seconds
from sandbox.facts import Returned
from sandbox.money import half_up
from sandbox.timeline import Object


def refund(books: Books, charge: Object, amount: int, at: int, before: int = 0, settled_at: int | None = None) -> str:
    """Refund `amount` minor units (`before`: refunded earlier); pending until `settled_at`. Returns the refund's id."""
    key = books.key("re_3", charge["id"], at)
    entry = books.key("txn_3", key)
    obj = {
        "id": key,
        "object": "refund",
        "amount": amount,
        "balance_transaction": entry,
        "charge": charge["id"],
        "created": seconds(at),
        "currency": charge["currency"],
        "destination_details": {"type": "card"},
        "metadata": {},
        "payment_intent": charge["payment_intent"],
        "reason": "requested_by_customer",
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": "pending" if settled_at else "succeeded",
        "transfer_reversal": None,
    }
    books.timeline.put(at, "stripe/refunds", obj, "refund.created")
    if settled_at:
        books.timeline.patch(settled_at, "stripe/refunds", key, {"status": "succeeded"}, "refund.updated")
    total = before + amount
    changes = {"amount_refunded": total, "refunded": total == charge["amount"]}
    books.timeline.patch(at, CHARGES, charge["id"], changes, "charge.refunded")
    books.move(entry, "refund", "refund", -amount, 0, charge["currency"], key, at, "REFUND FOR CHARGE")
    return key


def plain_refund(
    books: Books, invoice: Object, charge: Object, amount: int, at: int, slow: bool, before: int = 0
) -> None:
    """A refund without a credit note: it lowers revenue itself, on its own day, once it has gone through."""
    settled_at = at + 2 * DAY if slow else None
    refund(books, charge, amount, at, before, settled_at)
    net = half_up(Fraction(amount * invoice["total_excluding_tax"], invoice["total"]))
    currency = charge["currency"].upper()
    books.facts.append(Returned(settled_at or at, invoice["id"], net, currency, at, rated_at(invoice)))
