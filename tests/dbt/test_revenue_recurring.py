"""MRR from subscriptions and invoices: published examples, and each way in which a state can change, in one run."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from tests.dbt.billing_world import SEEN_AT, Billing, at, monthly_rates, rates
from tests.dbt.conftest import DbtWarehouse

AS_OF = "2026-01-15 06:00:00"
FOREVER, ONCE = {"duration": "forever"}, {"duration": "once"}

# name: (amount in minor units, interval, count, currency), quantity -> MRR
SIMPLE = {
    "quarterly": ((30000, "month", 3, "usd"), 1, "100.0000"),
    "biennial": ((240000, "year", 2, "usd"), 1, "100.0000"),
    "fortnightly": ((5000, "week", 2, "usd"), 1, "108.3333"),
    "quarterly_small": ((9000, "month", 3, "usd"), 1, "30.0000"),
    "yearly": ((549900, "year", 1, "usd"), 1, "458.2500"),
    "thirty_days": ((1000, "day", 30, "usd"), 1, "10.1389"),
    "seats": ((1999, "month", 1, "usd"), 7, "139.9300"),
    "yen": ((5000, "month", 1, "jpy"), 1, "5000.0000"),
    "dinar": ((12345, "month", 1, "kwd"), 1, "12.3450"),
}


def _simple(b: Billing) -> None:
    for name, (price, quantity, _) in SIMPLE.items():
        b.subscription(name, b.price(*price), "2025-02-01", quantity)
    for number in range(100):
        b.subscription(f"example_month_{number}", b.price(10000), "2025-03-01")
    for number in range(50):
        b.subscription(f"example_year_{number}", b.price(60000, "year"), "2025-03-01")


def _discounts(b: Billing) -> None:
    b.coupon("tenth", percent_off=10, **FOREVER)
    b.coupon("fifth", percent_off=20, **FOREVER)
    b.coupon("all", percent_off=100, **FOREVER)
    b.coupon("half_once", percent_off=50, **ONCE)
    b.coupon("half_year", percent_off=25, duration="repeating", duration_in_months=6)
    b.coupon("fifteen_off", amount_off=1500, currency="usd", **FOREVER)

    # seen by the subscription alone
    sub, _ = b.subscription("yearly_tenth_off", b.price(12000, "year"), "2025-02-01")
    b.rows["subscriptions"][-1]["discount_ids"] = [
        b.discount("tenth", b.customer("yearly_tenth_off"), sub, "2025-02-01")
    ]

    # a customer's own discount is inherited
    b.subscription("customer_discount", b.price(10000), "2025-02-01")
    b.discount("tenth", b.customer("customer_discount"), None, "2025-02-01")

    # by invoice lines
    for name, coupon, off in (("line_tenth", "tenth", 1000), ("line_once", "half_once", 5000)):
        sub, item = b.subscription(name, b.price(10000), "2025-06-10")
        b.cycles(
            name,
            sub,
            item,
            b.price(10000),
            "2025-06-10",
            8,
            off=[(b.discount(coupon, f"cus_{name}", sub, "2025-06-10"), off)],
        )

    # two at once: each is taken from what the other leaves
    sub, item = b.subscription("two_discounts", b.price(10000), "2025-06-10")
    pair = [b.discount(coupon, "cus_two_discounts", sub, "2025-06-10") for coupon in ("tenth", "fifth")]
    b.cycles("two_discounts", sub, item, b.price(10000), "2025-06-10", 2, off=[(pair[0], 1000), (pair[1], 1800)])

    # six months of a quarter off, then none
    sub, item = b.subscription("line_half_year", b.price(10000), "2025-06-10")
    discount = b.discount("half_year", "cus_line_half_year", sub, "2025-06-10", "2025-12-10")
    b.cycles("line_half_year", sub, item, b.price(10000), "2025-06-10", 6, off=[(discount, 2500)])
    b.cycles("line_half_year", sub, item, b.price(10000), "2025-12-10", 2)

    # on a yearly plan half a year is not two cycles
    sub, item = b.subscription("yearly_half_year", b.price(120000, "year"), "2025-06-10")
    discount = b.discount("half_year", "cus_yearly_half_year", sub, "2025-06-10", "2025-12-10")
    b.cycles("yearly_half_year", sub, item, b.price(120000, "year"), "2025-06-10", 1, off=[(discount, 30000)])

    # an amount off is split by what the items cost
    sub, item = b.subscription("shared_amount", b.price(6000), "2025-06-10")
    other = b.item(sub, b.price(3000), "2025-06-10")
    discount = b.discount("fifteen_off", "cus_shared_amount", sub, "2025-06-10")
    b.invoice(
        "shared_amount",
        sub,
        "2025-06-10",
        [
            b.line(b.price(6000), item, "2025-06-10", "2025-07-10", off=[(discount, 1000)]),
            b.line(b.price(3000), other, "2025-06-10", "2025-07-10", off=[(discount, 500)]),
        ],
    )

    # an upgrade whose proration does not list the discount keeps it
    sub, item = b.subscription("carried_discount", b.price(10000), "2025-06-10", quantity=2)
    discount = b.discount("tenth", "cus_carried_discount", sub, "2025-06-10")
    b.cycles("carried_discount", sub, item, b.price(10000), "2025-06-10", 1, off=[(discount, 1000)])
    b.invoice(
        "carried_discount",
        sub,
        "2025-06-20",
        [
            b.line(b.price(10000), item, "2025-06-20", "2025-07-10", amount=-6000, is_proration=True),
            b.line(b.price(10000), item, "2025-06-20", "2025-07-10", 2, amount=12000, is_proration=True),
        ],
    )

    # a full discount from the third cycle on
    sub, item = b.subscription("made_free", b.price(10000), "2025-06-10")
    discount = b.discount("all", "cus_made_free", sub, "2025-08-10")
    b.cycles("made_free", sub, item, b.price(10000), "2025-06-10", 2)
    b.cycles("made_free", sub, item, b.price(10000), "2025-08-10", 2, off=[(discount, 10000)])


def _changes(b: Billing) -> None:
    # 60 -> 100 on day 9.2 of a month of 30 days: the change of the published example
    sub, item = b.subscription("upgraded", b.price(10000), "2025-06-01")
    b.cycles("upgraded", sub, item, b.price(6000), "2025-06-01", 1)
    b.invoice(
        "upgraded",
        sub,
        "2025-06-10 04:48:00+00",
        [
            b.line(b.price(6000), item, "2025-06-10 04:48:00+00", "2025-07-01", amount=-4157, is_proration=True),
            b.line(b.price(10000), item, "2025-06-10 04:48:00+00", "2025-07-01", amount=6929, is_proration=True),
        ],
    )
    b.cycles("upgraded", sub, item, b.price(10000), "2025-07-01", 7)

    # today's price is not the price of the past, and the change waits for the next cycle
    sub, item = b.subscription("repriced", b.price(15000), "2025-06-10")
    b.cycles("repriced", sub, item, b.price(10000), "2025-06-10", 3)
    b.cycles("repriced", sub, item, b.price(15000), "2025-09-10", 5)

    # one of two subscriptions goes, then the other
    first, item = b.subscription(
        "two_subscriptions",
        b.price(4000),
        "2025-06-10",
        status="canceled",
        ended_at=at("2025-09-10"),
        cancellation_reason="cancellation_requested",
    )
    b.cycles("two_subscriptions", first, item, b.price(4000), "2025-06-10", 3)
    second, item = b.subscription(
        "two_subscriptions",
        b.price(7000),
        "2025-06-10",
        status="canceled",
        ended_at=at("2025-11-10"),
        canceled_at=at("2025-10-02"),
        cancellation_reason="cancellation_requested",
    )
    b.cycles("two_subscriptions", second, item, b.price(7000), "2025-06-10", 5)

    # an item taken in and given up within a subscription
    sub, item = b.subscription("add_on", b.price(5000), "2025-06-10")
    b.cycles("add_on", sub, item, b.price(5000), "2025-06-10", 8)
    extra = b.new_id("si")
    b.invoice(
        "add_on",
        sub,
        "2025-07-20",
        [b.line(b.price(1200), extra, "2025-07-20", "2025-08-10", amount=800, is_proration=True)],
    )
    b.invoice("add_on", sub, "2025-08-10", [b.line(b.price(1200), extra, "2025-08-10", "2025-09-10")])
    b.invoice(
        "add_on",
        sub,
        "2025-08-25",
        [b.line(b.price(1200), extra, "2025-08-25", "2025-09-10", amount=-600, is_proration=True)],
    )

    # an item that left without a trace was served to the end of what was billed
    sub, item = b.subscription("silently_removed", b.price(5000), "2025-06-10")
    b.cycles("silently_removed", sub, item, b.price(5000), "2025-06-10", 8)
    b.cycles("silently_removed", sub, b.new_id("si"), b.price(900), "2025-06-10", 2)

    # from monthly to yearly in the middle of a month
    sub, item = b.subscription("turned_yearly", b.price(120000, "year"), "2025-06-10")
    b.cycles("turned_yearly", sub, item, b.price(12000), "2025-06-10", 1)
    b.invoice(
        "turned_yearly",
        sub,
        "2025-06-25",
        [
            b.line(b.price(12000), item, "2025-06-25", "2025-07-10", amount=-6000, is_proration=True),
            b.line(b.price(120000, "year"), item, "2025-06-25", "2026-06-25"),
        ],
    )

    # seen in the ledger only: more seats in December, fewer in January, gone on the 12th
    sub, item = b.subscription(
        "watched",
        b.price(1000),
        "2025-10-01",
        quantity=2,
        modified_at="2025-12-01 00:00:00+00",
        item={"modified_at": "2025-12-01 00:00:00+00"},
    )
    b.cycles("watched", sub, item, b.price(1000), "2025-10-01", 3, quantity=2)
    b.item(sub, b.price(1000), "2025-10-01", 5, id=item, modified_at="2025-12-05 09:00:00+00")
    b.item(sub, b.price(1000), "2025-10-01", 3, id=item, modified_at="2026-01-03 09:00:00+00")
    b.item(sub, b.price(1000), "2025-10-01", 3, id=item, modified_at="2026-01-12 09:00:00+00", is_deleted=True)


def _standing(b: Billing) -> None:
    # a trial of two weeks, its invoice of zero, then a paid cycle
    sub, item = b.subscription(
        "trial_paid", b.price(10000), "2025-06-01", trial_start_at=at("2025-06-01"), trial_end_at=at("2025-06-15")
    )
    b.invoice("trial_paid", sub, "2025-06-01", [b.line(b.price(10000), item, "2025-06-01", "2025-06-15", amount=0)])
    b.cycles("trial_paid", sub, item, b.price(10000), "2025-06-15", 7)
    b.subscription(
        "trial_running",
        b.price(10000),
        "2026-01-10",
        status="trialing",
        trial_start_at=at("2026-01-10"),
        trial_end_at=at("2026-01-24"),
    )
    b.subscription(
        "trial_left",
        b.price(10000),
        "2025-06-01",
        status="canceled",
        trial_start_at=at("2025-06-01"),
        trial_end_at=at("2025-06-15"),
        ended_at=at("2025-06-15"),
    )

    # collection paused for two cycles: void invoices
    sub, item = b.subscription("paused", b.price(10000), "2025-06-10")
    b.cycles("paused", sub, item, b.price(10000), "2025-06-10", 2)
    b.cycles("paused", sub, item, b.price(10000), "2025-08-10", 2, status="void")
    b.cycles("paused", sub, item, b.price(10000), "2025-10-10", 4)

    # a void invoice that was made anew is no pause
    sub, item = b.subscription("reissued", b.price(10000), "2025-06-10")
    b.cycles("reissued", sub, item, b.price(10000), "2025-06-10", 2)
    b.cycles("reissued", sub, item, b.price(10000), "2025-08-10", 1, status="void")
    b.cycles("reissued", sub, item, b.price(10000), "2025-08-10", 6)

    # the card fails for good
    sub, item = b.subscription(
        "card_failed",
        b.price(10000),
        "2025-06-10",
        status="canceled",
        ended_at=at("2025-08-25"),
        cancellation_reason="payment_failed",
    )
    b.cycles("card_failed", sub, item, b.price(10000), "2025-06-10", 2)
    b.cycles("card_failed", sub, item, b.price(10000), "2025-08-10", 1, status="uncollectible")

    # gone, and back after 51 days with a new subscription
    sub, item = b.subscription("won_back", b.price(10000), "2025-03-10", status="canceled", ended_at=at("2025-06-10"))
    b.cycles("won_back", sub, item, b.price(10000), "2025-03-10", 3)
    sub, item = b.subscription("won_back", b.price(12000), "2025-07-31")
    b.cycles("won_back", sub, item, b.price(12000), "2025-07-31", 6)

    for status in ("unpaid", "incomplete", "incomplete_expired", "paused", "past_due"):
        b.subscription(f"status_{status}", b.price(10000), "2025-12-10", status=status)

    # neither metered use nor one-off lines recur
    b.subscription("metered", b.price(10000, usage="metered"), "2025-06-10")
    b.invoice("one_off", None, "2025-06-10", [b.line(b.price(90000, None), None, "2025-06-10", "2025-06-10")])

    # a leap day leaves no gap
    sub, item = b.subscription("leap_day", b.price(10000), "2024-02-29")
    b.cycles("leap_day", sub, item, b.price(10000), "2024-02-29", 23)

    # euros that gain on the last day of a month
    sub, item = b.subscription("euro", b.price(10000, currency="eur"), "2025-06-10")
    b.cycles("euro", sub, item, b.price(10000, currency="eur"), "2025-06-10", 8)


@pytest.fixture(scope="module")
def world(dbt_module: DbtWarehouse) -> DbtWarehouse:
    """All cases in one warehouse, built once, with the project's own tests of these facts on it."""
    billing = Billing(SEEN_AT)
    for cases in (_simple, _discounts, _changes, _standing):
        cases(billing)
    billing.add("products", {"id": "prod_1", "name": "Plan", "created_at": at("2024-01-01")})
    for stream, rows in billing.rows.items():
        dbt_module.raw("stripe", stream, rows, extracted_at=SEEN_AT)
    euro = monthly_rates("EUR", "1.10") | {
        "2025-07-31": "1.20",
        "2025-08-01": "1.20",
        "2025-09-01": "1.20",
        "2025-10-01": "1.20",
        "2025-11-01": "1.20",
        "2025-12-01": "1.20",
        "2026-01-01": "1.20",
    }
    dbt_module.raw(
        "ledger",
        "exchange_rates",
        [
            *rates("eur", euro),
            *rates("jpy", monthly_rates("JPY", "0.0067")),
            *rates("kwd", monthly_rates("KWD", "3.25")),
        ],
        extracted_at=SEEN_AT,
    )
    dbt_module.run("+fct_account_months", as_of=AS_OF)
    dbt_module.build(
        "rollforward_closes_for_every_account",
        "movements_follow_each_other",
        "subscription_periods_do_not_overlap",
        "account_months_leave_no_gap",
        "recognised_revenue_sums_to_its_lines",
        as_of=AS_OF,
    )
    return dbt_module


def mrr(world: DbtWarehouse, name: str, day: str) -> str:
    """MRR of a customer in its own currency on a day."""
    ((amount,),) = world.rows(
        "select coalesce(sum(mrr_native), 0) from journey.fct_subscription_periods where customer_id = ? "
        "and starts_on <= ? and (ends_on is null or ends_on > ?)",
        [f"cus_{name}", day, day],
    )
    return f"{amount:.4f}"


def movements(world: DbtWarehouse, name: str) -> list[tuple[str, str, str]]:
    """Day, movement and amount, in order."""
    rows = world.rows(
        "select moved_on, movement, amount from journey.fct_mrr_movements "
        "inner join journey.account_sources using (account_key) where source_id = ? order by moved_on, movement = 'fx'",
        [f"cus_{name}"],
    )
    return [(day.isoformat(), movement, f"{amount:.2f}") for day, movement, amount in rows]


def reasons(world: DbtWarehouse, name: str) -> list[tuple[str, str | None, int | None]]:
    return world.rows(
        "select movement, reason, gap_days from journey.fct_mrr_movements "
        "inner join journey.account_sources using (account_key) where source_id = ? order by moved_on, movement = 'fx'",
        [f"cus_{name}"],
    )


@pytest.mark.parametrize(("name", "expected"), [(name, case[2]) for name, case in SIMPLE.items()])
def test_a_price_is_normalised_to_a_month(world: DbtWarehouse, name: str, expected: str):
    assert mrr(world, name, "2026-01-15") == expected
    assert mrr(world, name, "2025-02-01") == expected
    assert mrr(world, name, "2025-01-31") == "0.0000"


def test_a_hundred_monthly_and_fifty_yearly_accounts_make_12500(world: DbtWarehouse):
    assert world.value(
        "select sum(mrr_native) from journey.fct_subscription_periods where customer_id like 'cus_example_%'"
    ) == Decimal("12500")


@pytest.mark.parametrize(
    ("name", "by_day"),
    [
        ("yearly_tenth_off", {"2026-01-15": "9.0000"}),
        ("customer_discount", {"2026-01-15": "90.0000"}),
        ("line_tenth", {"2025-06-10": "90.0000", "2026-01-15": "90.0000"}),
        ("two_discounts", {"2026-01-15": "72.0000"}),
        ("line_once", {"2025-06-10": "100.0000", "2026-01-15": "100.0000"}),
        ("line_half_year", {"2025-06-10": "75.0000", "2025-12-09": "75.0000", "2025-12-10": "100.0000"}),
        ("yearly_half_year", {"2025-06-10": "100.0000"}),
        ("shared_amount", {"2025-06-10": "75.0000", "2026-01-15": "75.0000"}),
        ("carried_discount", {"2025-06-19": "90.0000", "2025-06-20": "180.0000"}),
        ("made_free", {"2025-08-09": "100.0000", "2025-08-10": "0.0000"}),
        ("upgraded", {"2025-06-09": "60.0000", "2025-06-10": "100.0000", "2026-01-15": "100.0000"}),
        ("repriced", {"2025-09-09": "100.0000", "2025-09-10": "150.0000"}),
        (
            "two_subscriptions",
            {"2025-09-09": "110.0000", "2025-09-10": "70.0000", "2025-11-09": "70.0000", "2025-11-10": "0.0000"},
        ),
        (
            "add_on",
            {"2025-07-19": "50.0000", "2025-07-20": "62.0000", "2025-08-24": "62.0000", "2025-08-25": "50.0000"},
        ),
        ("silently_removed", {"2025-08-09": "59.0000", "2025-08-10": "50.0000"}),
        ("turned_yearly", {"2025-06-24": "120.0000", "2025-06-25": "100.0000", "2026-01-15": "100.0000"}),
        (
            "watched",
            {
                "2025-12-04": "20.0000",
                "2025-12-05": "50.0000",
                "2026-01-02": "50.0000",
                "2026-01-03": "30.0000",
                "2026-01-12": "0.0000",
            },
        ),
        ("trial_paid", {"2025-06-01": "0.0000", "2025-06-14": "0.0000", "2025-06-15": "100.0000"}),
        ("trial_running", {"2026-01-15": "0.0000"}),
        ("trial_left", {"2025-06-14": "0.0000", "2025-06-15": "0.0000"}),
        (
            "paused",
            {"2025-08-09": "100.0000", "2025-08-10": "0.0000", "2025-10-09": "0.0000", "2025-10-10": "100.0000"},
        ),
        ("reissued", {"2025-08-15": "100.0000"}),
        ("card_failed", {"2025-08-24": "100.0000", "2025-08-25": "0.0000"}),
        ("status_past_due", {"2026-01-15": "100.0000"}),
        ("status_unpaid", {"2026-01-14": "100.0000", "2026-01-15": "0.0000"}),
        ("status_paused", {"2026-01-15": "0.0000"}),
        ("status_incomplete", {"2025-12-10": "0.0000", "2026-01-15": "0.0000"}),
        ("status_incomplete_expired", {"2025-12-10": "0.0000"}),
        ("metered", {"2026-01-15": "0.0000"}),
        (
            "leap_day",
            {"2024-02-29": "100.0000", "2024-03-29": "100.0000", "2025-03-01": "100.0000", "2026-01-15": "100.0000"},
        ),
    ],
)
def test_mrr_by_day(world: DbtWarehouse, name: str, by_day: dict[str, str]):
    assert {day: mrr(world, name, day) for day in by_day} == by_day


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "two_subscriptions",
            [
                ("2025-06-10", "new", "110.00"),
                ("2025-09-10", "contraction", "-40.00"),
                ("2025-11-10", "churn", "-70.00"),
            ],
        ),
        (
            "won_back",
            [
                ("2025-03-10", "new", "100.00"),
                ("2025-06-10", "churn", "-100.00"),
                ("2025-07-31", "reactivation", "120.00"),
            ],
        ),
        ("upgraded", [("2025-06-01", "new", "60.00"), ("2025-06-10", "expansion", "40.00")]),
        (
            "paused",
            [
                ("2025-06-10", "new", "100.00"),
                ("2025-08-10", "churn", "-100.00"),
                ("2025-10-10", "reactivation", "100.00"),
            ],
        ),
        ("trial_paid", [("2025-06-15", "new", "100.00")]),
        ("trial_left", []),
        ("metered", []),
        ("euro", [("2025-06-10", "new", "110.00"), ("2025-07-31", "fx", "10.00")]),
        ("leap_day", [("2024-02-29", "new", "100.00")]),
        ("made_free", [("2025-06-10", "new", "100.00"), ("2025-08-10", "churn", "-100.00")]),
    ],
)
def test_movements(world: DbtWarehouse, name: str, expected: list[tuple[str, str, str]]):
    assert movements(world, name) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("card_failed", [("new", "first_subscription", None), ("churn", "payment_failed", None)]),
        (
            "two_subscriptions",
            [
                ("new", "first_subscription", None),
                ("contraction", "removed_subscription", None),
                ("churn", "cancellation_requested", None),
            ],
        ),
        ("made_free", [("new", "first_subscription", None), ("churn", "free", None)]),
        (
            "paused",
            [
                ("new", "first_subscription", None),
                ("churn", "collection_paused", None),
                ("reactivation", "resumed", 61),
            ],
        ),
        (
            "won_back",
            [("new", "first_subscription", None), ("churn", "cancelled", None), ("reactivation", "returned", 51)],
        ),
        ("trial_paid", [("new", "trial_converted", None)]),
        ("upgraded", [("new", "first_subscription", None), ("expansion", "price", None)]),
        ("turned_yearly", [("new", "first_subscription", None), ("contraction", "plan_change", None)]),
        (
            "add_on",
            [
                ("new", "first_subscription", None),
                ("expansion", "added_item", None),
                ("contraction", "removed_item", None),
            ],
        ),
        ("line_half_year", [("new", "first_subscription", None), ("expansion", "discount_ended", None)]),
        (
            "watched",
            [
                ("new", "first_subscription", None),
                ("expansion", "quantity", None),
                ("contraction", "quantity", None),
                ("churn", "item_removed", None),
            ],
        ),
        ("euro", [("new", "first_subscription", None), ("fx", "exchange_rate", None)]),
    ],
)
def test_why_and_after_how_long(world: DbtWarehouse, name: str, expected: list[tuple[str, str | None, int | None]]):
    assert reasons(world, name) == expected


def test_account_months_reach_from_the_first_month_to_the_runs(world: DbtWarehouse):
    rows = world.rows(
        "select month, mrr, is_customer, is_customer_at_start, is_complete from journey.fct_account_months "
        "inner join journey.account_sources using (account_key) where source_id = 'cus_won_back' order by month"
    )
    assert [row[0] for row in rows] == [date(2025, month, 1) for month in range(3, 13)] + [date(2026, 1, 1)]
    by_month = {row[0]: row[1:] for row in rows}
    assert by_month[date(2025, 6, 1)] == (Decimal("0.0000"), False, True, True)
    assert by_month[date(2025, 7, 1)] == (Decimal("120.0000"), True, False, True)
    assert by_month[date(2026, 1, 1)] == (Decimal("120.0000"), True, True, False)


def test_churned_accounts_leave_no_mrr_and_every_churn_has_its_row(world: DbtWarehouse):
    silent = world.rows(
        "select account_key, month from journey.fct_account_months as months "
        "where is_customer_at_start and not is_customer and not exists ("
        "select 1 from journey.fct_mrr_movements as moves where moves.account_key = months.account_key "
        "and moves.movement = 'churn' and date_trunc('month', moves.moved_on) = months.month)"
    )
    assert silent == []
