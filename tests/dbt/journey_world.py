"""A small company's year, told in raw rows, for the tests of journey events, stages, deals and hand-offs.

Acme: Ann comes by paid search, becomes a customer after a trial, is lost and won back. Globex: Bob goes back and forth
and his deal is lost. Initech: Cid's contacts were merged in a chain. Umbrella: Dee's contact was deleted. Hooli: nobody
but a bill payer.
"""

from __future__ import annotations

from typing import Any

Row = dict[str, Any]


def history(object_type: str, object_id: str, property_name: str, *changes: tuple[str, str]) -> list[Row]:
    """Changes (instant, value) of a property."""
    return [
        {
            "id": f"{object_type}:{object_id}:{property_name}:{instant}",
            "object_type": object_type,
            "object_id": object_id,
            "property": property_name,
            "value": value,
            "changed_at": instant,
        }
        for instant, value in changes
    ]


def association(from_type: str, from_id: str, to_type: str, to_id: str, type_id: int = 1, **more: Any) -> Row:
    """An association of two CRM objects."""
    return {
        "id": f"{from_type}:{from_id}:{to_type}:{to_id}:{type_id}",
        "from_type": from_type,
        "from_id": from_id,
        "to_type": to_type,
        "to_id": to_id,
        "type_id": type_id,
        **more,
    }


def stage(stage_id: str, order: int, probability: str, is_closed: bool) -> Row:
    """A stage of the sales pipeline."""
    return {
        "id": f"deals:sales:{stage_id}",
        "object_type": "deals",
        "pipeline_id": "sales",
        "stage_id": stage_id,
        "label": stage_id.title(),
        "display_order": order,
        "probability": probability,
        "is_closed": is_closed,
    }


HUMAN = "Mozilla/5.0 (Macintosh; Intel Mac OS X 14_5) Safari/605"
SITE = "https://www.example-app.com"

RAW: dict[tuple[str, str], list[Row]] = {
    ("hubspot", "owners"): [
        {"id": "o1", "email": "olga@our.com", "first_name": "Olga", "last_name": "One"},
        {"id": "o2", "email": "otto@our.com", "first_name": "Otto", "last_name": "Two"},
    ],
    ("hubspot", "companies"): [
        {"id": "10", "name": "Acme", "domain": "acme.com", "created_at": "2025-01-03 08:00"},
        {"id": "20", "name": "Globex", "domain": "globex.com", "created_at": "2025-01-10 08:00"},
        {"id": "30", "name": "Initech", "domain": "initech.com", "created_at": "2025-02-01 08:00"},
        {"id": "40", "name": "Umbrella", "domain": "umbrella.com", "created_at": "2025-02-02 08:00"},
    ],
    ("hubspot", "contacts"): [
        {
            "id": "101",
            "email": "ann@acme.com",
            "company_id": "10",
            "owner_id": "o1",
            "lifecycle_stage": "customer",
            "analytics_source": "PAID_SEARCH",
            "created_at": "2025-01-03 09:00",
        },
        {
            "id": "102",
            "email": "bob@globex.com",
            "company_id": "20",
            "owner_id": "o2",
            "analytics_source": "OFFLINE",
            "utm_source": "newsletter",
            "utm_medium": "email",
            "utm_campaign": "Spring Sale",
            "created_at": "2025-01-10 09:00",
        },
        {
            "id": "103",
            "email": "cid@initech.com",
            "company_id": "30",
            "is_deleted": True,
            "merged_ids": "105",
            "created_at": "2025-02-01 09:00",
            "modified_at": "2025-06-01",
        },
        {
            "id": "104",
            "email": "cid.c@initech.com",
            "company_id": "30",
            "merged_ids": "103",
            "owner_id": "o1",
            "analytics_source": "REFERRALS",
            "created_at": "2025-02-05 09:00",
        },
        {
            "id": "105",
            "email": "c@initech.com",
            "company_id": "30",
            "is_deleted": True,
            "created_at": "2025-01-31 09:00",
            "modified_at": "2025-05-01",
        },
        {
            "id": "106",
            "email": "dee@umbrella.com",
            "company_id": "40",
            "is_deleted": True,
            "lifecycle_stage": "lead",
            "created_at": "2025-02-02 09:00",
            "modified_at": "2025-03-01",
        },
    ],
    ("hubspot", "property_history"): [
        *history(
            "contacts",
            "101",
            "lifecyclestage",
            ("2025-01-03 09:00", "lead"),
            ("2025-02-01", "marketingqualifiedlead"),
            ("2025-03-01 09:00", "opportunity"),
            ("2025-03-20", "customer"),
        ),
        *history(
            "contacts",
            "102",
            "lifecyclestage",
            ("2025-01-10 09:00", "lead"),
            ("2025-01-20", "marketingqualifiedlead"),
            ("2025-02-01", ""),
            ("2025-02-01 00:00:01", "lead"),
            ("2025-02-10", "marketingqualifiedlead"),
        ),
        *history(
            "contacts", "103", "lifecyclestage", ("2025-02-01 09:00", "lead"), ("2025-04-01", "marketingqualifiedlead")
        ),
        *history(
            "contacts",
            "104",
            "lifecyclestage",
            ("2025-02-05 09:00", "subscriber"),
            ("2025-03-01", "salesqualifiedlead"),
        ),
        *history("contacts", "101", "hubspot_owner_id", ("2025-01-03 09:00", "o1"), ("2025-05-05", "o2")),
        *history("contacts", "102", "hubspot_owner_id", ("2025-01-10 10:00", "o1"), ("2025-01-12 10:00", "o2")),
        *history("contacts", "104", "hubspot_owner_id", ("2025-02-07 16:30", "o1"), ("2025-02-20", "o1")),
        *history(
            "deals",
            "d1",
            "dealstage",
            ("2025-03-01 10:00", "new"),
            ("2025-03-10", "contract"),
            ("2025-03-18", "new"),
            ("2025-03-19", "contract"),
            ("2025-03-20", "won"),
        ),
        *history(
            "deals",
            "d2",
            "dealstage",
            ("2025-02-15", "new"),
            ("2025-02-20", "lost"),
            ("2025-03-05", "new"),
            ("2025-04-05", "lost"),
        ),
    ],
    ("hubspot", "pipelines"): [
        {"id": "deals:sales", "object_type": "deals", "pipeline_id": "sales", "label": "Sales"},
        {"id": "tickets:0", "object_type": "tickets", "pipeline_id": "0", "label": "Support"},
    ],
    ("hubspot", "pipeline_stages"): [
        stage("new", 0, "0.2", False),
        stage("contract", 1, "0.9", False),
        stage("won", 2, "1.0", True),
        stage("lost", 3, "0", True),
        {
            "id": "tickets:0:1",
            "object_type": "tickets",
            "pipeline_id": "0",
            "stage_id": "1",
            "label": "Closed",
            "display_order": 1,
            "is_closed": True,
        },
    ],
    ("hubspot", "deals"): [
        {
            "id": "d1",
            "name": "Acme",
            "amount": "1200",
            "currency": "EUR",
            "pipeline_id": "sales",
            "stage_id": "won",
            "owner_id": "o1",
            "analytics_source": "PAID_SEARCH",
            "created_at": "2025-03-01 10:00",
            "close_at": "2025-03-20",
        },
        {
            "id": "d2",
            "name": "Globex",
            "amount": "500",
            "currency": "USD",
            "pipeline_id": "sales",
            "stage_id": "lost",
            "owner_id": "o2",
            "analytics_source": "OFFLINE",
            "created_at": "2025-02-15",
            "close_at": "2025-04-05",
        },
        {
            "id": "d3",
            "name": "Initech",
            "pipeline_id": "sales",
            "stage_id": "new",
            "owner_id": "gone",
            "created_at": "2025-07-01",
            "close_at": "2026-02-01",
        },
        {
            "id": "d4",
            "name": "Deleted",
            "amount": "9",
            "pipeline_id": "sales",
            "stage_id": "won",
            "is_deleted": True,
            "created_at": "2025-07-01",
        },
        {
            "id": "d5",
            "name": "Acme again",
            "amount": "800",
            "currency": "USD",
            "pipeline_id": "sales",
            "stage_id": "won",
            "owner_id": "o2",
            "created_at": "2025-09-15",
            "close_at": "2025-09-30",
        },
    ],
    ("hubspot", "tickets"): [
        {
            "id": "t1",
            "subject": "Broken",
            "pipeline_id": "0",
            "stage_id": "1",
            "priority": "HIGH",
            "owner_id": "o1",
            "created_at": "2025-05-01 10:00",
            "closed_at": "2025-05-01 11:30",
        },
        {"id": "t2", "subject": "Open", "pipeline_id": "0", "stage_id": "0", "created_at": "2025-12-01"},
    ],
    ("hubspot", "calls"): [
        {
            "id": "c1",
            "occurred_at": "2025-01-03 09:30:30",
            "owner_id": "o1",
            "direction": "OUTBOUND",
            "status": "COMPLETED",
        },
        {
            "id": "c2",
            "occurred_at": "2025-01-12 13:00",
            "owner_id": "o1",
            "direction": "OUTBOUND",
            "status": "NO_ANSWER",
        },
        {"id": "c3", "occurred_at": "2025-03-03 13:00", "owner_id": "o1", "direction": "OUTBOUND", "is_deleted": True},
    ],
    ("hubspot", "emails"): [
        {
            "id": "e1",
            "occurred_at": "2025-01-11 13:00",
            "owner_id": "o1",
            "direction": "INCOMING_EMAIL",
            "subject": "Hi",
        },
        {"id": "e2", "occurred_at": "2025-03-03 13:00", "owner_id": "o1", "direction": "EMAIL", "subject": "Offer"},
    ],
    ("hubspot", "meetings"): [
        {"id": "m1", "occurred_at": "2025-02-08 10:00", "owner_id": "o1", "status": "CANCELED", "subject": "Demo"},
        {"id": "m2", "occurred_at": "2026-02-08 10:00", "owner_id": "o1", "status": "SCHEDULED", "subject": "Later"},
        {"id": "m3", "occurred_at": "2025-03-05 10:00", "owner_id": "o1", "status": "COMPLETED", "subject": "Demo"},
    ],
    ("hubspot", "notes"): [{"id": "n1", "occurred_at": "2025-03-06 10:00", "owner_id": "o1"}],
    ("hubspot", "tasks"): [{"id": "k1", "occurred_at": "2025-03-07 10:00", "owner_id": "o1", "subject": "Follow up"}],
    ("hubspot", "associations"): [
        association("calls", "c1", "contacts", "101"),
        association("calls", "c2", "contacts", "102"),
        association("calls", "c3", "contacts", "101"),
        association("emails", "e1", "contacts", "102"),
        association("emails", "e2", "contacts", "101"),
        # the merged contact and its winner are one person on this meeting
        association("meetings", "m1", "contacts", "104"),
        association("meetings", "m3", "contacts", "103"),
        association("meetings", "m3", "contacts", "104"),
        association("meetings", "m3", "contacts", "101"),
        association("meetings", "m3", "contacts", "102", is_deleted=True),
        association("notes", "n1", "companies", "20"),
        association("tasks", "k1", "deals", "d1"),
        association("deals", "d1", "companies", "10", 5, label="Primary"),
        association("deals", "d1", "contacts", "101"),
        association("deals", "d2", "contacts", "102"),
        association("deals", "d3", "contacts", "104"),
        association("deals", "d5", "companies", "10"),
        association("tickets", "t1", "contacts", "101"),
    ],
    ("encharge", "people"): [
        {"id": "p1", "email": "Ann@acme.com", "created_at": "2025-01-03 08:59"},
        {"id": "p2", "email": "bob@globex.com", "created_at": "2025-01-09"},
    ],
    ("encharge", "events"): [
        {"id": f"v{number}", "user_agent": HUMAN, **event}
        for number, event in enumerate(
            [
                {
                    "event_type": "pageVisited",
                    "occurred_at": "2025-01-02 10:00",
                    "anonymous_id": "a1",
                    "url": f"{SITE}/?utm_source=google&utm_medium=cpc&utm_campaign=Brand%20Search",
                    "page_title": "Home",
                },
                {
                    "event_type": "pageVisited",
                    "occurred_at": "2025-01-02 10:10",
                    "anonymous_id": "a1",
                    "url": f"{SITE}/pricing",
                    "referrer": f"{SITE}/",
                },
                {
                    "event_type": "formSubmitted",
                    "occurred_at": "2025-01-03 08:58",
                    "anonymous_id": "a1",
                    "person_id": "p1",
                    "url": f"{SITE}/signup",
                    "referrer": "https://www.google.com/",
                    "form_name": "Sign up",
                },
                {"event_type": "pageVisited", "occurred_at": "2025-01-08", "anonymous_id": "a1", "url": SITE},
                {"event_type": "newUser", "occurred_at": "2025-01-09", "anonymous_id": "a1", "person_id": "p2"},
                {"event_type": "pageVisited", "occurred_at": "2025-01-15", "anonymous_id": "a1", "url": SITE},
                {"event_type": "pageVisited", "occurred_at": "2025-01-15", "anonymous_id": "a9", "url": SITE},
                {
                    "event_type": "emailSent",
                    "occurred_at": "2025-02-01",
                    "person_id": "p1",
                    "email_id": "9",
                    "campaign_id": "77",
                    "campaign_name": "Spring Sale",
                    "email_subject": "Spring",
                },
                {"event_type": "emailDelivered", "occurred_at": "2025-02-01 00:01", "person_id": "p1", "email_id": "9"},
                {
                    "event_type": "emailOpened",
                    "occurred_at": "2025-02-01 00:01:05",
                    "person_id": "p1",
                    "email_id": "9",
                    "user_agent": "Mozilla/5.0",
                },
                {
                    "event_type": "emailOpened",
                    "occurred_at": "2025-02-01 09:00",
                    "person_id": "p1",
                    "email_id": "9",
                    "user_agent": "Mozilla/5.0 (via ggpht.com GoogleImageProxy)",
                },
                {
                    "event_type": "emailClicked",
                    "occurred_at": "2025-02-01 09:01",
                    "person_id": "p1",
                    "url": f"{SITE}/sale",
                },
                {
                    "event_type": "emailClicked",
                    "occurred_at": "2025-02-01 09:00:01",
                    "person_id": "p2",
                    "is_automated": True,
                },
                {"event_type": "emailReplied", "occurred_at": "2025-02-02", "person_id": "p1"},
                {"event_type": "emailBounced", "occurred_at": "2025-02-02", "person_id": "p2", "reason": "full"},
                {"event_type": "unsubscribedUser", "occurred_at": "2025-11-02", "person_id": "p2"},
                {"event_type": "leadScoreChanged", "occurred_at": "2025-02-03", "person_id": "p1", "score_value": 40},
                {"event_type": "addedTag", "occurred_at": "2025-02-03", "person_id": "p1", "tag": "vip"},
                {"event_type": "somethingNew", "occurred_at": "2025-02-03", "person_id": "p1"},
                # never listed in Encharge, but the address is known
                {
                    "event_type": "emailClicked",
                    "occurred_at": "2025-02-04",
                    "person_id": "p77",
                    "email": "BOB@globex.com",
                },
            ]
        )
    ],
    ("stripe", "customers"): [
        {
            "id": "cus_a",
            "email": "billing@acme.com",
            "name": "Acme",
            "hubspot_company_id": "10",
            "currency": "usd",
            "created_at": "2025-03-20 09:00",
        },
        {"id": "cus_h", "email": "pay@hooli.com", "name": "Hooli", "currency": "usd", "created_at": "2025-06-01"},
    ],
    ("stripe", "products"): [{"id": "prod", "name": "Plan", "is_active": True}],
    ("stripe", "prices"): [
        {
            "id": "price",
            "product_id": "prod",
            "currency": "usd",
            "type": "recurring",
            "unit_amount": 10000,
            "unit_amount_decimal": "10000",
            "interval": "month",
            "interval_count": 1,
            "usage_type": "licensed",
            "billing_scheme": "per_unit",
            "is_active": True,
        },
    ],
    ("stripe", "subscriptions"): [
        {
            "id": "sub_1",
            "customer_id": "cus_a",
            "status": "canceled",
            "currency": "usd",
            "created_at": "2025-03-20 10:00",
            "start_at": "2025-03-20 10:00",
            "trial_start_at": "2025-03-20 10:00",
            "trial_end_at": "2025-04-01 10:00",
            "canceled_at": "2025-07-15",
            "ended_at": "2025-08-01 10:00",
            "collection_method": "charge_automatically",
            "cancellation_feedback": "too_expensive",
            "discount_ids": [],
            "cancel_at_period_end": True,
        },
        {
            "id": "sub_2",
            "customer_id": "cus_a",
            "status": "active",
            "currency": "usd",
            "created_at": "2025-10-01 12:00",
            "start_at": "2025-10-01 12:00",
            "collection_method": "charge_automatically",
            "discount_ids": [],
            "cancel_at_period_end": False,
        },
        {
            "id": "sub_3",
            "customer_id": "cus_h",
            "status": "active",
            "currency": "usd",
            "created_at": "2025-06-01",
            "start_at": "2025-06-01",
            "collection_method": "charge_automatically",
            "discount_ids": [],
            "cancel_at_period_end": False,
        },
    ],
    ("stripe", "subscription_items"): [
        {
            "id": f"si_{number}",
            "subscription_id": f"sub_{number}",
            "price_id": "price",
            "product_id": "prod",
            "currency": "usd",
            "unit_amount": 10000,
            "unit_amount_decimal": "10000",
            "interval": "month",
            "interval_count": 1,
            "usage_type": "licensed",
            "quantity": 1,
            "discount_ids": [],
            "created_at": created,
        }
        for number, created in ((1, "2025-03-20 10:00"), (2, "2025-10-01 12:00"), (3, "2025-06-01"))
    ],
    ("stripe", "invoices"): [
        {
            "id": "in_1",
            "customer_id": "cus_h",
            "subscription_id": "sub_3",
            "status": "paid",
            "currency": "usd",
            "amount_paid": 10000,
            "total": 10000,
            "total_excluding_tax": 10000,
            "attempt_count": 2,
            "created_at": "2025-09-01",
            "finalized_at": "2025-09-01 01:00",
            "paid_at": "2025-09-08",
            "billing_reason": "subscription_cycle",
        },
        # still owed when Acme left: who has left is not at risk
        {
            "id": "in_2",
            "customer_id": "cus_a",
            "subscription_id": "sub_1",
            "status": "void",
            "currency": "usd",
            "amount_paid": 0,
            "total": 10000,
            "total_excluding_tax": 10000,
            "attempt_count": 3,
            "created_at": "2025-07-20",
            "finalized_at": "2025-07-20 01:00",
            "voided_at": "2025-09-15",
        },
    ],
    ("stripe", "charges"): [
        {
            "id": "ch_1",
            "customer_id": "cus_h",
            "amount": 10000,
            "currency": "usd",
            "status": "failed",
            "failure_code": "card_declined",
            "created_at": "2025-09-01 01:00",
        },
        {
            "id": "ch_2",
            "customer_id": "cus_h",
            "amount": 10000,
            "currency": "usd",
            "status": "succeeded",
            "created_at": "2025-09-08",
        },
    ],
    ("stripe", "refunds"): [
        {
            "id": "re_1",
            "charge_id": "ch_2",
            "amount": 1000,
            "currency": "usd",
            "status": "succeeded",
            "created_at": "2025-09-10",
        },
    ],
    ("ledger", "exchange_rates"): [
        {"id": "r1", "date": "2025-02-15", "currency": "EUR", "to_currency": "USD", "rate": "1.1"},
    ],
    ("ledger", "ad_spend"): [
        {
            "id": "s1",
            "date": "2025-01-01",
            "channel": "Google Ads",
            "campaign": "brand-search",
            "amount": "10",
            "currency": "USD",
        },
        {
            "id": "s2",
            "date": "2025-01-01",
            "channel": "Skywriting",
            "campaign": "Blue",
            "amount": "10",
            "currency": "USD",
        },
    ],
}
