"""Lives as rows of the raw ledger: in one go, or dealt into nights."""

from __future__ import annotations

import random
import zlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from tests.dbt.billing_world import rates
from tests.dbt.conftest import DbtWarehouse
from tests.dbt.journey_world import stage
from tests.journey.lives import AS_OF, DEAL_STAGES, SECOND, Life, stamp
from tests.oracle.provider import Provider

# five nights: three while things still happen, and two soon after each other at the end
NIGHTS = [AS_OF - timedelta(days=days) for days in (240, 120, 30, 1, 0)]
# when the first objects that all lives share were there
LONG_AGO = datetime(2024, 1, 2)
# steps of billing objects: an object in a state was not there before it
STEPS = ("created_at", "start_at", "finalized_at", "paid_at", "voided_at", "uncollectible_at", "available_at")


@dataclass(frozen=True)
class Told:
    """A raw row, whose life it belongs to (none: all of them), and when the provider had it."""

    life: str | None
    source: str
    stream: str
    made: datetime
    row: dict[str, Any]


def told(lives: Mapping[str, Life], cleaned: Iterable[str] = (), steady_rates: bool = False) -> list[Told]:
    """All rows of the lives by name; those named in `cleaned` with their merges and deletions."""
    cleaned = set(cleaned)
    found = shared(steady_rates)
    provider = Provider(AS_OF)
    for name, life in lives.items():
        for version in (*life.versions, *(life.later if name in cleaned else ())):
            row = {column: named(value, name) for column, value in version.values}
            found.append(Told(name, version.source, version.stream, version.made, row))
        for number, billed in enumerate(life.billed):
            provider.play(f"{name}.{number}", billed.history)
            links = {column: named(value, name) for column, value in billed.links}
            start = min(script.start for script in billed.history.subscriptions)
            customer = provider.books.rows["customers"][-1]
            customer |= {"name": None, **links, "created_at": stamp(start)}
            if billed.is_deleted and name in cleaned:
                provider.books.add("customers", customer | {"is_deleted": True, "modified_at": stamp(AS_OF - SECOND)})
    for row in (row for rows in provider.books.rows.values() for row in rows if row.get("price_id")):
        row["product_id"] = product_of(row["price_id"])
    for row in provider.books.rows["prices"]:
        row["product_id"] = product_of(row["id"])
    provider.books.add("products", {"id": "prod_2", "name": "Other plan", "created_at": "2023-01-01 00:00:00+00"})
    owners = owners_of_billing(provider)
    invoices = {row["id"]: row for row in provider.books.rows["invoices"]}
    for stream, rows in provider.books.rows.items():
        for row in rows:
            own = row.get("extracted_at")
            dated = invoices[row["invoice_id"]] if stream == "invoice_lines" else row
            instants = [own] if own else [dated[step] for step in STEPS if dated.get(step)]
            made = max(datetime.fromisoformat(text).replace(tzinfo=None) for text in instants)
            found.append(Told(owners.get(stream, {}).get(row["id"]), "stripe", stream, min(made, AS_OF), row))
    return found


def product_of(price: str) -> str:
    """Two plans, so that customers move between them."""
    return f"prod_{1 + zlib.crc32(price.encode()) % 2}"


def named(value: Any, life: str) -> Any:
    return value.replace("{w}", life) if isinstance(value, str) else value


def owners_of_billing(provider: Provider) -> dict[str, dict[str, str]]:
    """Which life a billing object belongs to, by stream and id; objects without a customer are everybody's."""
    found: dict[str, dict[str, str]] = defaultdict(dict)
    rows = provider.books.rows
    for stream in ("customers", "subscriptions", "invoices", "invoice_lines", "charges", "credit_notes", "discounts"):
        for row in rows[stream]:
            customer = row["id"] if stream == "customers" else row["customer_id"]
            found[stream][row["id"]] = life_of(customer)
    for row in rows["subscription_items"]:
        found["subscription_items"][row["id"]] = found["subscriptions"][row["subscription_id"]]
    for stream in ("refunds", "disputes"):
        for row in rows[stream]:
            found[stream][row["id"]] = found["charges"][row["charge_id"]]
    return found


def life_of(customer: str) -> str:
    return customer.removeprefix("cus_").partition(".")[0]


def shared(steady_rates: bool) -> list[Told]:
    """What a company has once: owners, pipelines, and the ledger that is kept by hand."""
    months = [datetime(2023 + n // 12, n % 12 + 1, 1) for n in range(10, 38)]
    rows: dict[tuple[str, str], list[dict[str, Any]]] = {
        ("hubspot", "owners"): [
            {"id": "o1", "email": "olga@our.com", "first_name": "Olga", "last_name": "One"},
            {"id": "o2", "email": "otto@our.com", "first_name": "Otto", "last_name": "Two"},
        ],
        ("hubspot", "pipelines"): [
            {"id": f"deals:{name}", "object_type": "deals", "pipeline_id": name, "label": name.title()}
            for name in ("sales", "partner")
        ],
        ("hubspot", "pipeline_stages"): [
            stage(name, order, chance, name in ("won", "lost"))
            | {"id": f"deals:{pipeline}:{name}", "pipeline_id": pipeline}
            for pipeline in ("sales", "partner")
            for order, (name, chance) in enumerate(zip(DEAL_STAGES, ("0.2", "0.9", "1.0", "0"), strict=True))
        ],
        ("ledger", "costs"): [
            {
                "id": f"{category}{month:%Y%m}",
                "month": f"{month:%Y-%m-%d}",
                "category": category,
                "amount": amount,
                "currency": "USD",
            }
            for month in months[-16:]
            for category, amount in (("hosting", "100.01"), ("sales_people", "333.33"))
        ],
        ("ledger", "ad_spend"): [
            {
                "id": f"ad{month:%Y%m}{channel}",
                "date": f"{month:%Y-%m}-15",
                "channel": channel,
                "campaign": "Brand Search",
                "amount": "77.7",
                "currency": "EUR",
            }
            for month in months[-12:-1]
            for channel in ("Google Ads", "Skywriting")
        ],
        ("ledger", "targets"): [
            {
                "id": f"t{month:%Y%m}",
                "metric": "bookings",
                "month": f"{month:%Y-%m-%d}",
                "amount": "5000",
                "currency": "USD",
            }
            for month in months[-6:]
        ],
    }
    # whole numbers, so that two amounts in one currency convert to what their sum does
    for currency, steady, other in (("eur", "2", "3"), ("jpy", "1", "2"), ("kwd", "4", "3")):
        quotes = {f"{month:%Y-%m-%d}": steady if steady_rates or month.month % 4 else other for month in months}
        rows.setdefault(("ledger", "exchange_rates"), []).extend(rates(currency, quotes))
    return [Told(None, source, stream, LONG_AGO, row) for (source, stream), part in rows.items() for row in part]


def on_time(rows: Iterable[Told]) -> list[tuple[datetime, Told]]:
    """Each row extracted when it was made, billing's when its history was first read: no night is late."""
    return [(AS_OF if one.source == "stripe" and "extracted_at" not in one.row else one.made, one) for one in rows]


def in_nights(rows: Iterable[Told], number: int, nights: Sequence[datetime] = NIGHTS) -> list[tuple[datetime, Told]]:
    """Each life's rows dealt into two or more of the nights, every row to one at or after it was made."""
    own: dict[str, list[datetime]] = {}
    dice = random.Random(number)
    found = []
    for one in rows:
        whose = one.life or one.row["id"]
        if whose not in own:
            own[whose] = sorted(dice.sample(nights, dice.randint(2, len(nights))))
        allowed = [night for night in own[whose] if night >= one.made] or nights[-1:]
        if one.life is None and one.made <= LONG_AGO:
            allowed = nights[:1]
        # as soon as can be, or late
        night = allowed[0] if dice.random() < 0.5 else dice.choice(allowed)
        found.append((night, replace(one, row=one.row | {"extracted_at": stamp(night)})))
    return found


def land(dbt: DbtWarehouse, extracted: Iterable[tuple[datetime, Told]], number: int = 0) -> None:
    """Append rows to the raw ledger, in no order at all."""
    shuffled = list(extracted)
    random.Random(number).shuffle(shuffled)
    streams: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for instant, one in shuffled:
        streams[one.source, one.stream].append({"extracted_at": stamp(instant), **one.row})
    for (source, stream), rows in streams.items():
        dbt.raw(source, stream, rows)
