"""How an invoice is settled, at once, later or with trouble, and what follows: refunds, credit notes, disputes."""

from __future__ import annotations

import random
from collections.abc import Sequence
from fractions import Fraction

from sandbox import stripe_shapes as shapes
from sandbox.books import CHARGES, INVOICES, Books
from sandbox.clock import DAY, HOUR, SECOND, seconds
from sandbox.credit_notes import credit_after, credit_before
from sandbox.facts import Charged
from sandbox.money import half_up
from sandbox.refunds import plain_refund
from sandbox.timeline import Object

RETRIES = (3 * DAY, 8 * DAY, 15 * DAY)
DISPUTE_FEE = 1_500
_SETTLED = (
    "status",
    "amount_paid",
    "amount_remaining",
    "attempted",
    "attempt_count",
    "next_payment_attempt",
    "auto_advance",
    "status_transitions",
)


def settle_at_once(books: Books, invoice: Object, lines: Sequence[shapes.Line], finalized: int) -> None:
    """Finalise and pay within seconds: nobody sees the invoice before it is paid."""
    opened = books.finalize(invoice, lines, finalized)
    due, paid_at = opened["amount_due"], finalized + 4 * SECOND
    paid = _paid(opened, paid_at, due, 1 if due else 0)
    books.write(paid, paid_at, finalized, ("invoice.paid", paid_at), ("invoice.payment_succeeded", paid_at))
    if due:
        _pay(books, paid, lines, due, paid_at)


def settle_later(
    books: Books, invoice: Object, lines: Sequence[shapes.Line], finalized: int, rng: random.Random
) -> None:
    """An invoice with 30 days to pay stays open until the customer pays; sometimes part of it is credited before."""
    opened = books.finalize({**invoice, "due_date": seconds(finalized + 30 * DAY)}, lines, finalized)
    books.write(opened, finalized, finalized, ("invoice.sent", finalized))
    due, paid_at = opened["amount_due"], finalized + int(rng.uniform(6, 48) * DAY)
    if not due:
        _patch_paid(books, opened, finalized + SECOND, 0, 0)
        return
    if rng.random() < 0.2 and due == opened["total"] and all(line.amount > 0 for line in lines):
        due = credit_before(books, opened, lines, finalized + int(rng.uniform(1, 4.5) * DAY), rng)
    _patch_paid(books, opened, paid_at, due, 1)
    _pay(books, opened, lines, due, paid_at)


def settle_with_trouble(
    books: Books, invoice: Object, lines: Sequence[shapes.Line], finalized: int, failures: int, rng: random.Random
) -> list[int]:
    """Payment fails `failures` times (four: for good). Returns the instants of the attempts; the last one decides."""
    opened = books.finalize(invoice, lines, finalized)
    first = finalized + 4 * SECOND
    attempts = [first, *(first + wait for wait in RETRIES)][: failures + 1]
    declined = rng.choice(("card_declined", "insufficient_funds", "expired_card"))
    intent = books.key("pi_3", invoice["id"])
    customer = books.customers[invoice["customer"]]
    for number, at in enumerate(attempts, start=1):
        if number > failures:
            _patch_paid(books, opened, at, opened["amount_due"], number)
            _pay(books, opened, lines, opened["amount_due"], at)
            break
        again = seconds(attempts[number]) if number < len(attempts) else None
        state = {"attempted": True, "attempt_count": number, "next_payment_attempt": again}
        if number == 1:
            books.write({**opened, **state}, at, finalized, ("invoice.payment_failed", at))
        else:
            books.timeline.patch(at, INVOICES, invoice["id"], state, "invoice.payment_failed")
        key, card = books.key("ch_3", invoice["id"], number), books.card(customer["id"])
        failed = shapes.charge(key, customer, opened["amount_due"], at, intent, None, card, declined)
        books.timeline.put(at, CHARGES, failed, "charge.failed")
    return attempts


def give_up(books: Books, invoice: Object, finalized: int, at: int) -> None:
    """An invoice that nobody will pay is marked uncollectible; its lines stand."""
    transitions = {
        **invoice["status_transitions"],
        "finalized_at": seconds(finalized),
        "marked_uncollectible_at": seconds(at),
    }
    changes = {
        "status": "uncollectible",
        "status_transitions": transitions,
        "next_payment_attempt": None,
        "auto_advance": False,
    }
    books.timeline.patch(at, INVOICES, invoice["id"], changes, "invoice.marked_uncollectible")


def void_cycle(books: Books, invoice: Object, at: int) -> None:
    """The invoice of a paused cycle: made and voided at once."""
    transitions = {**invoice["status_transitions"], "finalized_at": seconds(at), "voided_at": seconds(at)}
    void = {
        **invoice,
        "status": "void",
        "effective_at": seconds(at),
        "ending_balance": invoice["starting_balance"],
        "auto_advance": False,
        "status_transitions": transitions,
    }
    books.write(void, at, at, ("invoice.voided", at))


def _paid(invoice: Object, at: int, amount: int, attempts: int) -> Object:
    return {
        **invoice,
        "status": "paid",
        "amount_paid": amount,
        "amount_remaining": 0,
        "attempted": True,
        "attempt_count": attempts,
        "next_payment_attempt": None,
        "auto_advance": False,
        "status_transitions": {**invoice["status_transitions"], "paid_at": seconds(at)},
    }


def _patch_paid(books: Books, opened: Object, at: int, amount: int, attempts: int) -> None:
    paid = _paid(opened, at, amount, attempts)
    changes = {name: paid[name] for name in _SETTLED}
    books.timeline.patch(at, INVOICES, opened["id"], changes, "invoice.paid", "invoice.payment_succeeded")


def _pay(books: Books, invoice: Object, lines: Sequence[shapes.Line], amount: int, at: int) -> None:
    """A successful charge, its link to the invoice, its balance transaction."""
    customer = books.customers[invoice["customer"]]
    currency, intent = customer["currency"], books.key("pi_3", invoice["id"])
    key, entry = books.key("ch_3", invoice["id"]), books.key("txn_3", invoice["id"])
    charge = shapes.charge(key, customer, amount, at, intent, entry, books.card(customer["id"]))
    books.timeline.put(at, CHARGES, charge, "charge.succeeded")
    link = shapes.invoice_payment(books.key("inpay_1", invoice["id"]), invoice["id"], amount, currency, intent, at)
    books.timeline.put(at, "stripe/invoice_payments", link, "invoice_payment.paid")
    fee = half_up(Fraction(amount * 29, 1000)) + 30
    books.move(entry, "charge", "charge", amount, fee, currency, key, at, "Subscription payment")
    books.facts.append(Charged(at, invoice["id"], fee, currency.upper(), at))
    _aftermath(books, invoice, lines, charge, at)


def _aftermath(books: Books, invoice: Object, lines: Sequence[shapes.Line], charge: Object, at: int) -> None:
    """Few payments have one; each charge has a generator of its own, so that no other payment is disturbed."""
    rng = random.Random(f"{books.catalog.seed}:{charge['id']}")
    pick, amount = rng.random(), charge["amount"]
    slow = rng.random() < 0.15
    whole = amount == invoice["total"] and all(line.amount > 0 for line in lines)
    if pick < 0.010:
        plain_refund(books, invoice, charge, amount, at + int(rng.uniform(0.5, 12) * DAY), slow)
    elif pick < 0.024:
        part = max(1, int(amount * rng.choice((0.1, 0.25, 0.5))))
        first = at + int(rng.uniform(1, 40) * DAY)
        plain_refund(books, invoice, charge, part, first, slow)
        if rng.random() < 0.25 and part > 1:
            second = first + int(rng.uniform(1, 20) * DAY)
            plain_refund(books, invoice, charge, part // 2, second, slow=False, before=part)
    elif pick < 0.036 and whole:
        credit_after(books, invoice, lines, charge, at + int(rng.uniform(1, 25) * DAY), rng)
    elif 0.036 <= pick < 0.042:
        _dispute(books, invoice, charge, at + int(rng.uniform(4, 35) * DAY), rng)


def _dispute(books: Books, invoice: Object, charge: Object, at: int, rng: random.Random) -> None:
    """The cardholder disputes the charge: the money goes at once, and comes back when the dispute is won."""
    key = books.key("du_1", charge["id"])
    currency, amount = charge["currency"], charge["amount"]
    text = f"Chargeback withdrawal for {charge['id']}"
    out = books.key("txn_1", key, "out")
    taken = books.move(out, "adjustment", "dispute", -amount, DISPUTE_FEE, currency, key, at, text)
    books.facts.append(Charged(at, invoice["id"], DISPUTE_FEE, currency.upper(), at))
    obj = {
        "id": key,
        "object": "dispute",
        "amount": amount,
        "balance_transactions": [taken],
        "charge": charge["id"],
        "created": seconds(at),
        "currency": currency,
        "enhanced_eligibility_types": [],
        "evidence": {},
        "evidence_details": {
            "due_by": seconds(at + 9 * DAY),
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
        },
        "is_charge_refundable": False,
        "livemode": False,
        "metadata": {},
        "payment_intent": charge["payment_intent"],
        "reason": rng.choice(("fraudulent", "product_not_received", "subscription_canceled")),
        "status": "needs_response",
    }
    books.timeline.put(at, "stripe/disputes", obj, "charge.dispute.created")
    books.timeline.patch(at, CHARGES, charge["id"], {"disputed": True}, "charge.updated")
    review, closed = at + 3 * DAY + HOUR, at + int(rng.uniform(20, 60) * DAY)
    books.timeline.patch(review, "stripe/disputes", key, {"status": "under_review"}, "charge.dispute.updated")
    changes: Object = {"status": "lost"}
    if rng.random() < 0.45:
        text = f"Chargeback reversal for {charge['id']}"
        back = books.key("txn_1", key, "back")
        won = books.move(back, "adjustment", "dispute_reversal", amount, 0, currency, key, closed, text)
        changes = {"status": "won", "balance_transactions": [taken, won]}
    books.timeline.patch(closed, "stripe/disputes", key, changes, "charge.dispute.closed")
