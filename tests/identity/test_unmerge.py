"""A split by hand gives both sides their own history back, and no total changes: raw rows, build, override, build."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from decimal import Decimal
from typing import Any

from tests.dbt.billing_world import SEEN_AT, Billing
from tests.dbt.conftest import DbtWarehouse

MODELS = ("+fct_account_months", "+fct_mrr_movements", "+fct_revenue", "+person_sources", "+account_aliases")
# the same day, so that the days of the running month are the same
LATER = "2026-01-15 18:00:00"
# monthly price in major units, first day, invoices
SIDES = {"left": (100, "2025-02-01", 12), "right": (40, "2025-05-01", 9)}


def write_company(dbt: DbtWarehouse) -> None:
    """Two customers of two companies that carry one domain; their contacts were merged."""
    billing = Billing()
    for name, (amount, start, count) in SIDES.items():
        price = billing.price(amount * 100)
        subscription, item = billing.subscription(name, price, start)
        billing.cycles(name, subscription, item, price, start, count)
    for number, row in enumerate(billing.rows["customers"]):
        row["hubspot_company_id"] = str(number)
    for stream, rows in billing.rows.items():
        dbt.raw("stripe", stream, rows, extracted_at=SEEN_AT)
    companies = [
        {"id": str(number), "name": name, "domain": "one.com", "created_at": f"2024-0{1 + number}-01"}
        for number, name in enumerate(SIDES)
    ]
    contacts = [
        {"id": "0", "email": "ann@one.com", "company_id": "0", "merged_ids": "1", "created_at": "2024-01-01"},
        {"id": "1", "email": "bob@one.com", "company_id": "1", "is_deleted": True, "created_at": "2024-02-01"},
    ]
    dbt.raw("hubspot", "companies", companies, extracted_at=SEEN_AT)
    dbt.raw("hubspot", "contacts", contacts, extracted_at=SEEN_AT)


def split(dbt: DbtWarehouse, entity: str, kind: str) -> None:
    row = {"id": f"split {entity}", "action": "split", "entity": entity, "reason": "two companies"}
    for side, number in (("left", "0"), ("right", "1")):
        row |= {f"{side}_system": "hubspot", f"{side}_type": kind, f"{side}_id": number}
    dbt.raw("ledger", "identity_overrides", [row], extracted_at=f"{LATER}+00")


def facts(dbt: DbtWarehouse) -> dict[str, dict[str, list[tuple[Any, ...]]]]:
    """Movements, months and revenue by account."""
    queries = {
        "movements": "select account_key, moved_on, movement, amount from journey.fct_mrr_movements",
        "months": "select account_key, month, mrr, recognised_revenue, is_customer from journey.fct_account_months "
        "where mrr <> 0 or recognised_revenue <> 0",
    }
    found: dict[str, dict[str, list[tuple[Any, ...]]]] = {}
    for name, query in queries.items():
        found[name] = defaultdict(list)
        for key, *rest in dbt.rows(f"{query} order by all"):
            found[name][key].append(tuple(rest))
    return found


def totals(dbt: DbtWarehouse) -> list[tuple[Any, ...]]:
    """MRR and revenue of every month, whoever they belong to."""
    return dbt.rows(
        "select month, sum(mrr), sum(recognised_revenue) from journey.fct_account_months group by month "
        "having sum(mrr) <> 0 or sum(recognised_revenue) <> 0 order by month"
    )


def account_of(dbt: DbtWarehouse, customer: str) -> tuple[str, str]:
    (row,) = dbt.rows("select account_id, account_key from journey.account_sources where source_id = ?", [customer])
    return row


def contacts_are(dbt: DbtWarehouse) -> int:
    """How many people the contacts are."""
    return dbt.value("select count(distinct person_id) from journey.person_sources where source_type = 'contact'")


def test_a_split_gives_both_sides_their_own_history_and_changes_no_total(dbt: DbtWarehouse) -> None:
    write_company(dbt)
    dbt.run(*MODELS, as_of="2026-01-15 06:00:00")
    assert account_of(dbt, "cus_left") == account_of(dbt, "cus_right")
    joined_id, joined_key = account_of(dbt, "cus_left")
    before, joined = totals(dbt), facts(dbt)
    assert {kind for _, kind, _ in joined["movements"][joined_key]} == {"new", "expansion"}
    assert contacts_are(dbt) == 1

    split(dbt, "account", "company")
    split(dbt, "person", "contact")
    dbt.run(*MODELS, as_of=LATER)
    (left_id, left), (right_id, right) = account_of(dbt, "cus_left"), account_of(dbt, "cus_right")
    assert left_id == joined_id != right_id
    assert totals(dbt) == before and len(before) == 12
    apart = facts(dbt)
    for key, (amount, start, months) in ((left, SIDES["left"]), (right, SIDES["right"])):
        assert apart["movements"][key] == [(date.fromisoformat(start), "new", Decimal(amount))]
        assert [row[1] for row in apart["months"][key]] == [Decimal(amount)] * months
    assert set(apart["months"]) == {left, right}
    people = dict(dbt.rows("select source_id, account_id from journey.person_sources where source_type = 'contact'"))
    assert people == {"0": left_id, "1": right_id}
    assert contacts_are(dbt) == 2
    # the other side has the id that it would have had alone, which is no alias any more
    assert dbt.value(f"select count(*) from journey.account_aliases where alias_id in ('{left_id}', '{right_id}')") == 0
