"""Prices, discounts, taxes, usage and currencies: what a price and its reductions come to by the month."""

from __future__ import annotations

from collections.abc import Iterator

from tests.scenarios.scenario import Figures, scenario
from tests.scenarios.stripe import Account

# --- intervals --------------------------------------------------------------------------------------------------------


def _one_price(a: Account, amount: int, interval: str, count: int, mrr: str) -> Iterator[Figures]:
    a.subscribe("2026-01-10", a.price(amount, interval, count))
    yield Figures(mrr={"2025-12": "0.00", "2026-01": mrr, "2026-05": mrr}, movements=[("2026-01-10", "new", mrr)])


@scenario()
def three_hundred_every_three_months(a: Account) -> Iterator[Figures]:
    yield from _one_price(a, 30000, "month", 3, "100.00")


@scenario()
def ninety_every_three_months(a: Account) -> Iterator[Figures]:
    yield from _one_price(a, 9000, "month", 3, "30.00")


@scenario()
def twenty_four_hundred_every_two_years(a: Account) -> Iterator[Figures]:
    yield from _one_price(a, 240000, "year", 2, "100.00")


@scenario()
def fifty_every_two_weeks(a: Account) -> Iterator[Figures]:
    yield from _one_price(a, 5000, "week", 2, "108.33")


@scenario()
def twenty_five_a_week(a: Account) -> Iterator[Figures]:
    yield from _one_price(a, 2500, "week", 1, "108.33")


@scenario()
def three_a_day(a: Account) -> Iterator[Figures]:
    yield from _one_price(a, 300, "day", 1, "91.25")


@scenario()
def a_year_of_5499(a: Account) -> Iterator[Figures]:
    """And its revenue by days: 467.04 in January, 421.84 in February."""
    sub = a.subscribe("2025-01-01", a.price(549900, "year"))
    sub.bill("2025-01-01")
    sub.end("2026-01-01")
    by_days = {31: "467.04", 30: "451.97", 28: "421.84"}
    days = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    yield Figures(
        mrr={"2025-01": "458.25", "2025-12": "458.25", "2026-01": "0.00"},
        revenue={f"2025-{month:02}": by_days[length] for month, length in enumerate(days, 1)},
    )


@scenario()
def a_year_at_twelve_times_the_month(a: Account) -> Iterator[Figures]:
    monthly, yearly = a.price(9900), a.price(118800, "year")
    sub = a.subscribe("2026-01-10", yearly)
    sub.bill("2026-01-10", 2, price=monthly)
    sub.bill("2026-03-10")
    yield Figures(movements=[("2026-01-10", "new", "99.00")], mrr={"2026-02": "99.00", "2026-05": "99.00"})


@scenario()
def billed_quarterly_by_invoices(a: Account) -> Iterator[Figures]:
    sub = a.subscribe("2025-07-01", a.price(30000, "month", 3))
    sub.bill("2025-07-01", 3)
    sub.end("2026-04-01")
    yield Figures(
        mrr={"2025-07": "100.00", "2026-03": "100.00", "2026-04": "0.00"},
        movements=[("2025-07-01", "new", "100.00"), ("2026-04-01", "churn", "-100.00")],
        revenue={
            "2025-07": "101.09", "2025-08": "101.09", "2025-09": "97.83", "2025-10": "101.09", "2025-11": "97.83",
            "2025-12": "101.09", "2026-01": "103.33", "2026-02": "93.33", "2026-03": "103.33",
        },
    )  # fmt: skip


# --- tiers and packages -----------------------------------------------------------------------------------------------

GRADUATED = ((5, 1000, 0), (20, 800, 0), (None, 500, 2000))
VOLUME = ((10, 1000, 0), (50, 700, 1500), (None, 500, 0))


@scenario()
def graduated_tiers_on_an_invoice(a: Account) -> Iterator[Figures]:
    """Twelve seats: 5 at 10 and 7 at 8, one line a tier."""
    sub = a.subscribe("2026-02-01", a.price(None, tiers=GRADUATED, mode="graduated"), quantity=12)
    for start, end in (("2026-02-01", "2026-03-01"), ("2026-03-01", "2026-04-01")):
        a.invoice(start, [sub.line(start, end, quantity=5, amount=5000), sub.line(start, end, quantity=7, amount=5600)])
    yield Figures(
        mrr={"2026-02": "106.00", "2026-05": "106.00"},
        movements=[("2026-02-01", "new", "106.00")],
        revenue={"2026-02": "106.00", "2026-03": "106.00"},
    )


@scenario()
def graduated_tiers_without_an_invoice(a: Account) -> Iterator[Figures]:
    """Twenty-two seats: 5 at 10, 15 at 8, 2 at 5, and 20 for reaching the last tier."""
    a.subscribe("2026-02-01", a.price(None, tiers=GRADUATED, mode="graduated"), quantity=22)
    yield Figures(mrr={"2026-02": "200.00"}, movements=[("2026-02-01", "new", "200.00")])


@scenario()
def graduated_tiers_with_more_seats_in_mid_cycle(a: Account) -> Iterator[Figures]:
    tiered = a.price(None, tiers=GRADUATED, mode="graduated")
    sub = a.subscribe("2026-02-01", tiered, quantity=12)
    a.invoice("2026-02-01", [sub.line("2026-02-01", "2026-03-01", quantity=4, amount=4000)])
    a.invoice(
        "2026-02-15",
        [
            sub.line("2026-02-15", "2026-03-01", quantity=4, amount=-2000, proration=True),
            sub.line("2026-02-15", "2026-03-01", quantity=12, amount=5300, proration=True),
        ],
    )
    yield Figures(movements=[("2026-02-01", "new", "40.00"), ("2026-02-15", "expansion", "66.00")])


@scenario()
def volume_tiers(a: Account) -> Iterator[Figures]:
    """Twelve seats: all twelve at 7, and 15 for the tier."""
    sub = a.subscribe("2026-02-01", a.price(None, tiers=VOLUME, mode="volume"), quantity=12)
    lines = [("2026-02-01", "2026-03-01"), ("2026-03-01", "2026-04-01")]
    for start, end in lines:
        a.invoice(
            start, [sub.line(start, end, quantity=12, amount=8400), sub.line(start, end, quantity=0, amount=1500)]
        )
    yield Figures(mrr={"2026-02": "99.00", "2026-05": "99.00"}, movements=[("2026-02-01", "new", "99.00")])


@scenario()
def volume_tiers_without_an_invoice(a: Account) -> Iterator[Figures]:
    a.subscribe("2026-02-01", a.price(None, tiers=VOLUME, mode="volume"), quantity=60)
    yield Figures(mrr={"2026-02": "300.00"})


@scenario()
def sold_in_packages_of_ten(a: Account) -> Iterator[Figures]:
    """Twenty-five seats are three packages at 40."""
    sub = a.subscribe("2026-02-01", a.price(4000, per=10), quantity=25)
    a.invoice("2026-02-01", [sub.line("2026-02-01", "2026-03-01", quantity=25, amount=12000)])
    yield Figures(mrr={"2026-02": "120.00", "2026-05": "120.00"}, movements=[("2026-02-01", "new", "120.00")])


@scenario()
def a_price_with_parts_of_a_cent(a: Account) -> Iterator[Figures]:
    """1,234 seats at 0.125 each."""
    sub = a.subscribe("2026-02-01", a.price(None, decimal="12.5"), quantity=1234)
    a.invoice("2026-02-01", [sub.line("2026-02-01", "2026-03-01", amount=15425)])
    yield Figures(mrr={"2026-02": "154.25"}, movements=[("2026-02-01", "new", "154.25")])


# --- metered usage ----------------------------------------------------------------------------------------------------


@scenario()
def metered_usage_beside_a_fixed_fee(a: Account) -> Iterator[Figures]:
    """Usage is billed when its month is over; it is a measure of its own."""
    sub = a.subscribe("2026-01-10", a.price(5000))
    sub.add(a.price(10, usage="metered"), "2026-01-10")
    months = ["2026-01-10", "2026-02-10", "2026-03-10", "2026-04-10", "2026-05-10", "2026-06-10", "2026-07-10"]
    for place, used in enumerate([None, 300, 450, 0, 700, 200]):
        lines = [sub.line(months[place], months[place + 1])]
        if used is not None:
            lines.append(sub.line(months[place - 1], months[place], 1, quantity=used, amount=used * 10))
        a.invoice(months[place], lines)
    yield Figures(
        mrr={"2026-01": "50.00", "2026-05": "50.00"},
        usage={
            "2026-01": "0.00",
            "2026-02": "30.00",
            "2026-03": "45.00",
            "2026-04": "0.00",
            "2026-05": "70.00",
            "2026-06": "20.00",
        },
        movements=[("2026-01-10", "new", "50.00")],
    )


@scenario()
def metered_usage_alone_is_no_mrr(a: Account) -> Iterator[Figures]:
    sub = a.subscribe("2026-02-01", a.price(10, usage="metered"))
    for start, end, used in (("2026-02-01", "2026-03-01", 900), ("2026-03-01", "2026-04-01", 1100)):
        a.invoice(end, [sub.line(start, end, quantity=used, amount=used * 10)])
    sub.end("2026-04-20")
    a.invoice("2026-04-20", [sub.line("2026-04-01", "2026-04-20", quantity=50, amount=500)])
    yield Figures(
        mrr={"2026-03": "0.00"},
        usage={"2026-02": "0.00", "2026-03": "90.00", "2026-04": "0.00"},
        movements=[],
        revenue={"2026-02": "90.00", "2026-03": "110.00", "2026-04": "5.00"},
    )


@scenario()
def metered_usage_in_tiers_by_the_quarter(a: Account) -> Iterator[Figures]:
    """First 100 free, then 0.30 each: 600 used in a quarter are 150, 50 a month."""
    tiers = ((100, 0, 0), (None, 30, 0))
    sub = a.subscribe("2026-01-01", a.price(None, "month", 3, usage="metered", tiers=tiers, mode="graduated"))
    period = ("2026-01-01", "2026-04-01")
    a.invoice("2026-04-01", [sub.line(*period, quantity=100, amount=0), sub.line(*period, quantity=500, amount=15000)])
    yield Figures(usage={"2026-03": "0.00", "2026-04": "50.00", "2026-05": "50.00"}, movements=[])


@scenario("eur")
def metered_usage_less_discount_and_tax_in_euros(a: Account) -> Iterator[Figures]:
    """1,190 with 19 % inside, less a tenth: 1,071 with tax, 900 without, at 1.10."""
    sub = a.subscribe("2026-03-01", a.price(10, usage="metered"))
    tenth = sub.give_discount(a.coupon("tenth", percent_off=10), "2026-03-01")
    line = sub.line(
        "2026-03-01", "2026-04-01", quantity=11900, amount=119000, off=[(tenth, 11900)], tax=17100, inclusive=True
    )
    a.invoice("2026-04-01", [line])
    yield Figures(usage={"2026-04": "990.00"}, mrr={"2026-04": "0.00"}, revenue={"2026-03": "990.00"})


# --- discounts --------------------------------------------------------------------------------------------------------


@scenario()
def a_hundred_and_twenty_a_year_with_a_tenth_off_for_good(a: Account) -> Iterator[Figures]:
    sub = a.subscribe("2026-01-10", a.price(12000, "year"))
    tenth = sub.give_discount(a.coupon("tenth", percent_off=10), "2026-01-10")
    sub.bill("2026-01-10", off=[(tenth, 1200)])
    yield Figures(mrr={"2026-01": "9.00", "2026-05": "9.00"}, movements=[("2026-01-10", "new", "9.00")])


@scenario()
def a_coupon_used_once_lowers_an_invoice_only(a: Account) -> Iterator[Figures]:
    sub = a.subscribe("2026-01-01", a.price(10000))
    half = a.discount(a.coupon("half_once", "once", percent_off=50), "2026-01-01", subscription=sub.id)
    sub.bill("2026-01-01", off=[(half, 5000)])
    sub.bill("2026-02-01", 4)
    sub.end("2026-06-01")
    yield Figures(
        mrr={"2026-01": "100.00", "2026-02": "100.00"},
        movements=[("2026-01-01", "new", "100.00"), ("2026-06-01", "churn", "-100.00")],
        revenue={
            "2026-01": "50.00",
            "2026-02": "100.00",
            "2026-03": "100.00",
            "2026-04": "100.00",
            "2026-05": "100.00",
        },
    )


@scenario()
def an_amount_used_once_lowers_an_invoice_only(a: Account) -> Iterator[Figures]:
    sub = a.subscribe("2026-01-01", a.price(10000))
    gift = a.discount(a.coupon("gift", "once", amount_off=3000, currency="usd"), "2026-01-01", subscription=sub.id)
    sub.bill("2026-01-01", off=[(gift, 3000)])
    sub.bill("2026-02-01", 5)
    yield Figures(mrr={"2026-01": "100.00", "2026-05": "100.00"}, movements=[("2026-01-01", "new", "100.00")])


@scenario()
def a_coupon_for_six_months(a: Account) -> Iterator[Figures]:
    sub = a.subscribe("2025-06-10", a.price(10000))
    quarter = a.discount(
        a.coupon("six_months", "repeating", percent_off=25, duration_in_months=6), "2025-06-10", "2025-12-10", sub.id
    )
    sub.bill("2025-06-10", 6, off=[(quarter, 2500)])
    sub.bill("2025-12-10", 7)
    yield Figures(
        on={"2025-12-09": "75.00", "2025-12-10": "100.00"},
        movements=[("2025-06-10", "new", "75.00"), ("2025-12-10", "expansion", "25.00")],
    )


@scenario()
def a_coupon_for_one_month_is_no_lasting_discount(a: Account) -> Iterator[Figures]:
    sub = a.subscribe("2026-01-01", a.price(10000))
    quarter = a.discount(
        a.coupon("one_month", "repeating", percent_off=25, duration_in_months=1), "2026-01-01", "2026-02-01", sub.id
    )
    sub.bill("2026-01-01", off=[(quarter, 2500)])
    sub.bill("2026-02-01", 5)
    yield Figures(movements=[("2026-01-01", "new", "100.00")])


@scenario()
def six_months_off_a_yearly_plan_is_one_cycle(a: Account) -> Iterator[Figures]:
    sub = a.subscribe("2025-09-01", a.price(120000, "year"))
    quarter = a.discount(
        a.coupon("six_months", "repeating", percent_off=25, duration_in_months=6), "2025-09-01", "2026-03-01", sub.id
    )
    sub.bill("2025-09-01", off=[(quarter, 30000)])
    yield Figures(movements=[("2025-09-01", "new", "100.00")])


@scenario()
def an_amount_off_for_good_on_a_subscription_of_two_items(a: Account) -> Iterator[Figures]:
    """15 off 60 + 30: split by what the items cost, 75 in all."""
    sub = a.subscribe("2026-01-10", a.price(6000), a.price(3000))
    off = sub.give_discount(a.coupon("fifteen", amount_off=1500, currency="usd"), "2026-01-10")
    for start, end in (("2026-01-10", "2026-02-10"), ("2026-02-10", "2026-03-10")):
        a.invoice(start, [sub.line(start, end, 0, off=[(off, 1000)]), sub.line(start, end, 1, off=[(off, 500)])])
    yield Figures(mrr={"2026-01": "75.00", "2026-05": "75.00"}, movements=[("2026-01-10", "new", "75.00")])


@scenario()
def a_discount_on_one_of_two_items(a: Account) -> Iterator[Figures]:
    sub = a.subscribe("2026-01-10", a.price(6000), a.price(3000))
    off = sub.give_discount(a.coupon("half", percent_off=50), "2026-01-10", place=1)
    for start, end in (("2026-01-10", "2026-02-10"), ("2026-02-10", "2026-03-10")):
        a.invoice(start, [sub.line(start, end, 0), sub.line(start, end, 1, off=[(off, 1500)])])
    yield Figures(mrr={"2026-01": "75.00"}, movements=[("2026-01-10", "new", "75.00")])


@scenario()
def a_discount_on_an_item_without_invoices(a: Account) -> Iterator[Figures]:
    sub = a.subscribe("2026-01-10", a.price(6000), a.price(3000))
    sub.give_discount(a.coupon("half", percent_off=50), "2026-01-10", place=1)
    yield Figures(mrr={"2026-01": "75.00"}, movements=[("2026-01-10", "new", "75.00")])


@scenario()
def a_discount_on_the_customer(a: Account) -> Iterator[Figures]:
    a.give_discount(a.coupon("tenth", percent_off=10), "2026-01-10")
    a.subscribe("2026-01-10", a.price(10000))
    yield Figures(mrr={"2026-01": "90.00"}, movements=[("2026-01-10", "new", "90.00")])


@scenario()
def a_discount_on_the_customer_on_invoices(a: Account) -> Iterator[Figures]:
    tenth = a.give_discount(a.coupon("tenth", percent_off=10), "2026-01-10")
    sub = a.subscribe("2026-01-10", a.price(10000))
    sub.bill("2026-01-10", 6, off=[(tenth, 1000)])
    yield Figures(movements=[("2026-01-10", "new", "90.00")])


@scenario()
def an_amount_off_the_customer_on_invoices(a: Account) -> Iterator[Figures]:
    off = a.give_discount(a.coupon("fifteen", amount_off=1500, currency="usd"), "2026-01-10")
    sub = a.subscribe("2026-01-10", a.price(10000))
    sub.bill("2026-01-10", 6, off=[(off, 1500)])
    yield Figures(movements=[("2026-01-10", "new", "85.00")])


@scenario()
def an_amount_off_one_of_two_items(a: Account) -> Iterator[Figures]:
    sub = a.subscribe("2026-01-10", a.price(6000), a.price(3000))
    off = sub.give_discount(a.coupon("five", amount_off=500, currency="usd"), "2026-01-10", place=1)
    for start, end in (("2026-01-10", "2026-02-10"), ("2026-02-10", "2026-03-10")):
        a.invoice(start, [sub.line(start, end, 0), sub.line(start, end, 1, off=[(off, 500)])])
    yield Figures(mrr={"2026-01": "85.00", "2026-05": "85.00"}, movements=[("2026-01-10", "new", "85.00")])


@scenario()
def an_amount_off_for_three_months(a: Account) -> Iterator[Figures]:
    sub = a.subscribe("2026-01-10", a.price(10000))
    coupon = a.coupon("three_months", "repeating", amount_off=2000, currency="usd", duration_in_months=3)
    off = a.discount(coupon, "2026-01-10", "2026-04-10", sub.id)
    sub.bill("2026-01-10", 3, off=[(off, 2000)])
    sub.bill("2026-04-10", 3)
    yield Figures(movements=[("2026-01-10", "new", "80.00"), ("2026-04-10", "expansion", "20.00")])


@scenario()
def two_discounts_at_once(a: Account) -> Iterator[Figures]:
    """A tenth off the item, then a fifth off what is left: 72."""
    sub = a.subscribe("2026-01-10", a.price(10000))
    tenth = sub.give_discount(a.coupon("tenth", percent_off=10), "2026-01-10", place=0)
    fifth = sub.give_discount(a.coupon("fifth", percent_off=20), "2026-01-10")
    sub.bill("2026-01-10", 6, off=[(tenth, 1000), (fifth, 1800)])
    yield Figures(movements=[("2026-01-10", "new", "72.00")])


@scenario()
def discounted_to_nothing_from_the_start(a: Account) -> Iterator[Figures]:
    sub = a.subscribe("2026-01-10", a.price(10000))
    free = sub.give_discount(a.coupon("all", percent_off=100), "2026-01-10")
    sub.bill("2026-01-10", 6, off=[(free, 10000)])
    yield Figures(mrr={"2026-01": "0.00", "2026-05": "0.00"}, movements=[], revenue={})


@scenario()
def an_amount_off_that_is_more_than_the_price(a: Account) -> Iterator[Figures]:
    sub = a.subscribe("2026-01-10", a.price(1000))
    off = sub.give_discount(a.coupon("fifteen", amount_off=1500, currency="usd"), "2026-01-10")
    sub.bill("2026-01-10", 6, off=[(off, 1000)])
    yield Figures(mrr={"2026-01": "0.00"}, movements=[])


@scenario()
def a_full_discount_later_is_churn(a: Account) -> Iterator[Figures]:
    sub = a.subscribe("2026-01-10", a.price(10000))
    sub.bill("2026-01-10", 2)
    free = sub.give_discount(a.coupon("all", percent_off=100), "2026-03-10")
    sub.bill("2026-03-10", 4, off=[(free, 10000)])
    yield Figures(movements=[("2026-01-10", "new", "100.00"), ("2026-03-10", "churn", "-100.00")], why=["free"])


@scenario()
def an_upgrade_keeps_the_discount(a: Account) -> Iterator[Figures]:
    """The proration carries its discount in the amount and lists none."""
    sub = a.subscribe("2026-01-10", a.price(10000), quantity=2)
    tenth = sub.give_discount(a.coupon("tenth", percent_off=10), "2026-01-10")
    sub.bill("2026-01-10", off=[(tenth, 1000)], quantity=1)
    a.invoice(
        "2026-01-20",
        [
            sub.line("2026-01-20", "2026-02-10", quantity=1, amount=-6097, proration=True),
            sub.line("2026-01-20", "2026-02-10", quantity=2, amount=12194, proration=True),
        ],
    )
    sub.bill("2026-02-10", 5, off=[(tenth, 2000)])
    yield Figures(movements=[("2026-01-10", "new", "90.00"), ("2026-01-20", "expansion", "90.00")])


@scenario()
def a_discount_given_between_two_nights(a: Account) -> Iterator[Figures]:
    sub = a.subscribe("2026-05-01", a.price(10000))
    sub.bill("2026-05-01", 2)
    yield Figures(mrr={"2026-05": "100.00"})
    a.today("2026-06-20")
    sub.give_discount(a.coupon("fifth", percent_off=20), "2026-06-20")
    yield Figures(
        on={"2026-06-19": "100.00", "2026-06-20": "80.00"},
        movements=[("2026-05-01", "new", "100.00"), ("2026-06-20", "contraction", "-20.00")],
    )


@scenario()
def a_discount_taken_back_between_two_nights(a: Account) -> Iterator[Figures]:
    sub = a.subscribe("2026-05-01", a.price(10000))
    fifth = sub.give_discount(a.coupon("fifth", percent_off=20), "2026-05-01")
    sub.bill("2026-05-01", 2, off=[(fifth, 2000)])
    yield Figures(mrr={"2026-05": "80.00"})
    a.today("2026-06-20")
    sub.change(discounts=[])
    yield Figures(
        on={"2026-06-19": "80.00", "2026-06-20": "100.00"},
        movements=[("2026-05-01", "new", "80.00"), ("2026-06-20", "expansion", "20.00")],
    )


# --- taxes ------------------------------------------------------------------------------------------------------------


@scenario()
def tax_on_top(a: Account) -> Iterator[Figures]:
    sub = a.subscribe("2026-02-01", a.price(10000))
    sub.bill("2026-02-01", 4, tax=1900)
    sub.end("2026-06-01")
    yield Figures(
        mrr={"2026-02": "100.00"},
        revenue={"2026-02": "100.00", "2026-03": "100.00", "2026-04": "100.00", "2026-05": "100.00"},
        cash={"charge": "476.00"},
    )


@scenario()
def tax_inside_the_price(a: Account) -> Iterator[Figures]:
    sub = a.subscribe("2026-02-01", a.price(11900))
    sub.bill("2026-02-01", 4, tax=1900, inclusive=True)
    sub.end("2026-06-01")
    yield Figures(
        mrr={"2026-02": "100.00", "2026-05": "100.00"},
        movements=[("2026-02-01", "new", "100.00"), ("2026-06-01", "churn", "-100.00")],
        revenue={"2026-02": "100.00", "2026-03": "100.00", "2026-04": "100.00", "2026-05": "100.00"},
        cash={"charge": "476.00"},
    )


@scenario()
def tax_inside_the_price_less_a_discount(a: Account) -> Iterator[Figures]:
    sub = a.subscribe("2026-02-01", a.price(11900))
    tenth = sub.give_discount(a.coupon("tenth", percent_off=10), "2026-02-01")
    sub.bill("2026-02-01", 5, off=[(tenth, 1190)], tax=1710, inclusive=True)
    yield Figures(mrr={"2026-02": "90.00", "2026-05": "90.00"}, movements=[("2026-02-01", "new", "90.00")])


@scenario()
def tax_inside_the_price_and_an_amount_off(a: Account) -> Iterator[Figures]:
    """119 less 11.90 is 107.10, of which 17.10 is tax."""
    sub = a.subscribe("2026-02-01", a.price(11900))
    off = sub.give_discount(a.coupon("off_1190", amount_off=1190, currency="usd"), "2026-02-01")
    sub.bill("2026-02-01", 5, off=[(off, 1190)], tax=1710, inclusive=True)
    yield Figures(mrr={"2026-02": "90.00", "2026-05": "90.00"}, movements=[("2026-02-01", "new", "90.00")])


@scenario()
def tax_inside_the_price_of_an_item_that_is_given_away_once(a: Account) -> Iterator[Figures]:
    """A line that is discounted to nothing shows no tax: the rate is that of the item beside it."""
    sub = a.subscribe("2026-05-20", a.price(11900), a.price(5950))
    gift = sub.give_discount(a.coupon("gift", "once", percent_off=100), "2026-05-20", place=0)
    cycle = ("2026-05-20", "2026-06-20")
    a.invoice(cycle[0], [sub.line(*cycle, 0, off=[(gift, 11900)]), sub.line(*cycle, 1, tax=950, inclusive=True)])
    yield Figures(mrr={"2026-05": "150.00"}, movements=[("2026-05-20", "new", "150.00")])


@scenario()
def tax_inside_a_price_that_changes_between_two_nights(a: Account) -> Iterator[Figures]:
    sub = a.subscribe("2026-05-01", a.price(11900))
    sub.bill("2026-05-01", 2, tax=1900, inclusive=True)
    yield Figures(mrr={"2026-05": "100.00"})
    a.today("2026-06-20")
    sub.change_item(quantity=2)
    yield Figures(on={"2026-06-19": "100.00", "2026-06-20": "200.00"})


# --- currencies -------------------------------------------------------------------------------------------------------


@scenario("jpy")
def yen_have_no_minor_unit(a: Account) -> Iterator[Figures]:
    """5,000 yen are 5,000, at 0.0067 dollars."""
    sub = a.subscribe("2026-03-01", a.price(5000))
    paid = sub.bill("2026-03-01", 2)
    sub.end("2026-05-01")
    paid[0].refund("2026-04-10", 1000)
    yield Figures(
        on={"2026-03-01": "5000.00"},
        mrr={"2026-03": "33.50", "2026-05": "0.00"},
        revenue={"2026-03": "33.50", "2026-04": "26.80"},
        cash={"charge": "67.00", "refund": "-6.70"},
    )


@scenario("kwd")
def dinars_have_three_digits(a: Account) -> Iterator[Figures]:
    """12.340 dinars are 12,340 fils, at 3.25 dollars."""
    sub = a.subscribe("2026-03-01", a.price(12340))
    sub.bill("2026-03-01")
    sub.end("2026-04-01")
    yield Figures(
        on={"2026-03-01": "12.34"}, mrr={"2026-03": "40.11"}, revenue={"2026-03": "40.11"}, cash={"charge": "40.11"}
    )


@scenario("gbp")
def a_rate_that_moves_has_a_row_of_its_own(a: Account) -> Iterator[Figures]:
    """Pounds rise from 1.25 to 1.30 at the end of March."""
    sub = a.subscribe("2026-02-10", a.price(10000))
    sub.bill("2026-02-10", 5)
    yield Figures(
        mrr={"2026-02": "125.00", "2026-03": "130.00", "2026-05": "130.00"},
        movements=[("2026-02-10", "new", "125.00"), ("2026-03-31", "fx", "5.00")],
    )


@scenario("eur")
def an_account_changes_its_currency(a: Account) -> Iterator[Figures]:
    """100 euros are 110 dollars; 120 dollars from the same day on are an expansion."""
    old = a.subscribe("2026-01-10", a.price(10000))
    old.bill("2026-01-10", 2)
    old.end("2026-03-10")
    new = a.subscribe("2026-03-10", a.price(12000, currency="usd"), currency="usd")
    new.bill("2026-03-10", 4)
    yield Figures(
        mrr={"2026-02": "110.00", "2026-03": "120.00"},
        movements=[("2026-01-10", "new", "110.00"), ("2026-03-10", "expansion", "10.00")],
    )
