"""Stripe's readers against a small Stripe: first run, events, deletions, both shapes, embedded lists."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from ingestion.extract import Context, Reader
from ingestion.http import HttpClient, PermissionDenied, RetryBudget, SourceError
from ingestion.registry import streams_of
from ingestion.stripe.source import GROUPS, build
from ingestion.versions import to_versions
from tests.ingestion.raw_harness import Harness
from tests.ingestion.stripe_fake import KEY, FakeStripe

DAY = 86_400


class World:
    """A fake Stripe and the raw tables it is read into; both clocks move together."""

    def __init__(self, folder: Path, **settings: object) -> None:
        self.stripe = FakeStripe()
        self.raw = Harness(folder, "stripe", {"stripe_api_key": KEY, **settings})
        self.raw.as_of = datetime.fromtimestamp(self.stripe.now, UTC)

    def run(self) -> dict[str, int]:
        self.raw.as_of = datetime.fromtimestamp(self.stripe.now, UTC)
        self.stripe.requests.clear()
        stored = self.raw.run(self._build)
        return {stream: rows for stream, rows in stored.items() if stream != "drift"}

    def wait(self, seconds: int = DAY) -> None:
        self.stripe.now += seconds

    def _build(self, context: Context) -> list[Reader]:
        client = HttpClient(
            "stripe",
            "http://stripe.test/stripe",
            {"Authorization": f"Bearer {KEY}"},
            [KEY],
            RetryBudget(attempts=2, first_pause=0),
            transport=self.stripe.client(),
        )
        return build(context.settings, context, client)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    yield World(tmp_path)


def test_the_first_run_lists_everything(world: World) -> None:
    stripe = world.stripe
    for n in range(250):
        stripe.put("customers", {"id": f"cus_{n}", "object": "customer", "email": f"a{n}@x.com", "created": stripe.now})
    stripe.subscription("sub_1", 12, status="canceled")
    stripe.put("balance_transactions", {"id": "txn_1", "amount": 5, "fee": 1, "net": 4, "exchange_rate": 1.0834})

    stored = world.run()

    assert stored == {"customers": 250, "subscriptions": 1, "subscription_items": 12, "balance_transactions": 1}
    assert world.raw.newest("customers")["cus_249"]["email"] == "a249@x.com"
    assert str(world.raw.newest("balance_transactions")["txn_1"]["exchange_rate"]) == "1.083400000000"
    assert world.run() == {}


def test_all_lines_of_an_invoice_are_read(world: World) -> None:
    world.stripe.invoice("in_1", 237)
    assert world.run()["invoice_lines"] == 237
    lines = world.raw.newest("invoice_lines")
    assert {row["invoice_id"] for row in lines.values()} == {"in_1"}
    assert {row["customer_id"] for row in lines.values()} == {"cus_1"}
    assert lines["il_in_1_236"]["amount"] == 336


def test_events_lead_to_one_reading_of_each_changed_object(world: World) -> None:
    stripe = world.stripe
    stripe.put("customers", {"id": "cus_1", "object": "customer", "name": "A"})
    stripe.put("customers", {"id": "cus_2", "object": "customer", "name": "B"})
    world.run()
    world.wait()
    for name in ("C", "D", "E"):
        stripe.put("customers", {"id": "cus_1", "object": "customer", "name": name}, "customer.updated")

    assert world.run() == {"customers": 1}
    reads = [path for path, _ in stripe.requests if path.startswith("customers")]
    assert reads == ["customers/cus_1"]
    assert world.raw.newest("customers")["cus_1"]["name"] == "E"
    assert world.raw.newest("customers")["cus_1"]["modified_at"].timestamp() == stripe.now


def test_there_and_back_is_three_versions_even_within_a_second(world: World) -> None:
    for name in ("A", "B", "A", "B"):
        world.stripe.put(
            "customers", {"id": "cus_1", "object": "customer", "name": name, "created": 1}, "customer.updated"
        )
        world.run()
    versions = world.raw.versions("customers")
    assert [row["name"] for row in versions] == ["A", "B", "A", "B"]
    assert len({row["modified_at"] for row in versions}) == 4


def test_many_events_of_one_second_on_the_boundary_are_all_seen(world: World) -> None:
    stripe = world.stripe
    stripe.put("customers", {"id": "cus_0", "object": "customer"}, "customer.created")
    world.run()
    for n in range(1, 230):  # the same second as the newest event of the run before
        stripe.put("customers", {"id": f"cus_{n}", "object": "customer"}, "customer.created")
    assert world.run() == {"customers": 229}
    assert world.run() == {}


def test_an_event_that_appears_late_is_seen(world: World) -> None:
    stripe = world.stripe
    stripe.put("products", {"id": "prod_1", "object": "product", "name": "A"}, "product.created")
    world.run()
    stripe.now -= 600
    stripe.put("products", {"id": "prod_1", "object": "product", "name": "B", "created": 5}, "product.updated")
    stripe.now += 600
    assert world.run() == {"products": 1}
    assert world.raw.newest("products")["prod_1"]["name"] == "B"


def test_deletions(world: World) -> None:
    stripe = world.stripe
    stripe.put("customers", {"id": "cus_1", "object": "customer", "email": "a@x.com"})
    stripe.put("coupons", {"id": "co_1", "object": "coupon", "percent_off": 12.5})
    stripe.put("products", {"id": "prod_1", "object": "product"})
    stripe.invoice("in_1", 3)
    world.run()
    world.wait()
    stripe.delete("customers", "cus_1", "customer.deleted")
    stripe.delete("coupons", "co_1", "coupon.deleted")
    stripe.delete("invoices", "in_1", "invoice.deleted")
    stripe.announce("product.updated", stripe.rows["products"]["prod_1"])
    stripe.delete("products", "prod_1", None)  # gone before it could be read again

    assert world.run() == {"customers": 1, "coupons": 1, "products": 1, "invoices": 1, "invoice_lines": 3}
    for stream in ("customers", "coupons", "products", "invoices", "invoice_lines"):
        assert world.raw.live(stream) == set()
    last = world.raw.newest("customers")["cus_1"]
    assert (last["email"], last["payload"][:1], last["is_deleted"]) == ("a@x.com", "{", True)
    assert world.run() == {}


def test_a_customer_that_is_answered_as_a_deleted_stub_is_deleted(world: World) -> None:
    stripe = world.stripe
    stripe.put("customers", {"id": "cus_1", "object": "customer"})
    world.run()
    world.wait()
    stripe.put("customers", {"id": "cus_1", "object": "customer", "deleted": True}, "customer.updated")
    assert world.run() == {"customers": 1}
    assert world.raw.live("customers") == set()


def test_a_cancelled_subscription_goes_on_existing(world: World) -> None:
    stripe = world.stripe
    stripe.subscription("sub_1", 1)
    world.run()
    world.wait()
    stripe.subscription("sub_1", 1, "customer.subscription.deleted", status="canceled", ended_at=stripe.now)
    world.run()
    newest = world.raw.newest("subscriptions")["sub_1"]
    assert (newest["status"], newest["is_deleted"]) == ("canceled", False)
    assert newest["ended_at"].timestamp() == stripe.now


def test_items_and_lines_that_leave_are_deleted_and_come_back(world: World) -> None:
    stripe = world.stripe
    stripe.subscription("sub_1", 3)
    stripe.invoice("in_1", 12, None)
    world.run()
    world.wait()
    held, lines = stripe.items["sub_1"], stripe.lines["in_1"]
    stripe.items["sub_1"], stripe.lines["in_1"] = held[:1], lines[:11]
    stripe.announce("customer.subscription.updated", stripe.rows["subscriptions"]["sub_1"])
    stripe.announce("invoiceitem.deleted", {"id": "ii_1", "object": "invoiceitem", "invoice": "in_1"})
    stored = world.run()
    assert (stored["subscription_items"], stored["invoice_lines"]) == (2, 1)
    assert world.raw.live("subscription_items") == {"si_sub_1_0"}
    assert "il_in_1_11" not in world.raw.live("invoice_lines")
    assert world.run() == {}
    world.wait()
    stripe.items["sub_1"] = held
    stripe.announce("customer.subscription.updated", stripe.rows["subscriptions"]["sub_1"])
    world.run()
    assert len(world.raw.live("subscription_items")) == 3


def test_discounts_come_from_wherever_they_are_expanded(world: World) -> None:
    stripe = world.stripe
    for key, coupon in (("di_1", {"source": {"coupon": "co_1"}}), ("di_2", {"source": {"coupon": {"id": "co_2"}}})):
        stripe.discounts[key] = {"id": key, "object": "discount", "customer": "cus_1", "start": 5, **coupon}
    stripe.subscription("sub_1", 1, discounts=["di_1"])
    stripe.items["sub_1"][0]["discounts"] = ["di_2"]
    stripe.invoice("in_1", 1, discounts=["di_1"])
    stripe.put("customers", {"id": "cus_1", "object": "customer", "discount": {"id": "di_3", "coupon": {"id": "co_3"}}})
    assert world.run()["discounts"] == 3
    rows = world.raw.newest("discounts")
    assert {key: row["coupon_id"] for key, row in rows.items()} == {"di_1": "co_1", "di_2": "co_2", "di_3": "co_3"}
    assert world.raw.newest("subscriptions")["sub_1"]["discount_ids"] == '["di_1"]'
    assert world.raw.newest("subscription_items")["si_sub_1_0"]["discount_ids"] == '["di_2"]'


def test_prices_are_asked_for_with_their_tiers(world: World) -> None:
    stripe = world.stripe
    stripe.put("prices", {"id": "price_1", "object": "price", "billing_scheme": "tiered"})
    world.run()
    assert {tuple(query["expand[]"]) for path, query in stripe.requests if path == "prices"} == {("data.tiers",)}
    world.wait()
    stripe.put("prices", {"id": "price_1", "object": "price", "billing_scheme": "tiered"}, "price.updated")
    world.run()
    assert [query["expand[]"] for path, query in stripe.requests if path == "prices/price_1"] == [["tiers"]]


def test_payments_and_refunds_follow_the_objects_that_announce_them(world: World) -> None:
    stripe = world.stripe
    world.run()
    world.wait()
    invoice = stripe.invoice("in_1", 1, None)
    stripe.announce("invoice.paid", invoice)
    payment = {"id": "inpay_1", "object": "invoice_payment", "invoice": "in_1", "status": "paid", "amount_paid": 5}
    stripe.put("invoice_payments", {**payment, "payment": {"type": "charge", "charge": "ch_1"}})
    charge = stripe.put("charges", {"id": "ch_1", "object": "charge", "amount": 5, "paid": True, "disputed": False})
    stripe.announce("charge.refunded", charge)
    stripe.put("refunds", {"id": "re_1", "object": "refund", "charge": "ch_1", "amount": 2})
    dispute = {"id": "dp_1", "object": "dispute", "charge": "ch_1", "balance_transactions": [{"id": "txn_9"}]}
    stripe.put("disputes", dispute, "charge.dispute.created")
    stored = world.run()
    assert {stream: stored.get(stream) for stream in ("invoice_payments", "charges", "refunds", "disputes")} == {
        "invoice_payments": 1,
        "charges": 1,
        "refunds": 1,
        "disputes": 1,
    }
    assert world.raw.newest("invoice_payments")["inpay_1"]["charge_id"] == "ch_1"
    assert world.raw.newest("disputes")["dp_1"]["balance_transaction_ids"] == '["txn_9"]'


def test_balance_transactions_are_read_again_until_they_have_settled(world: World) -> None:
    stripe = world.stripe
    stripe.put("balance_transactions", {"id": "txn_1", "amount": 5, "status": "pending"})
    world.run()
    world.wait(3 * DAY)
    stripe.rows["balance_transactions"]["txn_1"]["status"] = "available"
    stripe.put("balance_transactions", {"id": "txn_2", "amount": 6, "status": "pending"})
    assert world.run() == {"balance_transactions": 2}
    assert world.raw.newest("balance_transactions")["txn_1"]["status"] == "available"


def test_more_than_thirty_days_behind_the_lists_are_compared(world: World) -> None:
    stripe = world.stripe
    for n in range(3):
        stripe.put("customers", {"id": f"cus_{n}", "object": "customer", "name": "A"})
    stripe.invoice("in_1", 2, None)
    world.run()
    world.wait(31 * DAY)
    stripe.put("customers", {"id": "cus_0", "object": "customer", "name": "B"})
    stripe.delete("customers", "cus_1", None)
    stripe.lines["in_1"].pop()
    assert world.run() == {"customers": 2, "invoice_lines": 1, "invoices": 1}
    assert world.raw.live("customers") == {"cus_0", "cus_2"}
    assert world.raw.live("invoice_lines") == {"il_in_1_0"}
    assert world.run() == {}


def test_a_list_of_another_account_deletes_nothing(world: World) -> None:
    stripe = world.stripe
    for n in range(100):
        stripe.put("customers", {"id": f"cus_{n}", "object": "customer"})
    world.run()
    world.wait(31 * DAY)
    stripe.rows["customers"] = {"cus_other": {"id": "cus_other", "object": "customer", "created": 1}}
    with pytest.raises(SourceError, match="another account"):
        world.run()


def test_many_changes_are_listed_rather_than_read_one_by_one(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingestion.stripe.source.LIST_INSTEAD_FROM", 20)
    stripe = world.stripe
    for n in range(50):
        stripe.put("customers", {"id": f"cus_{n}", "object": "customer", "name": "A", "created": 1})
    world.run()
    world.wait()
    for n in range(30):
        stripe.put("customers", {"id": f"cus_{n}", "object": "customer", "name": "B", "created": 1}, "customer.updated")
    stripe.delete("customers", "cus_49", "customer.deleted")
    assert world.run() == {"customers": 31}
    assert not [path for path, _ in stripe.requests if path.startswith("customers/")]
    assert world.raw.newest("customers")["cus_5"]["modified_at"].timestamp() == stripe.now
    assert "cus_49" not in world.raw.live("customers")


def test_a_start_date_limits_the_first_lists_and_deletes_nothing_older(tmp_path: Path) -> None:
    world = World(tmp_path)
    stripe = world.stripe
    stripe.invoice("in_old", 1, None, created=stripe.now - 90 * DAY)
    stripe.invoice("in_new", 1, None)
    world.run()
    world.raw.more["stripe_start_date"] = date.fromtimestamp(stripe.now - 5 * DAY)
    world.wait(31 * DAY)
    assert world.run() == {}
    assert world.raw.live("invoices") == {"in_old", "in_new"}

    fresh = World(tmp_path, stripe_start_date=date.fromtimestamp(stripe.now - 60 * DAY))
    fresh.stripe = stripe
    fresh.run()
    assert fresh.raw.live("invoices") == {"in_new"}


def test_a_page_whose_last_object_vanishes_is_still_followed(world: World) -> None:
    stripe = world.stripe
    for n in range(150):
        stripe.put("customers", {"id": f"cus_{n:03}", "object": "customer"})

    def vanish(path: str, query: dict[str, list[str]]) -> httpx.Response | None:
        if path == "customers" and query.get("starting_after") == ["cus_050"]:
            stripe.rows["customers"].pop("cus_050", None)
        return None

    stripe.before = vanish
    world.run()
    assert world.raw.live("customers") == {f"cus_{n:03}" for n in range(150)}


def test_a_forbidden_stream_fails_loudly(world: World) -> None:
    world.stripe.before = lambda path, query: (
        httpx.Response(403, json={"error": {"message": "no permission"}}) if path == "disputes" else None
    )
    with pytest.raises(PermissionDenied, match="disputes"):
        world.run()


def test_a_list_that_does_not_move_on_is_refused(world: World) -> None:
    endless = {"object": "list", "data": [{"id": "cus_1", "created": 1}], "has_more": True}
    world.stripe.before = lambda path, query: httpx.Response(200, json=endless) if path == "customers" else None
    with pytest.raises(SourceError, match="do not move on"):
        world.run()


def test_the_subscription_period_is_that_of_its_items(world: World) -> None:
    world.stripe.subscription("sub_1", 2)
    world.run()
    newest = world.raw.newest("subscriptions")["sub_1"]
    assert newest["current_period_end_at"].timestamp() == world.stripe.now + 100


def test_the_event_filters_stay_within_stripes_limit() -> None:
    for group in GROUPS:
        assert 0 < len(group.events) <= 20, group.name
        assert len(set(group.events)) == len(group.events)


# --- shapes ---------------------------------------------------------------------------------------------------------


def typed(stream: str, item: dict[str, object]) -> dict[str, object]:
    (declared,) = (one for one in streams_of("stripe") if one.name == stream)
    versions, rejected = to_versions(declared, [item], datetime(2026, 1, 1, tzinfo=UTC))
    assert rejected.to_pylist() == []
    return versions.to_pylist()[0]


def test_an_invoice_in_both_shapes() -> None:
    new = {
        "id": "in_1", "customer": "cus_1", "parent": {"subscription_details": {"subscription": "sub_1"}},
        "total": 1190, "total_excluding_tax": 1000, "total_taxes": [{"amount": 100}, {"amount": 90}],
        "total_discount_amounts": [{"amount": 30, "discount": "di_1"}], "created": 1_780_000_000,
        "status_transitions": {"finalized_at": 1_780_000_060, "marked_uncollectible_at": None},
    }  # fmt: skip
    old = {
        "id": "in_1", "customer": {"id": "cus_1", "name": "x"}, "subscription": "sub_1", "total": 1190, "tax": 190,
        "total_discount_amounts": [{"amount": 30, "discount": "di_1"}], "created": 1_780_000_000,
        "status_transitions": {"finalized_at": 1_780_000_060, "marked_uncollectible_at": None},
    }  # fmt: skip
    fields = ("customer_id", "subscription_id", "total", "total_excluding_tax", "tax", "discount", "finalized_at")
    assert {f: typed("invoices", new)[f] for f in fields} == {f: typed("invoices", old)[f] for f in fields}
    assert typed("invoices", old)["tax"] == 190
    assert typed("invoices", new)["uncollectible_at"] is None


def test_a_line_in_both_shapes() -> None:
    common = {"id": "il_1", "invoice": "in_1", "amount": 500, "currency": "usd", "quantity": 2, "description": "x"}
    period = {"period": {"start": 1_780_000_000, "end": 1_780_086_400}}
    amounts = {"discount_amounts": [{"amount": 50, "discount": "di_1"}, {"amount": 5, "discount": {"id": "di_2"}}]}
    new = {
        **common, **period, **amounts,
        "parent": {
            "subscription_item_details": {"subscription": "sub_1", "subscription_item": "si_1", "proration": True,
                                          "invoice_item": "ii_1"},
            "invoice_item_details": None,
        },
        "pricing": {"price_details": {"price": "price_1", "product": "prod_1"}, "unit_amount_decimal": "250.5"},
        "taxes": [{"amount": 9, "tax_behavior": "inclusive"}, {"amount": 40, "tax_behavior": "exclusive"}],
    }  # fmt: skip
    old = {
        **common, **period, **amounts, "subscription": "sub_1", "subscription_item": "si_1", "proration": True,
        "invoice_item": "ii_1", "price": {"id": "price_1", "product": "prod_1", "unit_amount_decimal": "250.5"},
        "tax_amounts": [{"amount": 9, "inclusive": True}, {"amount": 40, "inclusive": False}],
    }  # fmt: skip
    ignored = ("payload", "content_hash", "version_hash")
    left, right = ({k: v for k, v in typed("invoice_lines", item).items() if k not in ignored} for item in (new, old))
    assert left == right
    assert (left["discount_amount"], left["tax_amount"], left["inclusive_tax_amount"]) == (55, 40, 9)
    assert left["discount_amounts"] == '[{"amount":50,"discount":"di_1"},{"amount":5,"discount":"di_2"}]'
    assert left["is_proration"] is True


def test_a_credit_note_in_both_shapes() -> None:
    line = {"id": "cnli_1", "invoice_line_item": "il_1", "amount": 10, "discount_amount": 1, "object": "x"}
    new = {"id": "cn_1", "refunds": [{"refund": "re_1"}], "total_taxes": [{"amount": 2}], "lines": {"data": [line]}}
    old = {"id": "cn_1", "refund": "re_1", "tax_amounts": [{"amount": 2}], "lines": {"data": [line]}}
    for item in (new, old):
        row = typed("credit_notes", item)
        assert (row["refund_ids"], row["tax"]) == ('["re_1"]', 2)
        assert row["lines"] == '[{"amount":10,"discount_amount":1,"id":"cnli_1","invoice_line_item":"il_1"}]'


def test_subscription_periods_in_the_older_shape() -> None:
    row = typed(
        "subscriptions", {"id": "sub_1", "current_period_start": 10, "current_period_end": 20, "discount": None}
    )
    assert row["current_period_end_at"] - row["current_period_start_at"] == timedelta(seconds=10)
    assert row["discount_ids"] == "[]"
