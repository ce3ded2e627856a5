"""The objects of the world: references lead somewhere, shapes are the providers', and the money adds up."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import date
from typing import Any

import pytest

from sandbox.associations import ASSOCIATION_TYPES
from sandbox.property_catalog import PROPERTIES
from sandbox.timeline import HISTORY, modified_property
from sandbox.world import World

Object = dict[str, Any]


@pytest.fixture(scope="module", params=[31, 32])
def world(request: pytest.FixtureRequest) -> World:
    return World(request.param, 300, date(2026, 3, 15))


def stripe(world: World, stream: str) -> dict[str, Object]:
    return world.objects("stripe", stream)


# --- HubSpot ----------------------------------------------------------------------------------------------------------


def test_associations_lead_to_served_or_once_served_objects(world: World) -> None:
    dangling = Counter()
    total = 0
    for (source, target), types in ASSOCIATION_TYPES.items():
        known = {**world.objects("hubspot", target), **world.archived(target)}
        allowed = {number for number, _ in types}
        for obj in world.objects("hubspot", source).values():
            for row in obj["associations"].get(target, {}).get("results", ()):
                total += 1
                assert row["typeId"] in allowed and row["category"] == "HUBSPOT_DEFINED"
                dangling[source, target] += row["id"] not in known
    assert total > 1_000
    # What was archived so long ago that it is purged may still be named.
    assert all(target in ("contacts", "deals") for (_, target), count in dangling.items() if count), dangling
    assert sum(dangling.values()) < 0.02 * total


def test_hubspot_properties_are_text_and_in_the_catalogue(world: World) -> None:
    catalogue = {tuple(key.split(":")) for key in world.objects("hubspot", "properties")}
    owners = world.objects("hubspot", "owners")
    for kind in PROPERTIES:
        for obj in world.objects("hubspot", kind).values():
            properties = obj["properties"]
            assert all(isinstance(value, str) for value in properties.values())
            assert {(kind, name) for name in properties} <= catalogue
            assert properties["hs_object_id"] == obj["id"]
            assert properties[modified_property(kind)] == obj["updatedAt"] >= obj["createdAt"]
            assert properties.get("hubspot_owner_id") in {None, *owners}


def test_history_ends_in_the_present_value(world: World) -> None:
    for kind, names in HISTORY.items():
        moved = 0
        for obj in world.objects("hubspot", kind).values():
            for name, entries in obj["propertiesWithHistory"].items():
                assert name in names
                stamps = [entry["timestamp"] for entry in entries]
                assert stamps == sorted(stamps, reverse=True)
                assert entries[0]["value"] == obj["properties"][name]
                moved += len(entries) > 1
        assert moved > 20, kind


def test_deals_walk_the_pipeline(world: World) -> None:
    stages = {stage["id"] for stage in world.objects("hubspot", "pipelines")["deals:default"]["stages"]}
    ends = Counter()
    for deal in world.objects("hubspot", "deals").values():
        entries = deal["propertiesWithHistory"]["dealstage"]
        assert {entry["value"] for entry in entries} <= stages
        assert all(entry["value"] not in ("closedwon", "closedlost") for entry in entries[1:])
        ends[deal["properties"]["dealstage"]] += 1
    assert ends["closedwon"] > 20 and ends["closedlost"] > 20
    assert sum(ends.values()) > ends["closedwon"] + ends["closedlost"]


def test_segments_hold_served_people(world: World) -> None:
    people, segments = world.objects("encharge", "people"), world.objects("encharge", "segments")
    for key, row in world.objects("encharge", "segment_people").items():
        assert key == f"{row['segmentId']}:{row['personId']}"
        assert row["segmentId"] in segments and row["personId"] in people


# --- Stripe -----------------------------------------------------------------------------------------------------------


def test_stripe_references_exist(world: World) -> None:
    customers, subscriptions = stripe(world, "customers"), stripe(world, "subscriptions")
    invoices, charges, prices = stripe(world, "invoices"), stripe(world, "charges"), stripe(world, "prices")
    moves, refunds = stripe(world, "balance_transactions"), stripe(world, "refunds")
    intents = {charge["payment_intent"] for charge in charges.values()}
    for price in prices.values():
        assert price["product"] in stripe(world, "products")
    for subscription in subscriptions.values():
        assert subscription["customer"] in customers and subscription["latest_invoice"] in {None, *invoices}
        assert all(item["price"]["id"] in prices for item in subscription["items"]["data"])
    for invoice in invoices.values():
        assert invoice["customer"] in customers
        if invoice["parent"]:
            assert invoice["parent"]["subscription_details"]["subscription"] in subscriptions
        assert (invoice["status"] == "draft") == (invoice["number"] is None)
    for charge in charges.values():
        assert charge["customer"] in customers
        assert charge["paid"] == (charge["balance_transaction"] in moves)
    for payment in stripe(world, "invoice_payments").values():
        assert payment["invoice"] in invoices and payment["payment"]["payment_intent"] in intents
    for refund in refunds.values():
        assert refund["charge"] in charges and refund["balance_transaction"] in moves
    for note in stripe(world, "credit_notes").values():
        lines = {line["id"] for line in invoices[note["invoice"]]["lines"]["data"]}
        assert all(row["invoice_line_item"] in {None, *lines} for row in note["lines"]["data"])
        assert all(row["refund"] in refunds for row in note["refunds"])
    for dispute in stripe(world, "disputes").values():
        assert charges[dispute["charge"]]["disputed"]
        assert all(row["id"] in moves for row in dispute["balance_transactions"])


def test_invoices_add_up(world: World) -> None:
    for invoice in stripe(world, "invoices").values():
        lines = invoice["lines"]["data"]
        discount = sum(part["amount"] for line in lines for part in line["discount_amounts"])
        tax = sum(part["amount"] for line in lines for part in line["taxes"])
        assert invoice["subtotal"] == sum(line["amount"] for line in lines)
        assert discount == sum(part["amount"] for part in invoice["total_discount_amounts"])
        assert tax == sum(part["amount"] for part in invoice["total_taxes"])
        assert invoice["total"] == invoice["subtotal"] - discount + tax
        assert invoice["total_excluding_tax"] == invoice["total"] - tax
        shown = {discount["id"] for discount in invoice["discounts"]}
        assert {part["discount"] for line in lines for part in line["discount_amounts"]} <= shown
        if invoice["status"] in ("void", "draft"):
            continue
        balance = min(0, invoice["starting_balance"])
        due = max(0, invoice["total"] + balance) if invoice["total"] > 0 else 0
        assert invoice["amount_due"] == due - invoice["pre_payment_credit_notes_amount"]
        assert invoice["amount_paid"] + invoice["amount_remaining"] == invoice["amount_due"]
        assert (invoice["amount_remaining"] == 0) == (invoice["status"] == "paid") or invoice["amount_due"] == 0


def test_payments_settle_invoices_to_the_minor_unit(world: World) -> None:
    charges = defaultdict(int)
    for charge in stripe(world, "charges").values():
        charges[charge["payment_intent"]] += charge["amount_captured"]
    paid = defaultdict(int)
    for payment in stripe(world, "invoice_payments").values():
        assert payment["amount_paid"] == charges[payment["payment"]["payment_intent"]]
        paid[payment["invoice"]] += payment["amount_paid"]
    for key, invoice in stripe(world, "invoices").items():
        assert paid[key] == invoice["amount_paid"]


def test_balance_transactions_tie_to_what_caused_them(world: World) -> None:
    charges, refunds = stripe(world, "charges"), stripe(world, "refunds")
    balance, returned = defaultdict(int), defaultdict(int)
    for move in stripe(world, "balance_transactions").values():
        assert move["net"] == move["amount"] - move["fee"]
        assert move["fee"] == sum(part["amount"] for part in move["fee_details"])
        balance[move["currency"]] += move["net"]
        assert move["type"] != "payout" or balance[move["currency"]] >= 0
        if move["type"] == "charge":
            assert move["amount"] == charges[move["source"]]["amount"]
            assert move["currency"] == charges[move["source"]]["currency"]
        elif move["type"] == "refund":
            assert move["amount"] == -refunds[move["source"]]["amount"]
    for refund in refunds.values():
        returned[refund["charge"]] += refund["amount"]
    for key, charge in charges.items():
        assert charge["amount_refunded"] == returned[key] <= charge["amount"]
        assert charge["refunded"] == (charge["paid"] and returned[key] == charge["amount"])


def test_customer_balances_are_what_invoices_left(world: World) -> None:
    left: dict[str, int] = {}
    for invoice in sorted(
        stripe(world, "invoices").values(), key=lambda row: row["status_transitions"]["finalized_at"] or 0
    ):
        if invoice["status"] not in ("draft", "void") and invoice["billing_reason"] != "manual":
            assert invoice["starting_balance"] == left.get(invoice["customer"], 0)
            left[invoice["customer"]] = invoice["ending_balance"]
    for key, customer in stripe(world, "customers").items():
        assert customer["balance"] == left.get(key, 0)


def test_credit_notes_add_up(world: World) -> None:
    for note in stripe(world, "credit_notes").values():
        rows = note["lines"]["data"]
        tax = sum(part["amount"] for row in rows for part in row["taxes"])
        assert note["total"] == sum(row["amount"] - row["discount_amount"] for row in rows) + tax > 0
        settled = sum(row["amount_refunded"] for row in note["refunds"]) + (note["out_of_band_amount"] or 0)
        assert note["total"] == settled + note["pre_payment_amount"]


@pytest.fixture(scope="module")
def large() -> World:
    return World(1, 800, date(2026, 3, 15))


def test_better_channels_win_more(large: World) -> None:
    rows = {row["channel"]: row for row in large.truth_channels()}
    share = {name: row["customers"] / row["leads"] for name, row in rows.items()}
    assert share["referral"] > share["paid_social"] + 0.1
    assert rows["event"]["cost_per_lead"] > rows["organic_search"]["cost_per_lead"]


def test_a_quick_answer_wins_more(large: World) -> None:
    won: dict[bool, list[bool]] = {True: [], False: []}
    for story, _ in large._members:
        if story.answered_at and story.assigned_at and story.assigned_at < large._now:
            quick = story.answered_at - story.assigned_at < 4 * 3_600_000
            won[quick].append(any(deal.won for deal in story.deals))
    assert sum(won[True]) / len(won[True]) > sum(won[False]) / len(won[False]) + 0.05


def test_billing_has_every_turn_of_a_subscription(large: World) -> None:
    """What revenue models must survive is all there, in a world of moderate size."""
    world = large
    subscriptions = list(stripe(world, "subscriptions").values())
    invoices = list(stripe(world, "invoices").values())
    assert {row["status"] for row in subscriptions} == {"active", "canceled", "past_due", "trialing"}
    assert {row["status"] for row in invoices} >= {"paid", "open", "void", "uncollectible"}
    assert {row["billing_reason"] for row in invoices} == {
        "subscription_create",
        "subscription_cycle",
        "subscription_update",
        "manual",
    }
    assert {row["currency"] for row in invoices} == {"usd", "eur", "gbp", "jpy"}
    assert {row["cancellation_details"]["reason"] for row in subscriptions} == {
        None,
        "cancellation_requested",
        "payment_failed",
    }
    assert any(row["pause_collection"] for row in subscriptions)
    assert any(row["cancel_at_period_end"] and not row["ended_at"] for row in subscriptions)
    assert any(len(row["items"]["data"]) > 1 for row in subscriptions)
    assert any(row["trial_end"] and row["trial_end"] == row["ended_at"] for row in subscriptions)
    assert any(count > 1 for count in Counter(row["customer"] for row in subscriptions).values())
    assert any(row["total"] < 0 for row in invoices) and any(
        row["collection_method"] == "send_invoice" for row in invoices
    )
    used = {discount["source"]["coupon"]["id"] for row in invoices for discount in row["discounts"]}
    assert used == set(stripe(world, "coupons"))
    notes = list(stripe(world, "credit_notes").values())
    assert {row["type"] for row in notes} == {"pre_payment", "post_payment"}
    assert {row["status"] for row in notes} == {"issued", "void"}
    assert {row["lines"]["data"][0]["type"] for row in notes} == {"invoice_line_item", "custom_line_item"}
    assert {row["status"] for row in stripe(world, "disputes").values()} >= {"won", "lost"}
    assert {row["type"] for row in stripe(world, "balance_transactions").values()} == {
        "charge",
        "refund",
        "adjustment",
        "payout",
    }
    assert any(row["failure_code"] for row in stripe(world, "charges").values())


def test_stripe_events_cover_thirty_days_and_carry_the_object(world: World) -> None:
    events = world.stripe_events()
    now = int(world.now.timestamp())
    assert all(now - 30 * 86_400 <= event["created"] < now for event in events)
    assert [event["created"] for event in events] == sorted(event["created"] for event in events)
    assert len({event["id"] for event in events}) == len(events)
    kinds = {event["type"] for event in events}
    assert kinds >= {"invoice.paid", "charge.succeeded", "customer.subscription.updated", "customer.created"}
    newest = {event["data"]["object"]["id"]: event["data"]["object"] for event in events}
    plural = {"customer": "customers", "subscription": "subscriptions", "invoice": "invoices", "charge": "charges"}
    for key, obj in newest.items():
        if obj["object"] in plural and key in stripe(world, plural[obj["object"]]):
            assert stripe(world, plural[obj["object"]])[key] == obj
