"""Each choice of the revenue policy at work: the same raw rows, and marts that differ as it says and nowhere else."""

from __future__ import annotations

from decimal import Decimal
from typing import get_args

import pytest
import yaml

from tests.dbt.billing_world import SEEN_AT, Billing, at, months_later
from tests.dbt.conftest import PROJECT, DbtWarehouse
from warehouse.settings import POLICY, Settings

AS_OF = "2026-01-15 06:00:00"
VARIABLES = yaml.safe_load((PROJECT / "dbt_project.yml").read_text())["vars"]
# what a choice can change: the facts of recurring revenue and what stands on them
CHANGED = "int_lasting_discounts+1 int_item_line_events int_item_version_discounts int_item_rediscounts "
CHANGED += "int_item_version_events int_item_events int_item_states int_item_spans int_item_segments "
CHANGED += "fct_subscription_periods int_account_currency_days int_account_currency_steps int_account_currency_months "
CHANGED += "int_account_stays int_account_currency_parts int_account_moves int_movement_causes fct_mrr_movements "
CHANGED += "int_account_spans int_account_month_ends fct_account_months mrr_rollforward mrr_movements_monthly"

Movements = list[tuple[str, str, str, str]]


def _cancelled(b: Billing, name: str, start: str, end: str, cycles: int, asked: str | None = None) -> None:
    sub, item = b.subscription(
        name,
        b.price(10000),
        start,
        status="canceled",
        ended_at=at(end),
        canceled_at=at(asked or end),
        cancellation_reason="cancellation_requested",
    )
    b.cycles(name, sub, item, b.price(10000), start, cycles)


def _accounts(b: Billing) -> None:
    # control: an account that no choice moves
    sub, item = b.subscription("plain", b.price(10000), "2025-06-10")
    b.cycles("plain", sub, item, b.price(10000), "2025-06-10", 8)

    # the card failed in August, and was mended on the 20th; in January it fails again
    sub, item = b.subscription("past_due", b.price(10000), "2025-06-10", status="past_due")
    b.cycles("past_due", sub, item, b.price(10000), "2025-06-10", 8)
    invoices = [row for row in b.rows["invoices"] if row["subscription_id"] == sub]
    invoices[2] |= {"attempt_count": 3, "paid_at": at("2025-08-20")}
    invoices[7] |= {"attempt_count": 2, "status": "open", "paid_at": None}

    # by transfer, paid late once
    sub, item = b.subscription("transfer", b.price(10000), "2025-06-10", collection_method="send_invoice")
    b.cycles("transfer", sub, item, b.price(10000), "2025-06-10", 8)
    for row in b.rows["invoices"]:
        if row["subscription_id"] == sub:
            row["due_at"] = row["paid_at"]
    late = [row for row in b.rows["invoices"] if row["subscription_id"] == sub][3]
    late |= {"due_at": at("2025-09-24"), "paid_at": at("2025-10-05")}

    # half off for three months, and half off once
    b.coupon("half_once", percent_off=50, duration="once")
    b.coupon("quarter", percent_off=25, duration="repeating", duration_in_months=3)
    for name, coupon, off, cycles in (("once", "half_once", 5000, 1), ("three_months", "quarter", 2500, 3)):
        sub, item = b.subscription(name, b.price(10000), "2025-06-10")
        discount = b.discount(coupon, f"cus_{name}", sub, "2025-06-10", "2025-09-10" if cycles > 1 else None)
        b.cycles(name, sub, item, b.price(10000), "2025-06-10", cycles, off=[(discount, off)])
        b.cycles(name, sub, item, b.price(10000), f"2025-{6 + cycles:02}-10", 8 - cycles)

    sub, item = b.subscription(
        "trial", b.price(10000), "2025-06-10", trial_start_at=at("2025-06-10"), trial_end_at=at("2025-07-10")
    )
    b.invoice("trial", sub, "2025-06-10", [b.line(b.price(10000), item, "2025-06-10", "2025-07-10", amount=0)])
    b.cycles("trial", sub, item, b.price(10000), "2025-07-10", 7)

    sub, item = b.subscription("paused", b.price(10000), "2025-06-10")
    b.cycles("paused", sub, item, b.price(10000), "2025-06-10", 2)
    b.cycles("paused", sub, item, b.price(10000), "2025-08-10", 1, status="void")
    b.cycles("paused", sub, item, b.price(10000), "2025-09-10", 5)

    b.subscription("weekly", b.price(8400, "week"), "2025-06-10")

    # a fixed fee and metered use, which stops in October; another pays for use alone, and its card fails in January
    for name in ("used", "used_only"):
        fee, status = (b.price(10000), "active") if name == "used" else (None, "past_due")
        sub, item = b.subscription(name, fee, "2025-06-10", status=status)
        if fee:
            b.cycles(name, sub, item, fee, "2025-06-10", 8)
        use = b.price(10, usage="metered")
        metered = b.item(sub, use, "2025-06-10")
        for month, units in enumerate((300, 500, 500, 0, 200, 200, 200)):
            start = months_later("2025-06-10", month)
            lines = [b.line(use, metered, start, months_later(start, 1), units)]
            more = {"attempt_count": 2, "status": "open", "paid_at": None} if (name, month) == ("used_only", 6) else {}
            b.invoice(name, sub, months_later(start, 1), lines, **more)

    # asked to leave in October, served to November
    _cancelled(b, "asked", "2025-06-10", "2025-11-10", 5, asked="2025-10-20")
    # asked to leave and thought better of it, as the ledger saw
    sub, item = b.subscription("stayed", b.price(10000), "2025-06-10", modified_at="2025-06-10 10:00:00+00")
    b.cycles("stayed", sub, item, b.price(10000), "2025-06-10", 8)
    (row,) = [row for row in b.rows["subscriptions"] if row["id"] == sub]
    end = at("2025-11-10")
    b.add(
        "subscriptions",
        row
        | {"modified_at": at("2025-10-20"), "canceled_at": at("2025-10-20"), "cancel_at_period_end": True}
        | {"cancel_at": end, "cancellation_reason": "cancellation_requested"},
    )
    b.add("subscriptions", row | {"modified_at": at("2025-11-02")})
    # scheduled at present
    b.subscription(
        "leaving",
        b.price(10000),
        "2025-06-10",
        cancel_at_period_end=True,
        canceled_at=at("2026-01-12"),
        cancel_at=at("2026-02-10"),
    )

    # a full discount from August to October; another account leaves while it is free
    b.coupon("all", percent_off=100, duration="forever")
    for name, more in (("free", {}), ("free_left", {"status": "canceled", "ended_at": at("2025-10-10")})):
        sub, item = b.subscription(name, b.price(10000), "2025-06-10", **more)
        discount = b.discount("all", f"cus_{name}", sub, "2025-08-10")
        b.cycles(name, sub, item, b.price(10000), "2025-06-10", 2)
        b.cycles(name, sub, item, b.price(10000), "2025-08-10", 2, off=[(discount, 10000)])
        if not more:
            b.cycles(name, sub, item, b.price(10000), "2025-10-10", 4)

    # gaps of 20 and of 40 days
    for name, back in (("back_soon", "2025-08-30"), ("back_late", "2025-09-19")):
        _cancelled(b, name, "2025-06-10", "2025-08-10", 2)
        sub, item = b.subscription(name, b.price(12000), back)
        b.cycles(name, sub, item, b.price(12000), back, 4)


# what may be said of an invoice, and when it was overdue
CARD, MAIL = {"collection_method": "charge_automatically"}, {"collection_method": "send_invoice"}
PAID, OPEN = {"status": "paid"}, {"status": "open", "paid_at": None}
OVERDUE: dict[str, tuple[dict[str, object], tuple[str, str | None] | None]] = {
    "card_paid_at_once": (PAID | {"payload": CARD}, None),
    "card_paid_later": (PAID | {"payload": CARD, "attempt_count": 2, "paid_at": at("2025-11-08")}, ("11-01", "11-08")),
    "card_failed_once": (OPEN | {"payload": CARD}, ("11-01", None)),
    "card_not_tried": (OPEN | {"payload": CARD, "attempt_count": 0}, None),
    "card_made_void": (OPEN | {"payload": CARD, "status": "void", "voided_at": at("2025-11-06")}, ("11-01", "11-06")),
    "card_given_up": (
        OPEN | {"payload": CARD, "status": "uncollectible", "uncollectible_at": at("2025-11-09")},
        ("11-01", "11-09"),
    ),
    "given_up_and_paid_in_the_end": (
        PAID | {"attempt_count": 4, "uncollectible_at": at("2025-11-09"), "paid_at": at("2025-12-20")},
        ("11-01", "11-09"),
    ),
    "given_up_nobody_knows_when": (OPEN | {"payload": CARD, "status": "uncollectible", "attempt_count": 4}, None),
    "deleted": (OPEN | {"payload": CARD, "attempt_count": 3, "is_deleted": True}, None),
    "mail_not_due_yet": (OPEN | {"payload": MAIL, "due_at": at("2026-02-01")}, None),
    "mail_opened_and_tried_by_card": (OPEN | {"payload": MAIL, "attempt_count": 2, "due_at": at("2026-02-01")}, None),
    "mail_overdue": (OPEN | {"payload": MAIL, "attempt_count": 0, "due_at": at("2025-11-15")}, ("11-15", None)),
    "mail_paid_in_time": (PAID | {"payload": MAIL, "due_at": at("2025-11-15")}, None),
    "mail_paid_late": (
        PAID | {"payload": MAIL, "due_at": at("2025-11-15"), "paid_at": at("2025-11-18")},
        ("11-15", "11-18"),
    ),
}


def _overdue(b: Billing) -> None:
    for name, (more, _) in OVERDUE.items():
        terms = {key: value for key, value in more.items() if key != "status"}
        b.invoice(name, None, "2025-11-01", [b.line(b.price(100, None), None, "2025-11-01", "2025-11-01")], **terms)
        b.rows["invoices"][-1] |= {"id": f"in_{name}", "status": more["status"]}
        b.rows["invoice_lines"][-1]["invoice_id"] = f"in_{name}"


@pytest.fixture(scope="module")
def world(dbt_module: DbtWarehouse) -> DbtWarehouse:
    billing = Billing(SEEN_AT)
    _accounts(billing)
    _overdue(billing)
    billing.add("products", {"id": "prod_1", "name": "Plan", "created_at": at("2024-01-01")})
    for stream, rows in billing.rows.items():
        dbt_module.raw("stripe", stream, rows, extracted_at=SEEN_AT)
    dbt_module.run("+mrr_movements_monthly", as_of=AS_OF)
    return dbt_module


def movements(world: DbtWarehouse) -> dict[str, Movements]:
    """Day, movement, amount and reason of every account, in order."""
    found: dict[str, Movements] = {}
    for name, *row in world.rows(
        "select substr(source_id, 5), moved_on::varchar, movement, round(amount, 2)::varchar, reason "
        "from journey.fct_mrr_movements inner join journey.account_sources using (account_key) order by all"
    ):
        found.setdefault(name, []).append(tuple(row))
    return found


def month_ends(world: DbtWarehouse, name: str, measure: str) -> dict[str, Decimal]:
    """A measure of an account by month, where it is not nil."""
    return dict(
        world.rows(
            f"select strftime(month, '%Y-%m'), {measure} from journey.fct_account_months "
            "inner join journey.account_sources using (account_key) "
            f"where source_id = ? and {measure} > 0 order by month",
            [f"cus_{name}"],
        )
    )


def built(world: DbtWarehouse, **choices: object) -> dict[str, Movements]:
    """The movements under some choices; the marts carry them, and the roll-forward closes."""
    world.run(*CHANGED.split(), as_of=AS_OF, **choices)
    world.build(
        "rollforward_closes_for_every_account",
        "movements_follow_each_other",
        "rollforward_is_a_chain",
        "subscription_periods_do_not_overlap",
        as_of=AS_OF,
        **choices,
    )
    carried = "+".join(["v1", *(f"{name}={choices[name]}" for name in POLICY if name in choices)])
    for mart in ("journey.fct_mrr_movements", "journey.fct_account_months", "metrics.mrr_rollforward"):
        assert world.rows(f"select distinct policy_version from {mart}") == [(carried,)]
    return movements(world)


NEW, CHURN = ("2025-06-10", "new", "100.00", "first_subscription"), "cancellation_requested"
DEFAULT: dict[str, Movements] = {
    "plain": [NEW],
    "past_due": [NEW],
    "transfer": [NEW],
    "once": [NEW],
    "three_months": [
        ("2025-06-10", "new", "75.00", "first_subscription"),
        ("2025-09-10", "expansion", "25.00", "discount_ended"),
    ],
    "trial": [("2025-07-10", "new", "100.00", "trial_converted")],
    "paused": [
        NEW,
        ("2025-08-10", "churn", "-100.00", "collection_paused"),
        ("2025-09-10", "reactivation", "100.00", "resumed"),
    ],
    "weekly": [("2025-06-10", "new", "364.00", "first_subscription")],
    "used": [NEW],
    "asked": [NEW, ("2025-11-10", "churn", "-100.00", CHURN)],
    "stayed": [NEW],
    "leaving": [NEW],
    "free": [
        NEW,
        ("2025-08-10", "churn", "-100.00", "free"),
        ("2025-10-10", "reactivation", "100.00", "discount_ended"),
    ],
    "free_left": [NEW, ("2025-08-10", "churn", "-100.00", "free")],
    "back_soon": [NEW, ("2025-08-10", "churn", "-100.00", CHURN), ("2025-08-30", "reactivation", "120.00", "returned")],
    "back_late": [NEW, ("2025-08-10", "churn", "-100.00", CHURN), ("2025-09-19", "reactivation", "120.00", "returned")],
}

# choice -> the accounts whose movements it changes, and to what
CASES: dict[tuple[str, object], dict[str, Movements]] = {
    ("mrr_past_due", "exclude"): {
        "past_due": [
            NEW,
            ("2025-08-10", "churn", "-100.00", "past_due"),
            ("2025-08-20", "reactivation", "100.00", "returned"),
            ("2026-01-10", "churn", "-100.00", "past_due"),
        ],
        "transfer": [
            NEW,
            ("2025-09-24", "churn", "-100.00", "past_due"),
            ("2025-10-05", "reactivation", "100.00", "returned"),
        ],
    },
    ("mrr_discounts", "all"): {
        "once": [
            ("2025-06-10", "new", "50.00", "first_subscription"),
            ("2025-07-10", "expansion", "50.00", "discount_ended"),
        ]
    },
    ("mrr_discounts", "none"): {
        "three_months": [NEW],
        "free": [NEW],
        "free_left": [NEW, ("2025-10-10", "churn", "-100.00", "cancelled")],
    },
    ("mrr_trials", "include"): {"trial": [NEW]},
    ("mrr_paused_collection", "include"): {"paused": [NEW]},
    ("mrr_week_factor", "365/7/12"): {"weekly": [("2025-06-10", "new", "365.00", "first_subscription")]},
    ("mrr_metered_usage", "in"): {
        "used": [
            NEW,
            ("2025-07-10", "expansion", "30.00", "usage"),
            ("2025-08-10", "expansion", "20.00", "usage"),
            ("2025-10-10", "contraction", "-50.00", "usage"),
            ("2025-11-10", "expansion", "20.00", "usage"),
        ],
        "used_only": [
            ("2025-07-10", "new", "30.00", "first_subscription"),
            ("2025-08-10", "expansion", "20.00", "usage"),
            ("2025-10-10", "churn", "-50.00", "usage"),
            ("2025-11-10", "reactivation", "20.00", "returned"),
        ],
    },
    ("churn_date", "request"): {
        "asked": [NEW, ("2025-10-20", "churn", "-100.00", CHURN)],
        "stayed": [
            NEW,
            ("2025-10-20", "churn", "-100.00", "cancelled"),
            ("2025-11-02", "reactivation", "100.00", "returned"),
        ],
        "leaving": [NEW, ("2026-01-12", "churn", "-100.00", "cancelled")],
    },
    ("full_discount", "customer"): {
        "free": [
            NEW,
            ("2025-08-10", "contraction", "-100.00", "free"),
            ("2025-10-10", "expansion", "100.00", "discount_ended"),
        ],
        "free_left": [
            NEW,
            ("2025-08-10", "contraction", "-100.00", "free"),
            ("2025-10-10", "churn", "0.00", "cancelled"),
        ],
    },
    ("reactivation_gap_days", 30): {
        "paused": DEFAULT["paused"],
        "back_soon": [
            NEW,
            ("2025-08-10", "contraction", "-100.00", "removed_subscription"),
            ("2025-08-30", "expansion", "120.00", "added_subscription"),
        ],
    },
}


def test_the_default_policy(world: DbtWarehouse):
    assert movements(world) == DEFAULT
    assert world.rows("select distinct policy_version from metrics.mrr_rollforward") == [("v1",)]


def test_committed_mrr_leaves_with_the_request_and_at_risk_mrr_is_what_is_past_due(world: DbtWarehouse):
    assert month_ends(world, "asked", "mrr - mrr_committed") == {"2025-10": Decimal(100)}
    assert month_ends(world, "stayed", "mrr - mrr_committed") == {"2025-10": Decimal(100)}
    assert month_ends(world, "leaving", "mrr - mrr_committed") == {"2026-01": Decimal(100)}
    assert month_ends(world, "transfer", "mrr_at_risk") == {"2025-09": Decimal(100)}
    assert month_ends(world, "past_due", "mrr_at_risk") == {"2026-01": Decimal(100)}
    assert month_ends(world, "plain", "mrr - mrr_committed + mrr_at_risk") == {}
    days = world.rows(
        "select starts_on::varchar, ends_on::varchar from journey.fct_subscription_periods "
        "where customer_id = 'cus_past_due' and at_risk_mrr_native > 0 order by 1"
    )
    assert days == [("2025-08-10", "2025-08-20"), ("2026-01-10", None)]
    assert world.rows(
        "select month::varchar, mrr_closing - mrr_committed_end, mrr_at_risk_end from metrics.mrr_rollforward "
        "where mrr_closing <> mrr_committed_end or mrr_at_risk_end > 0 order by 1"
    ) == [("2025-09-01", 0, 100), ("2025-10-01", 200, 0), ("2026-01-01", 100, 100)]


def test_an_invoice_is_overdue_by_its_own_way_of_collection(world: DbtWarehouse):
    """By card from a failed attempt, by transfer from the due date, until paid or given up; a deleted one never."""
    spans = world.rows(
        "select substr(invoice_id, 4), strftime(from_at, '%m-%d'), strftime(until_at, '%m-%d') "
        "from staging.int_overdue_invoices where subscription_id is null"
    )
    assert {name: tuple(span) for name, *span in spans} == {name: span for name, (_, span) in OVERDUE.items() if span}


def test_choices_change_what_they_say_and_nothing_else(world: DbtWarehouse):
    """All choices at once: each has accounts of its own, except for those of the discounts and of the gap."""
    chosen = [case for case in CASES if case not in {("mrr_discounts", "none"), ("reactivation_gap_days", 30)}]
    expected = dict(DEFAULT)
    for case in chosen:
        expected |= CASES[case]
    # the use that counts is overdue in January
    expected["used_only"] = [*expected["used_only"], ("2026-01-10", "churn", "-20.00", "past_due")]
    assert built(world, **dict(chosen)) == expected
    # a customer on a free plan stays one, and leaves with it
    assert month_ends(world, "free_left", "is_customer::int") == {f"2025-{month:02}": 1 for month in (6, 7, 8, 9)}


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]}={case[1]}")
def test_a_choice_alone_changes_its_accounts_only(world: DbtWarehouse, case: tuple[str, object]):
    assert built(world, **{case[0]: case[1]}) == DEFAULT | CASES[case]
    if case == ("mrr_metered_usage", "in"):
        # beside MRR as before, and in all of its parts
        assert month_ends(world, "used_only", "usage_mrr") == month_ends(world, "used_only", "mrr")
        assert month_ends(world, "used_only", "mrr_at_risk") == {"2026-01": Decimal(20)}
        assert month_ends(world, "used_only", "mrr - mrr_committed") == {}
        gross = "select sum(mrr_gross_native), sum(mrr_native) from journey.fct_subscription_periods "
        gross += "where customer_id = 'cus_used' and ends_on is null"
        assert world.rows(gross) == [(Decimal(120), Decimal(120))]


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("mrr_past_due", "perhaps", "revenue policy mrr_past_due: 'perhaps' is none of include, exclude"),
        ("reactivation_gap_days", -1, "revenue policy reactivation_gap_days: '-1' is no whole number of at least 0"),
    ],
)
def test_a_choice_that_there_is_not_fails_the_run_and_names_the_choices(
    world: DbtWarehouse, name: str, value: object, said: str
):
    with pytest.raises(AssertionError) as refused:
        world.run("fct_account_months", as_of=AS_OF, **{name: value})
    assert said in str(refused.value)


def test_the_settings_and_the_project_know_the_same_choices():
    choices = VARIABLES["policy_choices"]
    assert set(POLICY) == set(choices) and set(choices) <= set(VARIABLES)
    for name, allowed in choices.items():
        annotation = Settings.model_fields[name].annotation
        assert Settings.model_fields[name].default is None
        if isinstance(allowed, list):
            literal = next(part for part in get_args(annotation) if part is not type(None))
            assert set(get_args(literal)) == set(allowed) and VARIABLES[name] == allowed[0]
        else:
            assert VARIABLES[name] == allowed


@pytest.mark.slow
def test_the_gate_of_a_publish_holds_whatever_is_chosen(world: DbtWarehouse):
    """All choices changed at once: every check of revenue and unit economics passes on the marts that stand on them."""
    chosen = {name: value for name, value in CASES if (name, value) != ("mrr_discounts", "none")}
    checked = ("path:tests/revenue", "path:tests/economics", "path:models/journey/revenue")
    world.build(*(f"+{selection}" for selection in checked), as_of=AS_OF, **chosen)
