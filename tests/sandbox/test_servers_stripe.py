"""The official Stripe library, unchanged, against the sandbox."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import stripe

from sandbox.scenario import ScenarioBackend
from tests.sandbox import small_company
from tests.sandbox.serving import Running, running

LISTED = {
    "customers": stripe.Customer, "products": stripe.Product, "prices": stripe.Price, "coupons": stripe.Coupon,
    "promotion_codes": stripe.PromotionCode, "invoices": stripe.Invoice, "invoiceitems": stripe.InvoiceItem,
    "invoice_payments": stripe.InvoicePayment, "charges": stripe.Charge, "refunds": stripe.Refund,
    "credit_notes": stripe.CreditNote, "disputes": stripe.Dispute, "payment_intents": stripe.PaymentIntent,
    "balance_transactions": stripe.BalanceTransaction, "payouts": stripe.Payout, "events": stripe.Event,
    "subscriptions": stripe.Subscription,
}  # fmt: skip


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder: Path = small_company.write(tmp_path_factory.mktemp("company"))
    with running(ScenarioBackend(folder, small_company.NOW)) as up:
        before = stripe.api_key, stripe.api_base, stripe.max_network_retries
        stripe.api_key, stripe.api_base, stripe.max_network_retries = "sandbox", up.url + "/stripe", 0
        yield up
        stripe.api_key, stripe.api_base, stripe.max_network_retries = before


def ids(found: Any) -> list[str]:
    return [row["id"] for row in found]


@pytest.mark.parametrize("stream", LISTED)
def test_every_type_lists_to_its_end_newest_first(served: Running, stream: str) -> None:
    params: dict[str, Any] = {"status": "all"} if stream == "subscriptions" else {}
    rows = served.backend.collection("stripe", stream)
    expected = [row["id"] for row in reversed(rows.rows) if not row.get("deleted")]
    found = list(LISTED[stream].list(limit=100, **params).auto_paging_iter())
    assert ids(found) == expected
    if found:
        assert found[0]["object"] == rows.rows[-1]["object"] or stream == "customers"
        assert LISTED[stream].retrieve(found[0]["id"])["id"] == found[0]["id"]


def test_pages_do_not_overlap_where_many_share_a_second(served: Running) -> None:
    found = ids(stripe.Customer.list(limit=7).auto_paging_iter())
    assert len(found) == len(set(found)) == 129


def test_paging_backwards(served: Running) -> None:
    every = ids(stripe.Invoice.list(limit=100).auto_paging_iter())
    page = stripe.Invoice.list(limit=5, ending_before=every[20])
    assert ids(page) == every[15:20]
    assert page.has_more
    first = stripe.Invoice.list(limit=5, ending_before=every[3])
    assert ids(first) == every[:3]
    assert not first.has_more


def test_ranges_and_filters(served: Running) -> None:
    rows = served.backend.collection("stripe", "invoices").rows
    middle = rows[100]["created"]
    for name, expected in {
        "gte": [row for row in rows if row["created"] >= middle],
        "gt": [row for row in rows if row["created"] > middle],
        "lte": [row for row in rows if row["created"] <= middle],
        "lt": [row for row in rows if row["created"] < middle],
    }.items():
        found = stripe.Invoice.list(limit=100, created={name: middle}).auto_paging_iter()
        assert ids(found) == [row["id"] for row in reversed(expected)]
    assert ids(stripe.Invoice.list(created=middle)) == [rows[100]["id"]]
    assert set(ids(stripe.Invoice.list(customer="cus_5"))) == {row["id"] for row in rows if row["customer"] == "cus_5"}
    assert set(ids(stripe.Invoice.list(subscription="sub_5"))) == {
        row["id"] for row in rows if row["parent"]["subscription_details"]["subscription"] == "sub_5"
    }
    assert ids(stripe.Invoice.list(customer="cus_unknown")) == []
    assert ids(stripe.Product.list(active=False)) == ["prod_3"]
    assert ids(stripe.Price.list(product="prod_1", type="recurring")) == ["price_month"]
    assert ids(stripe.InvoicePayment.list(payment={"type": "payment_intent", "payment_intent": "pi_9"})) == ["inpay_9"]
    assert ids(stripe.BalanceTransaction.list(source="ch_4")) == ["txn_4"]


def test_subscriptions_hide_the_canceled_unless_asked(served: Running) -> None:
    assert len(ids(stripe.Subscription.list(limit=100).auto_paging_iter())) == 99
    assert len(ids(stripe.Subscription.list(limit=100, status="canceled").auto_paging_iter())) == 11
    assert len(ids(stripe.Subscription.list(limit=100, status="all").auto_paging_iter())) == 110
    with pytest.raises(stripe.InvalidRequestError, match="Invalid status"):
        stripe.Subscription.list(status="nonsense")


def test_embedded_lists_stop_at_ten_and_are_paged_on(served: Running) -> None:
    invoice = stripe.Invoice.retrieve("in_7")
    assert len(invoice.lines.data) == 10
    assert invoice.lines.has_more
    whole = [f"il_7_{place}" for place in range(25)]
    assert ids(invoice.lines.auto_paging_iter()) == whole
    assert ids(stripe.Invoice.list_lines("in_7", limit=10).auto_paging_iter()) == whole
    assert not stripe.Invoice.retrieve("in_8").lines.has_more
    items = stripe.SubscriptionItem.list(subscription="sub_5", limit=4)
    assert ids(items.auto_paging_iter()) == [f"si_5_{place}" for place in range(13)]
    assert stripe.Subscription.retrieve("sub_5")["items"]["has_more"]
    assert stripe.SubscriptionItem.retrieve("si_5_12")["id"] == "si_5_12"
    assert ids(stripe.CreditNote.list_lines("cn_1")) == ["cnli_1"]
    with pytest.raises(stripe.InvalidRequestError, match="Missing required param: subscription"):
        stripe.SubscriptionItem.list()


def test_discounts_are_ids_until_expanded(served: Running) -> None:
    assert stripe.Subscription.retrieve("sub_8").discounts == ["di_8"]
    expanded = stripe.Subscription.retrieve("sub_8", expand=["discounts"]).discounts[0]
    assert expanded["source"]["coupon"] == "TENOFF"
    deep = stripe.Subscription.retrieve("sub_8", expand=["discounts.source.coupon"]).discounts[0]
    assert deep["source"]["coupon"]["percent_off"] == 10
    listed = stripe.Invoice.list(limit=3, expand=["data.discounts"])
    assert [row.discounts[0]["object"] for row in listed] == ["discount"] * 3
    # The stored object is not changed by being shown.
    assert stripe.Subscription.retrieve("sub_8").discounts == ["di_8"]


def test_expansion_follows_ids(served: Running) -> None:
    charge = stripe.Charge.retrieve(
        "ch_4", expand=["customer", "balance_transaction.source", "payment_intent.customer"]
    )
    assert charge.customer["email"] == "billing5@company5.example"
    assert charge.balance_transaction["source"]["id"] == "ch_4"
    assert charge.payment_intent["customer"]["id"] == "cus_5"
    invoice = stripe.Invoice.list(
        limit=1, expand=["data.customer", "data.parent.subscription_details.subscription"], starting_after="in_6"
    ).data[0]
    assert invoice.customer["id"] == "cus_6"
    assert invoice["parent"]["subscription_details"]["subscription"]["object"] == "subscription"
    items = stripe.Subscription.list(limit=1, expand=["data.items.data.price.product"]).data[0]["items"]
    assert items["data"][0]["price"]["product"]["name"] == "Plan 1"
    assert ids(stripe.Invoice.retrieve("in_9", expand=["payments"]).payments) == ["inpay_9"]
    assert ids(stripe.Charge.retrieve("ch_1", expand=["refunds"]).refunds) == ["re_1"]
    for paths in (["data.nonsense"], ["customer"], ["data.a.b.c.d.customer"]):
        with pytest.raises(stripe.InvalidRequestError, match="expand"):
            stripe.Invoice.list(expand=paths)


def test_events_are_kept_for_thirty_days(served: Running) -> None:
    horizon = small_company.NOW.timestamp() - 30 * 86_400
    stored = [row for row in small_company.stripe()["events"] if row["created"] >= horizon]
    assert 0 < len(stored) < 160
    assert len(ids(stripe.Event.list(limit=100).auto_paging_iter())) == len(stored)
    paid = {row["id"] for row in stored if row["type"] == "invoice.paid"}
    assert set(ids(stripe.Event.list(limit=100, type="invoice.paid").auto_paging_iter())) == paid
    assert set(ids(stripe.Event.list(limit=100, type="invoice.*").auto_paging_iter())) == paid
    both = stripe.Event.list(limit=100, types=["invoice.paid", "customer.subscription.updated"])
    assert len(ids(both.auto_paging_iter())) == len(stored)
    late = max(row["created"] for row in stored) - 86_400
    found = stripe.Event.list(limit=100, created={"gte": late}, types=["invoice.paid"]).data
    assert ids(found) == [row["id"] for row in reversed(stored) if row["created"] >= late and row["id"] in paid]
    assert found[0].data.object["discounts"][0].startswith("di_")


def test_search(served: Running) -> None:
    found = stripe.Customer.search(query="email:'billing7@company7.example'")
    assert ids(found) == ["cus_7"]
    assert (
        len(ids(stripe.Customer.search(query="metadata['hubspot_company_id']:'1007'", limit=2).auto_paging_iter())) == 4
    )
    assert len(ids(stripe.Subscription.search(query="status:'canceled' OR status:'active'", limit=100).data)) == 100
    assert ids(stripe.Invoice.search(query="total>100000 AND -status:'open'")) == ["in_7"]
    with pytest.raises(stripe.InvalidRequestError, match="parse"):
        stripe.Customer.search(query="email is nothing")
    with pytest.raises(stripe.InvalidRequestError, match="combine"):
        stripe.Customer.search(query="email:'a' AND email:'b' OR email:'c'")


def test_deleted_and_missing(served: Running) -> None:
    gone = stripe.Customer.retrieve("cus_130")
    assert gone.to_dict() == {"id": "cus_130", "object": "customer", "deleted": True}
    with pytest.raises(stripe.InvalidRequestError) as missing:
        stripe.Customer.retrieve("cus_none")
    assert missing.value.http_status == 404
    assert missing.value.code == "resource_missing"
    with pytest.raises(stripe.InvalidRequestError) as cursor:
        stripe.Customer.list(starting_after="cus_none")
    assert (cursor.value.http_status, cursor.value.param) == (400, "starting_after")


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"limit": 101}, "less than or equal to 100"),
        ({"limit": 0}, "greater than or equal to 1"),
        ({"limit": "many"}, "Invalid integer"),
        ({"nonsense": "x"}, "unknown parameter"),
        ({"created": {"since": 5}}, "unknown parameter"),
        ({"starting_after": "cus_1", "ending_before": "cus_2"}, "together"),
    ],
)
def test_bad_requests(served: Running, params: dict[str, Any], message: str) -> None:
    with pytest.raises(stripe.InvalidRequestError, match=message):
        stripe.Customer.list(**params)


def test_keys_and_headers(served: Running) -> None:
    with pytest.raises(stripe.AuthenticationError, match="Invalid API Key"):
        stripe.Customer.list(api_key="wrong")
    basic = "Basic " + base64.b64encode(b"sandbox:").decode()
    answer = served.get("/stripe/v1/customers", headers={"Authorization": basic, "Stripe-Version": "2024-06-20"})
    assert answer.status_code == 200
    assert answer.headers["Stripe-Version"] == "2024-06-20"
    assert answer.headers["Request-Id"].startswith("req_")
    assert served.get("/stripe/v1/nothing").json()["error"]["type"] == "invalid_request_error"
    assert served.get("/stripe/v1/customers", headers={"Authorization": ""}).status_code == 401


def test_balance_adds_up(served: Running) -> None:
    balance = stripe.Balance.retrieve()
    assert [(part["currency"], part["amount"]) for part in balance.available] == [("usd", 150 * 4825)]
