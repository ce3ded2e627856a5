"""Published examples about a whole company. They have the years 2022 and 2023 to themselves."""

from __future__ import annotations

from tests.scenarios.stripe import Account, Stripe


def _stay(stripe: Stripe, name: str, amount: int, start: str, end: str, interval: str = "month", **terms: str) -> None:
    """An account at one price for a while, without invoices."""
    account = Account(stripe, f"total_{name}", **terms)
    account.subscribe(start, account.price(amount, interval)).end(end)


def make(stripe: Stripe) -> None:
    """The accounts of all examples."""
    # February 2022: a hundred at 100 a month, fifty at 600 a year
    for number in range(100):
        _stay(stripe, f"monthly_{number}", 10000, "2022-01-10", "2022-03-01")
    for number in range(50):
        _stay(stripe, f"yearly_{number}", 60000, "2022-01-10", "2022-03-01", "year")
    # June 2022: a hundred at the start, ten leave, thirty join
    for number in range(100):
        _stay(stripe, f"leaver_{number}", 1000, "2022-05-10", "2022-06-15" if number < 10 else "2022-07-01")
    for number in range(30):
        _stay(stripe, f"joiner_{number}", 1000, "2022-06-20", "2022-07-01")
    # October 2022: 1,000 at the start, 1,045 at the end
    for name, before, after in (("down", 40000, 36000), ("up", 44000, 49000)):
        account = Account(stripe, f"total_{name}")
        sub = account.subscribe("2022-09-02", account.price(after))
        sub.bill("2022-09-02", price=account.price(before))
        sub.bill("2022-10-02")
        sub.end("2022-11-01")
    _stay(stripe, "out", 6000, "2022-09-02", "2022-10-20")
    _stay(stripe, "in", 10000, "2022-10-05", "2022-11-01")
    _stay(stripe, "abroad", 10000, "2022-09-02", "2022-11-01", currency="chf")


# Deals of the CRM, for probabilities: HubSpot writes them from 0 to 1, some integrations from 0 to 100.
PIPELINES = [
    {
        "id": "default",
        "objectType": "deals",
        "label": "Sales",
        "displayOrder": 0,
        "stages": [
            {
                "id": stage,
                "label": label,
                "displayOrder": place,
                "metadata": {"isClosed": closed, "probability": chance},
            }
            for place, (stage, label, chance, closed) in enumerate(
                [
                    ("demo", "Demo", "0.2", "false"),
                    ("offer", "Offer", "60", "false"),
                    ("won", "Won", "1.0", "true"),
                    ("lost", "Lost", "0.0", "true"),
                ]
            )
        ],
    }
]
DEALS = [
    {
        "id": str(number),
        "createdAt": "2026-05-01T09:00:00Z",
        "updatedAt": "2026-05-02T09:00:00Z",
        "properties": {
            "dealname": stage,
            "dealstage": stage,
            "pipeline": "default",
            "amount": "1000",
            "createdate": "2026-05-01T09:00:00Z",
            **({"hs_deal_stage_probability": chance} if chance else {}),
        },
    }
    for number, (stage, chance) in enumerate(
        [("demo", "0.2"), ("demo", "20"), ("offer", None), ("won", "1"), ("won", "100"), ("lost", "0")], 1
    )
]
