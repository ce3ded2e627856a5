"""Subscription states: trials, changes, pauses, failed payments, the end, and what comes after."""

from __future__ import annotations

from collections.abc import Iterator

from tests.scenarios.scenario import Figures, scenario
from tests.scenarios.stripe import Account, at

# --- trials -------------------------------------------------------------------------------------------------------


@scenario()
def a_trial_that_turns_paid(a: Account) -> Iterator[Figures]:
    sub = a.subscribe("2026-03-01", a.price(10000), trial_start=at("2026-03-01"), trial_end=at("2026-03-15"))
    a.invoice("2026-03-01", [sub.line("2026-03-01", "2026-03-15", amount=0)])
    sub.bill("2026-03-15", 3)
    yield Figures(
        on={"2026-03-01": "0.00", "2026-03-14": "0.00", "2026-03-15": "100.00"},
        mrr={"2026-03": "100.00", "2026-05": "100.00"},
        movements=[("2026-03-15", "new", "100.00")],
    )


@scenario()
def a_trial_that_never_pays(a: Account) -> Iterator[Figures]:
    sub = a.subscribe("2026-03-01", a.price(10000), trial_start=at("2026-03-01"), trial_end=at("2026-03-15"))
    a.invoice("2026-03-01", [sub.line("2026-03-01", "2026-03-15", amount=0)])
    sub.end("2026-03-15", asked="2026-03-10")
    yield Figures(on={"2026-03-10": "0.00", "2026-03-15": "0.00"}, movements=[], revenue={})


@scenario()
def a_trial_that_runs_and_then_pays(a: Account) -> Iterator[Figures]:
    sub = a.subscribe(
        "2026-06-10", a.price(8000), status="trialing", trial_start=at("2026-06-10"), trial_end=at("2026-06-24")
    )
    a.invoice("2026-06-10", [sub.line("2026-06-10", "2026-06-24", amount=0)])
    yield Figures(on={"2026-06-15": "0.00"}, movements=[])
    a.today("2026-06-24")
    sub.change(status="active")
    sub.bill("2026-06-24")
    yield Figures(
        on={"2026-06-23": "0.00", "2026-06-24": "80.00"},
        movements=[("2026-06-24", "new", "80.00")],
        mrr={"2026-06": "80.00"},
    )


@scenario()
def a_trial_extended_once(a: Account) -> Iterator[Figures]:
    sub = a.subscribe(
        "2026-06-01", a.price(8000), status="trialing", trial_start=at("2026-06-01"), trial_end=at("2026-06-14")
    )
    a.invoice("2026-06-01", [sub.line("2026-06-01", "2026-06-14", amount=0)])
    a.today("2026-06-13")
    sub.change(trial_end=at("2026-06-28"))
    yield Figures(on={"2026-06-14": "0.00", "2026-06-15": "0.00"}, movements=[])
    a.today("2026-06-28")
    sub.change(status="active")
    sub.bill("2026-06-28")
    yield Figures(on={"2026-06-27": "0.00", "2026-06-28": "80.00"}, movements=[("2026-06-28", "new", "80.00")])


@scenario()
def a_trial_without_a_card_pauses_and_resumes(a: Account) -> Iterator[Figures]:
    sub = a.subscribe(
        "2026-05-01", a.price(8000), status="paused", trial_start=at("2026-05-01"), trial_end=at("2026-05-15")
    )
    a.invoice("2026-05-01", [sub.line("2026-05-01", "2026-05-15", amount=0)])
    yield Figures(on={"2026-05-15": "0.00", "2026-06-15": "0.00"}, movements=[])
    a.today("2026-06-25")
    sub.change(status="active")
    sub.bill("2026-06-25")
    yield Figures(on={"2026-06-24": "0.00", "2026-06-25": "80.00"}, movements=[("2026-06-25", "new", "80.00")])


# --- several items, several subscriptions ---------------------------------------------------------------------------


@scenario()
def several_items_in_one_subscription(a: Account) -> Iterator[Figures]:
    sub = a.subscribe("2026-03-10", a.price(6000))
    sub.add(a.price(1500), "2026-03-10", quantity=4)
    sub.add(a.price(12000, "year"), "2026-03-10")
    lines = [sub.line("2026-03-10", end, place) for place, end in enumerate(["2026-04-10", "2026-04-10", "2027-03-10"])]
    a.invoice("2026-03-10", lines)
    yield Figures(mrr={"2026-03": "130.00"}, movements=[("2026-03-10", "new", "130.00")])


@scenario()
def one_of_two_subscriptions_cancelled_and_then_the_last(a: Account) -> Iterator[Figures]:
    first, second = a.subscribe("2025-06-10", a.price(4000)), a.subscribe("2025-06-10", a.price(7000))
    first.bill("2025-06-10", 3)
    second.bill("2025-06-10", 5)
    first.end("2025-09-10")
    second.end("2025-11-10", asked="2025-10-20")
    yield Figures(
        mrr={"2025-08": "110.00", "2025-09": "70.00", "2025-10": "70.00", "2025-11": "0.00"},
        movements=[
            ("2025-06-10", "new", "110.00"),
            ("2025-09-10", "contraction", "-40.00"),
            ("2025-11-10", "churn", "-70.00"),
        ],
        why=["cancellation_requested"],
    )


@scenario()
def moved_to_a_new_subscription_on_one_day(a: Account) -> Iterator[Figures]:
    old = a.subscribe("2025-06-10", a.price(5000))
    old.bill("2025-06-10", 3)
    old.end("2025-09-10")
    new = a.subscribe("2025-09-10", a.price(8000))
    new.bill("2025-09-10", 9)
    yield Figures(movements=[("2025-06-10", "new", "50.00"), ("2025-09-10", "expansion", "30.00")])


@scenario()
def an_item_taken_in_and_given_up(a: Account) -> Iterator[Figures]:
    extra = a.price(1200)
    sub = a.subscribe("2026-01-10", a.price(5000))
    sub.add(extra, "2026-01-20")
    sub.bill("2026-01-10")
    a.invoice("2026-01-20", [sub.line("2026-01-20", "2026-02-10", 1, amount=813, proration=True)])
    for start, end in (("2026-02-10", "2026-03-10"), ("2026-03-10", "2026-04-10")):
        a.invoice(start, [sub.line(start, end, 0), sub.line(start, end, 1)])
    a.invoice(
        "2026-04-10",
        [
            sub.line("2026-03-25", "2026-04-10", 1, amount=-619, proration=True),
            sub.line("2026-04-10", "2026-05-10", 0),
        ],
    )
    sub.bill("2026-05-10", 2)
    sub.remove_item(1)
    yield Figures(
        on={"2026-01-19": "50.00", "2026-01-20": "62.00", "2026-03-24": "62.00", "2026-03-25": "50.00"},
        movements=[
            ("2026-01-10", "new", "50.00"),
            ("2026-01-20", "expansion", "12.00"),
            ("2026-03-25", "contraction", "-12.00"),
        ],
    )


@scenario()
def an_item_removed_between_two_nights(a: Account) -> Iterator[Figures]:
    sub = a.subscribe("2026-05-01", a.price(5000), a.price(1200))
    for start, end in (("2026-05-01", "2026-06-01"), ("2026-06-01", "2026-07-01")):
        a.invoice(start, [sub.line(start, end, 0), sub.line(start, end, 1)])
    yield Figures(mrr={"2026-05": "62.00"})
    a.today("2026-06-20")
    sub.remove_item(1)
    yield Figures(
        on={"2026-06-19": "62.00", "2026-06-20": "50.00"},
        movements=[("2026-05-01", "new", "62.00"), ("2026-06-20", "contraction", "-12.00")],
    )


# --- changes of plan and quantity -----------------------------------------------------------------------------------


@scenario()
def sixty_to_a_hundred_on_day_nine_point_two_of_thirty(a: Account) -> Iterator[Figures]:
    before, after = a.price(6000), a.price(10000)
    sub = a.subscribe("2025-06-01", after)
    sub.bill(["2025-06-01", "00:00"][0], price=before)
    sub.prorate("2025-06-10 04:48", "2025-07-01", 4157, 6929, before=before)
    sub.bill("2025-07-01", 11)
    yield Figures(
        on={"2025-06-09": "60.00", "2025-06-10": "100.00"},
        mrr={"2025-06": "100.00", "2026-05": "100.00"},
        movements=[("2025-06-01", "new", "60.00"), ("2025-06-10", "expansion", "40.00")],
    )


@scenario()
def more_seats_and_then_fewer(a: Account) -> Iterator[Figures]:
    seat = a.price(2000)
    sub = a.subscribe("2026-02-01", seat, quantity=4)
    sub.bill("2026-02-01", quantity=3)
    a.invoice(
        "2026-02-15",
        [
            sub.line("2026-02-15", "2026-03-01", amount=-3000, proration=True, quantity=3),
            sub.line("2026-02-15", "2026-03-01", amount=6000, proration=True, quantity=6),
        ],
    )
    sub.bill("2026-03-01", quantity=6)
    a.invoice(
        "2026-04-01",
        [
            sub.line("2026-03-17", "2026-04-01", amount=-5806, proration=True, quantity=6),
            sub.line("2026-03-17", "2026-04-01", amount=3871, proration=True, quantity=4),
            sub.line("2026-04-01", "2026-05-01", quantity=4),
        ],
    )
    sub.bill("2026-05-01", 2)
    yield Figures(
        movements=[
            ("2026-02-01", "new", "60.00"),
            ("2026-02-15", "expansion", "60.00"),
            ("2026-03-17", "contraction", "-40.00"),
        ],
        mrr={"2026-02": "120.00", "2026-03": "80.00", "2026-05": "80.00"},
    )


@scenario()
def two_changes_on_one_day_leave_the_last(a: Account) -> Iterator[Figures]:
    small, middle, large = a.price(3000), a.price(6000), a.price(9000)
    sub = a.subscribe("2026-02-01", large)
    sub.bill("2026-02-01", price=small)
    sub.prorate("2026-02-10 09:00", "2026-03-01", 2036, 4071, before=small, after=middle)
    sub.prorate("2026-02-10 16:00", "2026-03-01", 4000, 6000, before=middle)
    sub.bill("2026-03-01", 4)
    yield Figures(movements=[("2026-02-01", "new", "30.00"), ("2026-02-10", "expansion", "60.00")])


@scenario()
def a_downgrade_with_more_credit_than_charge(a: Account) -> Iterator[Figures]:
    large = a.price(20000)
    sub = a.subscribe("2026-04-01", a.price(5000))
    sub.bill("2026-04-01", price=large)
    sub.prorate("2026-04-16 10:00", "2026-05-01", 10000, 2500, before=large)
    sub.bill("2026-05-01")
    sub.end("2026-06-01")
    yield Figures(
        on={"2026-04-15": "200.00", "2026-04-16": "50.00"},
        movements=[
            ("2026-04-01", "new", "200.00"),
            ("2026-04-16", "contraction", "-150.00"),
            ("2026-06-01", "churn", "-50.00"),
        ],
        revenue={"2026-04": "125.00", "2026-05": "50.00"},
    )


@scenario()
def monthly_to_yearly_in_the_middle_of_a_cycle(a: Account) -> Iterator[Figures]:
    monthly, yearly = a.price(12000), a.price(120000, "year")
    sub = a.subscribe("2025-09-10", yearly)
    sub.bill("2025-09-10", price=monthly)
    a.invoice(
        "2025-09-25",
        [
            sub.line("2025-09-25", "2025-10-10", price=monthly, amount=-6000, proration=True),
            sub.line("2025-09-25", "2026-09-25"),
        ],
    )
    yield Figures(
        on={"2025-09-24": "120.00", "2025-09-25": "100.00"},
        movements=[("2025-09-10", "new", "120.00"), ("2025-09-25", "contraction", "-20.00")],
    )


@scenario()
def a_change_scheduled_for_the_next_cycle(a: Account) -> Iterator[Figures]:
    before = a.price(5000)
    sub = a.subscribe("2026-01-10", a.price(8000))
    sub.bill("2026-01-10", 3, price=before)
    sub.bill("2026-04-10", 3)
    yield Figures(
        on={"2026-04-09": "50.00", "2026-04-10": "80.00"},
        movements=[("2026-01-10", "new", "50.00"), ("2026-04-10", "expansion", "30.00")],
    )


@scenario()
def a_schedule_that_has_not_come_yet(a: Account) -> Iterator[Figures]:
    sub = a.subscribe("2026-04-20", a.price(5000), schedule="sub_sched_1")
    sub.bill("2026-04-20", 2)
    yield Figures(movements=[("2026-04-20", "new", "50.00")], mrr={"2026-05": "50.00"})
    a.today("2026-06-20")
    sub.change_item(price={name: value for name, value in a.price(9000).items() if name != "tiers"})
    sub.bill("2026-06-20")
    yield Figures(
        on={"2026-06-19": "50.00", "2026-06-20": "90.00"},
        movements=[("2026-04-20", "new", "50.00"), ("2026-06-20", "expansion", "40.00")],
    )


@scenario()
def a_price_changed_between_two_nights_without_an_invoice(a: Account) -> Iterator[Figures]:
    sub = a.subscribe("2026-05-01", a.price(5000))
    sub.bill("2026-05-01", 2)
    yield Figures(mrr={"2026-05": "50.00"})
    a.today("2026-06-22")
    sub.change_item(price=a.price(7500))
    yield Figures(
        on={"2026-06-21": "50.00", "2026-06-22": "75.00"},
        movements=[("2026-05-01", "new", "50.00"), ("2026-06-22", "expansion", "25.00")],
    )


@scenario()
def more_seats_seen_between_two_nights(a: Account) -> Iterator[Figures]:
    sub = a.subscribe("2026-05-01", a.price(1000), quantity=5)
    sub.bill("2026-05-01", 2)
    yield Figures(mrr={"2026-05": "50.00"})
    a.today("2026-06-18")
    sub.change_item(quantity=8)
    yield Figures(on={"2026-06-17": "50.00", "2026-06-18": "80.00"})
    a.today("2026-07-20")
    sub.change_item(quantity=2)
    yield Figures(
        on={"2026-07-04": "80.00", "2026-08-14": "20.00"},
    )


# --- pauses -----------------------------------------------------------------------------------------------------------


@scenario()
def collection_paused_for_two_cycles_and_resumed(a: Account) -> Iterator[Figures]:
    sub = a.subscribe("2025-06-10", a.price(10000))
    sub.bill("2025-06-10", 2)
    sub.bill("2025-08-10", 2, status="void")
    sub.bill("2025-10-10", 9)
    yield Figures(
        on={"2025-08-09": "100.00", "2025-08-10": "0.00", "2025-10-09": "0.00", "2025-10-10": "100.00"},
        movements=[
            ("2025-06-10", "new", "100.00"),
            ("2025-08-10", "churn", "-100.00"),
            ("2025-10-10", "reactivation", "100.00"),
        ],
        why=["collection_paused", "resumed"],
    )


@scenario()
def collection_paused_at_present_and_resumed_later(a: Account) -> Iterator[Figures]:
    sub = a.subscribe("2026-02-10", a.price(10000), pause_collection={"behavior": "void", "resumes_at": None})
    sub.bill("2026-02-10", 2)
    sub.bill("2026-04-10", 3, status="void")
    moves = [("2026-02-10", "new", "100.00"), ("2026-04-10", "churn", "-100.00")]
    paused = Figures(
        mrr={"2026-03": "100.00", "2026-04": "0.00", "2026-05": "0.00"}, movements=moves, why=["collection_paused"]
    )
    yield paused
    a.today("2026-07-02")
    sub.change(pause_collection=None)
    yield paused
    a.today("2026-07-10")
    sub.bill("2026-07-10")
    yield Figures(
        on={"2026-07-09": "0.00", "2026-07-10": "100.00"},
        movements=[*moves, ("2026-07-10", "reactivation", "100.00")],
        why=["collection_paused", "resumed"],
    )


@scenario()
def collection_paused_and_no_invoice_since(a: Account) -> Iterator[Figures]:
    """A pause lasts until it is lifted, not until its last void invoice is over."""
    sub = a.subscribe("2026-02-10", a.price(10000), pause_collection={"behavior": "void", "resumes_at": None})
    sub.bill("2026-02-10", 2)
    sub.bill("2026-04-10", 1, status="void")
    yield Figures(movements=[("2026-02-10", "new", "100.00"), ("2026-04-10", "churn", "-100.00")])


@scenario()
def a_pause_that_keeps_its_invoices_as_drafts(a: Account) -> Iterator[Figures]:
    """The service goes on and is collected later: no pause of revenue, only of collection."""
    sub = a.subscribe("2026-02-10", a.price(10000), pause_collection={"behavior": "keep_as_draft", "resumes_at": None})
    sub.bill("2026-02-10", 2)
    sub.bill("2026-04-10", 3, status="draft")
    yield Figures(
        mrr={"2026-03": "100.00", "2026-05": "100.00"},
        movements=[("2026-02-10", "new", "100.00")],
        revenue={"2026-02": "67.86", "2026-03": "103.11", "2026-04": "29.03"},
    )


@scenario()
def a_pause_that_marks_its_invoices_uncollectible(a: Account) -> Iterator[Figures]:
    """Nothing is asked for: out of MRR, as with void invoices. It was invoiced, so it is revenue, and a bad debt."""
    sub = a.subscribe("2025-10-10", a.price(10000))
    sub.bill("2025-10-10", 2)
    for invoice in sub.bill("2025-12-10", 2, status="uncollectible"):
        invoice.change(attempt_count=0)
    sub.bill("2026-02-10")
    sub.end("2026-03-10")
    yield Figures(
        on={"2025-12-09": "100.00", "2025-12-10": "0.00", "2026-02-09": "0.00", "2026-02-10": "100.00"},
        movements=[
            ("2025-10-10", "new", "100.00"),
            ("2025-12-10", "churn", "-100.00"),
            ("2026-02-10", "reactivation", "100.00"),
            ("2026-03-10", "churn", "-100.00"),
        ],
        why=["collection_paused", "resumed", "cancellation_requested"],
        revenue={
            "2025-10": "70.97",
            "2025-11": "99.03",
            "2025-12": "100.97",
            "2026-01": "100.00",
            "2026-02": "96.89",
            "2026-03": "32.14",
        },
    )


@scenario()
def a_pause_that_marks_its_invoices_uncollectible_at_present(a: Account) -> Iterator[Figures]:
    """The invoice says why it was given up; the pause lasts until it is lifted."""
    sub = a.subscribe(
        "2026-02-10", a.price(10000), pause_collection={"behavior": "mark_uncollectible", "resumes_at": None}
    )
    sub.bill("2026-02-10", 2)
    (waived,) = sub.bill("2026-04-10", status="uncollectible")
    waived.change(status_details={"uncollectible": {"reason": "subscription_paused"}})
    yield Figures(
        movements=[("2026-02-10", "new", "100.00"), ("2026-04-10", "churn", "-100.00")], why=["collection_paused"]
    )


@scenario()
def a_void_invoice_made_anew_is_no_pause(a: Account) -> Iterator[Figures]:
    sub = a.subscribe("2026-02-10", a.price(10000))
    sub.bill("2026-02-10", 2)
    sub.bill("2026-04-10", status="void")
    sub.bill("2026-04-10", 3)
    yield Figures(movements=[("2026-02-10", "new", "100.00")])


# --- payments that fail -----------------------------------------------------------------------------------------------


@scenario()
def past_due_is_still_recurring(a: Account) -> Iterator[Figures]:
    """And what is invoiced is earned day by day, whether it is paid or not."""
    sub = a.subscribe("2026-03-10", a.price(10000), status="past_due")
    sub.bill("2026-03-10", 3)
    sub.bill("2026-06-10", status="open")
    past = {"2026-03": "70.97", "2026-04": "99.03", "2026-05": "100.97"}
    yield Figures(
        on={"2026-06-15": "100.00"},
        movements=[("2026-03-10", "new", "100.00")],
        revenue=past | {"2026-06": "49.03", "later": "80.00"},
    )
    yield Figures(revenue=past | {"2026-06": "99.03", "2026-07": "16.67", "later": "13.33"})
    yield Figures(revenue=past | {"2026-06": "99.03", "2026-07": "30.00"})


@scenario()
def unpaid_from_the_day_it_is_seen(a: Account) -> Iterator[Figures]:
    sub = a.subscribe("2026-03-10", a.price(10000), status="unpaid")
    sub.bill("2026-03-10", 3)
    sub.bill("2026-06-10", status="open")
    yield Figures(
        on={"2026-06-14": "100.00", "2026-06-15": "0.00"},
        movements=[("2026-03-10", "new", "100.00"), ("2026-06-15", "churn", "-100.00")],
        why=["not_paying"],
    )


@scenario()
def past_due_then_unpaid_then_paid_again(a: Account) -> Iterator[Figures]:
    sub = a.subscribe("2026-04-10", a.price(10000), status="past_due")
    sub.bill("2026-04-10", 2)
    (late,) = sub.bill("2026-06-10", status="open")
    yield Figures(on={"2026-06-15": "100.00"})
    a.today("2026-06-24")
    sub.change(status="unpaid")
    yield Figures(on={"2026-06-23": "100.00", "2026-06-24": "0.00", "2026-07-05": "0.00"}, why=["not_paying"])
    a.today("2026-07-10")
    sub.change(status="active")
    late.change(status="paid", amount_paid=10000, amount_remaining=0)
    late.pay("2026-07-10")
    # read by lists after a month of silence: the change is dated by the night that saw it
    yield Figures(on={"2026-08-13": "0.00", "2026-08-14": "100.00"}, why=["not_paying", "returned"])


@scenario()
def incomplete_never_counts(a: Account) -> Iterator[Figures]:
    sub = a.subscribe("2026-06-14", a.price(10000), status="incomplete")
    a.invoice("2026-06-14", [sub.line("2026-06-14", "2026-07-14")], status="open")
    yield Figures(on={"2026-06-14": "0.00", "2026-06-15": "0.00"}, movements=[])


@scenario()
def incomplete_and_expired_never_counts(a: Account) -> Iterator[Figures]:
    sub = a.subscribe("2026-05-10", a.price(10000), status="incomplete_expired", ended_at=at("2026-05-11"))
    a.invoice("2026-05-10", [sub.line("2026-05-10", "2026-06-10")], status="void")
    yield Figures(on={"2026-05-10": "0.00", "2026-05-11": "0.00"}, movements=[], revenue={})


@scenario()
def the_card_fails_for_good(a: Account) -> Iterator[Figures]:
    sub = a.subscribe("2025-10-10", a.price(10000))
    sub.bill("2025-10-10", 2)
    sub.bill("2025-12-10", status="uncollectible")
    sub.end("2025-12-31", reason="payment_failed")
    yield Figures(
        mrr={"2025-11": "100.00", "2025-12": "0.00"},
        movements=[("2025-10-10", "new", "100.00"), ("2025-12-31", "churn", "-100.00")],
        why=["payment_failed"],
    )


# --- the end, and after it --------------------------------------------------------------------------------------------


@scenario()
def cancelled_at_the_end_of_the_period(a: Account) -> Iterator[Figures]:
    sub = a.subscribe("2026-03-20", a.price(10000), cancel_at_period_end=True, cancel_at=at("2026-06-20"))
    sub.change(canceled_at=at("2026-06-01"))
    sub.bill("2026-03-20", 3)
    yield Figures(on={"2026-06-15": "100.00"}, movements=[("2026-03-20", "new", "100.00")])
    a.today("2026-06-20")
    sub.end("2026-06-20", asked="2026-06-01")
    yield Figures(
        on={"2026-06-19": "100.00", "2026-06-20": "0.00"},
        movements=[("2026-03-20", "new", "100.00"), ("2026-06-20", "churn", "-100.00")],
        mrr={"2026-05": "100.00", "2026-06": "0.00"},
        why=["cancellation_requested"],
    )


@scenario()
def cancelled_at_once_with_credit_for_unused_time(a: Account) -> Iterator[Figures]:
    sub = a.subscribe("2026-03-01", a.price(9000))
    sub.bill("2026-03-01", 2)
    a.invoice("2026-04-16", [sub.line("2026-04-16", "2026-05-01", amount=-4500, proration=True)])
    sub.end("2026-04-16")
    yield Figures(
        on={"2026-04-15": "90.00", "2026-04-16": "0.00"},
        movements=[("2026-03-01", "new", "90.00"), ("2026-04-16", "churn", "-90.00")],
        revenue={"2026-03": "90.00", "2026-04": "45.00"},
    )


@scenario()
def won_back_after_seven_weeks(a: Account) -> Iterator[Figures]:
    old = a.subscribe("2025-03-10", a.price(10000))
    old.bill("2025-03-10", 3)
    old.end("2025-06-10")
    new = a.subscribe("2025-07-31", a.price(12000))
    new.bill("2025-07-31", 11)
    yield Figures(
        mrr={"2025-05": "100.00", "2025-06": "0.00", "2025-07": "120.00", "2025-08": "120.00"},
        movements=[
            ("2025-03-10", "new", "100.00"),
            ("2025-06-10", "churn", "-100.00"),
            ("2025-07-31", "reactivation", "120.00"),
        ],
        why=["cancellation_requested", "returned"],
    )


@scenario()
def a_free_plan_that_turns_paid(a: Account) -> Iterator[Figures]:
    free = a.price(0)
    sub = a.subscribe("2026-01-10", a.price(4900))
    sub.bill("2026-01-10", 2, price=free)
    sub.bill("2026-03-10", 4)
    yield Figures(
        on={"2026-01-10": "0.00", "2026-03-09": "0.00", "2026-03-10": "49.00"},
        movements=[("2026-03-10", "new", "49.00")],
    )


@scenario()
def a_paid_plan_that_turns_free(a: Account) -> Iterator[Figures]:
    paid = a.price(4900)
    sub = a.subscribe("2026-01-10", a.price(0))
    sub.bill("2026-01-10", 2, price=paid)
    sub.bill("2026-03-10", 4)
    yield Figures(movements=[("2026-01-10", "new", "49.00"), ("2026-03-10", "churn", "-49.00")], why=["free"])


@scenario()
def backdated_to_before_it_was_made(a: Account) -> Iterator[Figures]:
    """Made on 10 April for a service since 1 February: it recurs from then on."""
    sub = a.subscribe("2026-04-10", a.price(10000), start_date=at("2026-02-01"))
    a.invoice(
        "2026-04-10",
        [
            sub.line("2026-02-01", "2026-04-10", amount=22900, proration=True),
            sub.line("2026-04-10", "2026-05-10"),
        ],
    )
    sub.bill("2026-05-10", 2)
    yield Figures(
        mrr={"2026-01": "0.00", "2026-02": "100.00", "2026-03": "100.00", "2026-04": "100.00"},
        movements=[("2026-02-01", "new", "100.00")],
    )


@scenario()
def backdated_into_a_month_that_was_published(a: Account) -> Iterator[Figures]:
    yield Figures(movements=[])
    a.today("2026-06-20")
    sub = a.subscribe("2026-06-20", a.price(6000), start_date=at("2026-05-01"))
    a.invoice(
        "2026-06-20",
        [sub.line("2026-05-01", "2026-06-20", amount=9800, proration=True), sub.line("2026-06-20", "2026-07-20")],
    )
    yield Figures(mrr={"2026-05": "60.00", "2026-06": "60.00"}, movements=[("2026-05-01", "new", "60.00")])


@scenario()
def a_start_on_the_twenty_ninth_of_february(a: Account) -> Iterator[Figures]:
    sub = a.subscribe("2024-02-29", a.price(10000))
    sub.bill("2024-02-29", 28)
    yield Figures(
        on={"2024-02-29": "100.00", "2024-03-29": "100.00", "2025-02-28": "100.00", "2025-03-01": "100.00"},
        movements=[("2024-02-29", "new", "100.00")],
    )


@scenario()
def a_year_that_starts_on_the_twenty_ninth_of_february(a: Account) -> Iterator[Figures]:
    sub = a.subscribe("2024-02-29", a.price(120000, "year"))
    sub.bill("2024-02-29", 3)
    yield Figures(
        on={"2025-02-27": "100.00", "2025-02-28": "100.00", "2025-03-01": "100.00"},
        movements=[("2024-02-29", "new", "100.00")],
    )


@scenario()
def the_customer_is_deleted(a: Account) -> Iterator[Figures]:
    sub = a.subscribe("2026-02-10", a.price(10000))
    sub.bill("2026-02-10", 5)
    yield Figures(mrr={"2026-05": "100.00"}, movements=[("2026-02-10", "new", "100.00")])
    a.today("2026-06-25")
    sub.end("2026-06-25")
    a.delete()
    yield Figures(
        mrr={"2026-05": "100.00", "2026-06": "0.00"},
        movements=[("2026-02-10", "new", "100.00"), ("2026-06-25", "churn", "-100.00")],
    )


@scenario()
def the_customer_was_deleted_before_the_first_night(a: Account) -> Iterator[Figures]:
    sub = a.subscribe("2025-02-10", a.price(10000))
    sub.bill("2025-02-10", 3)
    sub.end("2025-05-10")
    a.delete()
    yield Figures(
        mrr={"2025-04": "100.00", "2025-05": "0.00"},
        movements=[("2025-02-10", "new", "100.00"), ("2025-05-10", "churn", "-100.00")],
    )
