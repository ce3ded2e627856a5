"""A small company as scenario files: every stream of every provider, with the shapes that paging has to survive."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

NOW = datetime(2025, 7, 1, tzinfo=UTC)
START = datetime(2024, 1, 1, tzinfo=UTC)
Rows = list[dict[str, Any]]


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _at(step: int, hours: int = 7) -> datetime:
    return START + timedelta(hours=hours * step)


def _links(stream: str, *ids: int) -> dict[str, Any]:
    return {stream: {"results": [{"id": str(each), "type": ""} for each in ids]}}


def hubspot() -> dict[str, Rows]:
    """CRM objects: 260 contacts (every seventh without a company, five archived), and what hangs on them."""
    contacts = []
    for number in range(1, 261):
        moment = _at(number)
        contact = {
            "id": str(number),
            "properties": {
                "email": f"person{number}@company{number % 40}.example",
                "firstname": "Ada" if number % 2 else "Grace",
                "lastname": f"Number {number}",
                "lifecyclestage": "customer" if number % 5 == 0 else "lead",
                "createdate": _iso(moment),
                # Runs of ten share one instant.
                "lastmodifieddate": _iso(_at(number // 10 * 10, 24)),
            },
            "propertiesWithHistory": {
                "lifecyclestage": [
                    {"value": "lead", "timestamp": _iso(moment + timedelta(days=3)), "sourceType": "FORM"},
                    {"value": "subscriber", "timestamp": _iso(moment), "sourceType": "FORM"},
                ]
            },
            "archived": number % 50 == 0,
        }
        if number % 7:
            contact["associations"] = _links("companies", 1000 + number % 40)
        contacts.append(contact)
    contacts[0]["properties"]["hs_merged_object_ids"] = "9001;9002"
    companies = [
        {
            "id": str(1000 + number),
            "properties": {
                "name": f"Company {number}",
                "domain": f"company{number}.example",
                "numberofemployees": number,
            },
            "createdAt": _iso(_at(number)),
        }
        for number in range(40)
    ]
    deals = [
        {
            "id": str(2000 + number),
            "properties": {
                "dealname": f"Deal {number}", "amount": 100 * number, "dealstage": "won", "pipeline": "default",
                "createdate": _iso(_at(number)), "hs_lastmodifieddate": _iso(_at(number, 30)),
            },
            "associations": {**_links("companies", 1000 + number % 40), **_links("contacts", number + 1, number + 2)},
        }
        for number in range(120)
    ]  # fmt: skip
    files: dict[str, Rows] = {"contacts": contacts, "companies": companies, "deals": deals}
    files["tickets"] = [
        {
            "id": str(3000 + number),
            "properties": {"subject": f"Ticket {number}", "hs_pipeline": "0", "hs_pipeline_stage": "1"},
            "createdAt": _iso(_at(number)),
            "associations": _links("contacts", number + 1),
        }
        for number in range(15)
    ]
    for place, stream in enumerate(("calls", "emails", "meetings", "notes", "tasks")):
        files[stream] = [
            {
                "id": str(4000 + 200 * place + number),
                "properties": {"hs_timestamp": _iso(_at(number)), "hs_createdate": _iso(_at(number))},
                "associations": _links("contacts", number + 1),
            }
            for number in range(110)
        ]
    files["owners"] = [
        {"id": str(number), "email": f"rep{number}@us.example", "firstName": "Rep", "lastName": str(number),
         "userId": 100 + number, "archived": number == 3}
        for number in range(1, 5)
    ]  # fmt: skip
    files["pipelines"] = [
        {"objectType": "deals", "id": "default", "label": "Sales", "stages": [
            {"id": "open", "label": "Open", "metadata": {"probability": "0.2", "isClosed": "false"}},
            {"id": "won", "label": "Won", "metadata": {"probability": "1.0", "isClosed": "true"}},
        ]},
        {"objectType": "tickets", "id": "0", "label": "Support", "stages": [
            {"id": "1", "label": "New", "metadata": {"ticketState": "OPEN"}},
        ]},
    ]  # fmt: skip
    files["properties"] = [
        {"objectType": "contacts", "name": "lifecyclestage", "label": "Lifecycle", "type": "enumeration",
         "fieldType": "radio", "options": [{"label": "Lead", "value": "lead", "displayOrder": 0, "hidden": False}]}
    ]  # fmt: skip
    return files


def encharge() -> dict[str, Rows]:
    """People, segments, fields, and landing events of two months and of the day after NOW."""
    people = [
        {"id": f"p{number}", "email": f"person{number}@company{number % 40}.example", "firstName": "Ada",
         "leadScore": number, "tags": "trial,vip" if number % 3 == 0 else "trial", "createdAt": _iso(_at(number))}
        for number in range(1, 231)
    ]  # fmt: skip
    moments = [datetime(2025, 5, 3, 4, tzinfo=UTC), datetime(2025, 6, 3, 4, tzinfo=UTC), NOW + timedelta(hours=5)]
    return {
        "people": people,
        "segments": [{"id": 1, "name": "Trials"}, {"id": 2, "name": "Empty"}],
        "segment_people": [{"segment_id": 1, "person_id": f"p{number}"} for number in range(1, 121)],
        "fields": [{"name": "email", "title": "Email", "type": "string"}],
        "events": [
            {"id": f"evt_{place}", "type": "pageVisited", "createdAt": _iso(moment), "person": {"id": "p1"}}
            for place, moment in enumerate(moments)
        ],
    }


def _discount(number: int) -> dict[str, Any]:
    return {
        "id": f"di_{number}", "object": "discount", "start": 1_704_067_200, "end": None,
        "source": {"type": "coupon", "coupon": "TENOFF"},
    }  # fmt: skip


def _subscription(number: int) -> dict[str, Any]:
    created = int(_at(number).timestamp())
    items = [
        {
            "id": f"si_{number}_{place}", "subscription": f"sub_{number}", "quantity": 1, "created": created,
            "discounts": [],
            "price": {"id": "price_month", "object": "price", "product": "prod_1", "currency": "usd",
                      "unit_amount": 5000, "recurring": {"interval": "month", "interval_count": 1}},
        }
        for place in range(13 if number == 5 else 1)
    ]  # fmt: skip
    return {
        "id": f"sub_{number}", "customer": f"cus_{number}", "created": created, "start_date": created,
        "currency": "usd",
        "status": "canceled" if number % 10 == 0 else "active", "items": items,
        "discounts": [_discount(number)] if number % 4 == 0 else [],
    }  # fmt: skip


def _invoice(number: int) -> dict[str, Any]:
    created = int(_at(number).timestamp())
    subscription = f"sub_{number % 110 + 1}"
    lines = [
        {"id": f"il_{number}_{place}", "amount": 5000, "currency": "usd", "discounts": [], "quantity": 1,
         "period": {"start": created, "end": created + 2_592_000},
         "pricing": {"price_details": {"price": "price_month", "product": "prod_1"}}}
        for place in range(25 if number == 7 else 1)
    ]  # fmt: skip
    return {
        "id": f"in_{number}", "customer": f"cus_{number % 110 + 1}", "status": "paid", "currency": "usd",
        "created": created, "total": 5000 * len(lines), "lines": lines, "discounts": [_discount(900 + number)],
        "parent": {"type": "subscription_details", "subscription_details": {"subscription": subscription}},
    }  # fmt: skip


def stripe() -> dict[str, Rows]:
    """Billing objects: 130 customers (one deleted), a subscription of 13 items, an invoice of 25 lines."""

    def stamped(step: int) -> int:
        return int(_at(step).timestamp())

    customers: Rows = [
        # Pairs share one second.
        {"id": f"cus_{number}", "email": f"billing{number}@company{number % 40}.example",
         "created": stamped(number // 2), "metadata": {"hubspot_company_id": str(1000 + number % 40)}}
        for number in range(1, 131)
    ]  # fmt: skip
    customers[-1] = {"id": "cus_130", "deleted": True, "created": stamped(65)}
    charges: Rows = [
        {"id": f"ch_{number}", "amount": 5000, "currency": "usd", "customer": f"cus_{number % 110 + 1}",
         "payment_intent": f"pi_{number}", "balance_transaction": f"txn_{number}", "status": "succeeded", "paid": True,
         "created": stamped(number)}
        for number in range(1, 151)
    ]  # fmt: skip
    recent = int((NOW - timedelta(days=40)).timestamp())
    return {
        "customers": customers,
        "products": [{"id": f"prod_{each}", "name": f"Plan {each}", "active": each < 3, "created": stamped(each)}
                     for each in (1, 2, 3)],
        "prices": [{"id": "price_month", "product": "prod_1", "currency": "usd", "unit_amount": 5000, "active": True,
                    "type": "recurring", "recurring": {"interval": "month", "interval_count": 1}, "created": 1}],
        "coupons": [{"id": "TENOFF", "percent_off": 10, "duration": "forever", "valid": True, "created": 1}],
        "subscriptions": [_subscription(number) for number in range(1, 111)],
        "invoices": [_invoice(number) for number in range(1, 251)],
        "invoiceitems": [{"id": "ii_1", "customer": "cus_1", "amount": 100, "currency": "usd", "created": 5}],
        "invoice_payments": [
            {"id": f"inpay_{number}", "invoice": f"in_{number}", "status": "paid", "created": stamped(number),
             "payment": {"type": "payment_intent", "payment_intent": f"pi_{number}"}}
            for number in range(1, 151)
        ],
        "charges": charges,
        "refunds": [{"id": "re_1", "charge": "ch_1", "payment_intent": "pi_1", "amount": 500, "currency": "usd",
                     "status": "succeeded", "created": stamped(9)}],
        "credit_notes": [{"id": "cn_1", "invoice": "in_3", "customer": "cus_4", "amount": 200, "currency": "usd",
                          "lines": [{"id": "cnli_1", "amount": 200, "discounts": []}], "created": stamped(8)}],
        "disputes": [{"id": "dp_1", "charge": "ch_2", "amount": 5000, "currency": "usd", "status": "lost",
                      "created": stamped(11)}],
        "payment_intents": [{"id": f"pi_{number}", "amount": 5000, "customer": f"cus_{number % 110 + 1}",
                             "currency": "usd", "created": stamped(number)} for number in range(1, 151)],
        "balance_transactions": [
            {"id": f"txn_{number}", "amount": 5000, "fee": 175, "net": 4825, "currency": "usd",
             "source": f"ch_{number}", "type": "charge", "created": stamped(number), "available_on": stamped(number)}
            for number in range(1, 151)
        ],
        "payouts": [{"id": "po_1", "amount": 4825, "currency": "usd", "status": "paid", "created": stamped(200)}],
        "events": [
            {"id": f"evt_{number}", "type": "invoice.paid" if number % 2 else "customer.subscription.updated",
             "created": recent + 86_400 * (number // 4),
             "data": {"object": {"object": "invoice", **_invoice(number)} if number % 2 else
                      {"object": "subscription", **_subscription(number)}}}
            for number in range(1, 161)
        ],
    }  # fmt: skip


def write(directory: Path) -> Path:
    """Write the whole company as a scenario and return the folder."""
    for provider, files in (("hubspot", hubspot()), ("encharge", encharge()), ("stripe", stripe())):
        folder = directory / provider
        folder.mkdir(parents=True, exist_ok=True)
        for stream, rows in files.items():
            (folder / f"{stream}.json").write_text(json.dumps(rows), encoding="utf-8")
    return directory


if __name__ == "__main__":
    import sys

    print(write(Path(sys.argv[1])))
