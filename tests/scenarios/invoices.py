"""Invoices, credit notes, refunds and disputes: what was earned, and what moved the balance."""

from __future__ import annotations

from collections.abc import Iterator

from tests.scenarios.scenario import Figures, scenario
from tests.scenarios.stripe import Account

MONTH = ("2026-03-01", "2026-04-01")

# --- invoices ---------------------------------------------------------------------------------------------------------


@scenario()
def a_one_off_invoice(a: Account) -> Iterator[Figures]:
    a.one_off("2026-03-10", 90000)
    a.one_off("2026-04-01", 6100, end="2026-06-01")
    yield Figures(
        mrr={"2026-03": "0.00"}, movements=[], revenue={"2026-03": "900.00", "2026-04": "30.00", "2026-05": "31.00"}
    )


@scenario()
def a_set_up_fee_on_a_subscription_invoice(a: Account) -> Iterator[Figures]:
    sub = a.subscribe("2026-03-01", a.price(10000))
    a.invoice(
        "2026-03-01", [sub.line(*MONTH), a.line(a.price(50000, None), "2026-03-01", "2026-03-01", subscription=sub.id)]
    )
    sub.end("2026-04-01")
    yield Figures(
        mrr={"2026-03": "100.00"}, movements=[("2026-03-01", "new", "100.00"), ("2026-04-01", "churn", "-100.00")],
        revenue={"2026-03": "600.00"},
    )  # fmt: skip


@scenario()
def an_invoice_of_thirty_seven_lines(a: Account) -> Iterator[Figures]:
    """An invoice embeds ten lines; the others are on pages of their own."""
    a.invoice("2026-03-01", [a.line(a.price(1000, None), *MONTH) for _ in range(37)])
    yield Figures(revenue={"2026-03": "370.00"}, cash={"charge": "370.00"})


@scenario()
def a_subscription_of_twelve_items(a: Account) -> Iterator[Figures]:
    sub = a.subscribe("2026-03-01", *[a.price(1000 + number) for number in range(12)])
    a.invoice("2026-03-01", [sub.line(*MONTH, place) for place in range(12)])
    yield Figures(mrr={"2026-03": "120.66", "2026-05": "120.66"}, movements=[("2026-03-01", "new", "120.66")])


@scenario()
def written_off_as_uncollectible(a: Account) -> Iterator[Figures]:
    """A debt that is written off was earned: it is a loss, not less revenue."""
    a.one_off("2026-03-01", 3100, end="2026-04-01", status="uncollectible")
    yield Figures(revenue={"2026-03": "31.00"}, cash={})


@scenario()
def an_open_invoice_that_is_voided_later(a: Account) -> Iterator[Figures]:
    invoice = a.one_off("2026-05-01", 3100, end="2026-06-01", status="open")
    yield Figures(revenue={"2026-05": "31.00"})
    a.today("2026-06-20")
    invoice.change(status="void")
    yield Figures(revenue={})


@scenario()
def a_draft_that_is_deleted(a: Account) -> Iterator[Figures]:
    invoice = a.one_off("2026-06-10", 3100, end="2026-07-10", status="draft")
    a.one_off("2026-05-01", 3100, end="2026-06-01")
    yield Figures(revenue={"2026-05": "31.00"})
    a.today("2026-06-20")
    a.stripe.delete("invoices", invoice.id)
    yield Figures(revenue={"2026-05": "31.00"})


@scenario()
def a_draft_that_is_finalised(a: Account) -> Iterator[Figures]:
    invoice = a.one_off("2026-06-01", 3000, end="2026-07-01", status="draft")
    yield Figures(revenue={})
    a.today("2026-06-18")
    invoice.change(
        status="open", status_transitions=invoice.object["status_transitions"] | {"finalized_at": a.stripe.instant}
    )
    yield Figures(revenue={"2026-06": "30.00"})


@scenario()
def an_invoice_deleted_while_nobody_looked(a: Account) -> Iterator[Figures]:
    invoice = a.one_off("2026-06-10", 3000, status="draft")
    yield Figures(revenue={})
    a.today("2026-06-18")
    invoice.change(status="open")
    yield Figures(revenue={"2026-06": "30.00"})
    a.today("2026-07-10")
    a.stripe.delete("invoices", invoice.id)
    yield Figures(revenue={})


# --- credit notes -----------------------------------------------------------------------------------------------------


@scenario()
def a_credit_note_before_payment(a: Account) -> Iterator[Figures]:
    invoice = a.one_off("2026-03-01", 3100, end="2026-04-01", status="open")
    invoice.credit("2026-03-20", [{"amount": 1550, "place": 0}])
    invoice.change(amount_due=3100, amount_remaining=1550, pre_payment_credit_notes_amount=1550)
    yield Figures(revenue={"2026-03": "15.50"})


@scenario()
def a_credit_note_after_payment_with_a_refund(a: Account) -> Iterator[Figures]:
    """The refund belongs to the note, and lowers revenue once: over the service of the line."""
    invoice = a.one_off("2026-03-01", 6100, end="2026-05-01")
    refund = invoice.refund("2026-04-10", 3050)
    invoice.credit(
        "2026-04-10", [{"amount": 3050, "place": 0}], refunds=[{"amount_refunded": 3050, "refund": refund["id"]}]
    )
    yield Figures(revenue={"2026-03": "15.50", "2026-04": "15.00"}, cash={"charge": "61.00", "refund": "-30.50"})


@scenario()
def a_void_credit_note_is_none(a: Account) -> Iterator[Figures]:
    invoice = a.one_off("2026-03-01", 3100, end="2026-04-01")
    invoice.credit("2026-03-20", [{"amount": 3100, "place": 0}], status="void")
    yield Figures(revenue={"2026-03": "31.00"})


@scenario()
def a_credit_note_voided_later(a: Account) -> Iterator[Figures]:
    invoice = a.one_off("2026-05-01", 3100, end="2026-06-01")
    note = invoice.credit("2026-05-20", [{"amount": 3100, "place": 0}])
    yield Figures(revenue={})
    a.today("2026-06-20")
    a.stripe.put("credit_notes", note | {"status": "void", "voided_at": a.stripe.instant})
    yield Figures(revenue={"2026-05": "31.00"})


@scenario()
def a_credit_note_of_fourteen_lines(a: Account) -> Iterator[Figures]:
    """A credit note embeds ten lines, as an invoice does."""
    invoice = a.invoice("2026-03-01", [a.line(a.price(1000, None), *MONTH) for _ in range(14)])
    invoice.credit("2026-03-20", [{"amount": 500, "place": place} for place in range(14)])
    yield Figures(revenue={"2026-03": "70.00"})


@scenario()
def a_free_text_credit_with_tax(a: Account) -> Iterator[Figures]:
    """A gift has no service period: it counts on its day, without its tax."""
    invoice = a.one_off("2026-03-01", 10000, end="2026-04-01", tax=2000)
    invoice.credit("2026-05-20", [{"amount": 1000, "tax": 200}])
    yield Figures(revenue={"2026-03": "100.00", "2026-05": "-10.00"})


# --- refunds and disputes ---------------------------------------------------------------------------------------------


@scenario()
def several_partial_refunds_of_one_line(a: Account) -> Iterator[Figures]:
    """120 with tax, 60 and 30 given back: revenue falls by 50 and 25, each on its day."""
    invoice = a.one_off("2026-03-01", 10000, end="2026-04-01", tax=2000)
    invoice.refund("2026-04-10", 6000)
    invoice.refund("2026-05-10", 3000)
    yield Figures(
        revenue={"2026-03": "100.00", "2026-04": "-50.00", "2026-05": "-25.00"},
        cash={"charge": "120.00", "refund": "-90.00"},
    )


@scenario()
def three_refunds_on_one_day_of_an_invoice_of_two_lines(a: Account) -> Iterator[Figures]:
    line = a.line(a.price(6200, None), *MONTH)
    invoice = a.invoice("2026-03-01", [line, line])
    for amount in (1000, 1000, 500):
        invoice.refund("2026-05-10", amount)
    yield Figures(revenue={"2026-03": "124.00", "2026-05": "-25.00"}, cash={"charge": "124.00", "refund": "-25.00"})


@scenario()
def a_refund_in_a_later_month(a: Account) -> Iterator[Figures]:
    invoice = a.one_off("2026-05-01", 3100, end="2026-06-01")
    yield Figures(revenue={"2026-05": "31.00"}, cash={"charge": "31.00"})
    a.today("2026-07-02")
    invoice.refund("2026-07-02", 3100)
    yield Figures(revenue={"2026-05": "31.00", "2026-07": "-31.00"}, cash={"charge": "31.00", "refund": "-31.00"})


@scenario()
def a_refund_that_failed(a: Account) -> Iterator[Figures]:
    """The bank sent it back: the money is here again, and revenue was never less."""
    invoice = a.one_off("2026-03-01", 3100, end="2026-04-01")
    refund = invoice.refund("2026-04-10", 3100, status="failed")
    a._settle("refund_failure", "refund_failure", 3100, 0, "usd", refund["id"], "2026-04-12")
    yield Figures(revenue={"2026-03": "31.00"}, cash={"charge": "31.00", "refund": "0.00"})


@scenario()
def a_dispute_lost(a: Account) -> Iterator[Figures]:
    """Cash is gone with a fee of 15; what was earned stays earned."""
    invoice = a.invoice("2026-03-01", [a.line(a.price(3100, None), *MONTH)], fee=120)
    invoice.dispute("2026-03-25", 1500, "lost")
    yield Figures(revenue={"2026-03": "31.00"}, cash={"charge": "31.00", "dispute": "-31.00"})


@scenario()
def a_dispute_won_later(a: Account) -> Iterator[Figures]:
    invoice = a.one_off("2026-05-01", 3100, end="2026-06-01")
    dispute = invoice.dispute("2026-05-25", 1500)
    yield Figures(revenue={"2026-05": "31.00"}, cash={"charge": "31.00", "dispute": "-31.00"})
    a.today("2026-06-28")
    invoice.win(dispute, "2026-06-28", 1500)
    yield Figures(revenue={"2026-05": "31.00"}, cash={"charge": "31.00", "dispute": "0.00"})


@scenario()
def paid_late_and_by_two_tries(a: Account) -> Iterator[Figures]:
    invoice = a.one_off("2026-05-01", 3100, end="2026-06-01", status="open")
    yield Figures(revenue={"2026-05": "31.00"}, cash={})
    a.today("2026-06-20")
    invoice.change(status="paid", amount_paid=3100, amount_remaining=0, attempt_count=2)
    invoice.pay("2026-06-20")
    yield Figures(revenue={"2026-05": "31.00"}, cash={"charge": "31.00"})


@scenario("eur")
def revenue_keeps_the_rate_of_its_invoice(a: Account) -> Iterator[Figures]:
    a.one_off("2026-03-01", 6100, end="2026-05-01")
    yield Figures(revenue={"2026-03": "34.10", "2026-04": "33.00"})


# --- the catalogue ----------------------------------------------------------------------------------------------------


@scenario()
def a_price_and_a_coupon_that_are_no_longer_there(a: Account) -> Iterator[Figures]:
    price, coupon = a.price(7700), a.coupon("gone_soon", percent_off=50)
    sub = a.subscribe("2026-03-01", price)
    off = sub.give_discount(coupon, "2026-03-01")
    sub.bill("2026-03-01", 4, off=[(off, 3850)])
    yield Figures(mrr={"2026-03": "38.50"})
    a.today("2026-06-20")
    a.stripe.delete("prices", price["id"])
    a.stripe.delete("coupons", coupon["id"])
    yield Figures(mrr={"2026-03": "38.50", "2026-06": "38.50"}, movements=[("2026-03-01", "new", "38.50")])


@scenario()
def a_price_that_was_gone_before_the_first_night(a: Account) -> Iterator[Figures]:
    price = a.price(8800)
    sub = a.subscribe("2026-03-01", price)
    sub.bill("2026-03-01", 4)
    a.stripe.delete("prices", price["id"])
    yield Figures(mrr={"2026-03": "88.00", "2026-05": "88.00"}, movements=[("2026-03-01", "new", "88.00")])


@scenario()
def a_coupon_that_was_gone_before_the_first_night(a: Account) -> Iterator[Figures]:
    """Its discount goes on; the invoices tell how much it is."""
    coupon = a.coupon("gone_before", percent_off=30)
    sub = a.subscribe("2026-03-01", a.price(10000))
    off = sub.give_discount(coupon, "2026-03-01")
    sub.bill("2026-03-01", 4, off=[(off, 3000)])
    a.stripe.delete("coupons", coupon["id"])
    yield Figures(mrr={"2026-03": "70.00", "2026-05": "70.00"}, movements=[("2026-03-01", "new", "70.00")])
