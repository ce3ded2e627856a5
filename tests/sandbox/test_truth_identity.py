"""Who is who can be worked out by plain rules from what is served, and the truth names served records only."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import date
from itertools import chain
from typing import Any

import pytest

from sandbox import names
from sandbox.world import World

ROLES = {"billing", "accounts", "info"}
Node = tuple[str, str]


class Groups:
    """Connected components."""

    def __init__(self) -> None:
        self.parent: dict[Any, Any] = {}

    def find(self, node: Any) -> Any:
        self.parent.setdefault(node, node)
        while self.parent[node] != node:
            self.parent[node] = self.parent[self.parent[node]]
            node = self.parent[node]
        return node

    def join(self, left: Any, right: Any) -> None:
        self.parent[self.find(left)] = self.find(right)


def mail(text: str) -> str:
    return text.strip().lower()


def is_role(text: str) -> bool:
    return mail(text).split("@")[0] in ROLES


def domain_of(text: str) -> str | None:
    domain = mail(text).split("@")[1]
    return None if domain in names.FREE_MAIL else domain


def contacts_of(world: World) -> dict[str, Any]:
    return {**world.objects("hubspot", "contacts"), **world.archived("contacts")}


def resolve_people(world: World) -> Groups:
    groups = Groups()
    for key, contact in contacts_of(world).items():
        properties, node = contact["properties"], ("contact", key)
        groups.find(node)
        if not is_role(properties["email"]):
            groups.join(node, ("mail", mail(properties["email"])))
        for other in (properties.get("hs_additional_emails") or "").split(";"):
            if other:
                groups.join(node, ("mail", mail(other)))
        for loser in (properties.get("hs_merged_object_ids") or "").split(";"):
            if loser:
                groups.join(node, ("contact", loser))
    for key, person in world.objects("encharge", "people").items():
        groups.join(("person", key), ("mail", mail(person["email"])))
        if person["hubspotId"]:
            groups.join(("person", key), ("contact", person["hubspotId"]))
    for key, customer in world.objects("stripe", "customers").items():
        if not is_role(customer["email"]):
            groups.join(("customer", key), ("mail", mail(customer["email"])))
    return groups


def resolve_accounts(world: World) -> Groups:
    groups, by_domain, linked_by_mail = Groups(), {}, {}
    companies = world.objects("hubspot", "companies")
    for key, company in companies.items():
        properties, node = company["properties"], ("company", key)
        groups.find(node)
        for loser in (properties.get("hs_merged_object_ids") or "").split(";"):
            if loser:
                groups.join(node, ("company", loser))
        if properties.get("domain"):
            groups.join(node, ("domain", properties["domain"]))
            by_domain[properties["domain"]] = node
        if properties.get("stripe_customer_id"):
            groups.join(node, ("customer", properties["stripe_customer_id"]))
    for contact in contacts_of(world).values():
        company = contact["properties"].get("associatedcompanyid")
        if company:
            linked_by_mail[mail(contact["properties"]["email"])] = ("company", company)
    for key, customer in world.objects("stripe", "customers").items():
        node, address = ("customer", key), mail(customer["email"])
        groups.find(node)
        if customer["metadata"].get("hubspot_company_id"):
            groups.join(node, ("company", customer["metadata"]["hubspot_company_id"]))
        elif address in linked_by_mail:
            groups.join(node, linked_by_mail[address])
        elif domain_of(address) in by_domain:
            groups.join(node, by_domain[domain_of(address)])
    return groups


def f1(groups: Groups, truth: list[dict[str, str]]) -> float:
    """Pairwise F1 over the records that the truth knows."""

    def pairs(sizes: Counter[Any]) -> int:
        return sum(size * (size - 1) // 2 for size in sizes.values())

    found = [groups.find((row["source_type"], row["source_id"])) for row in truth]
    right = [row["truth_id"] for row in truth]
    both = pairs(Counter(zip(found, right, strict=True)))
    return 2 * both / (pairs(Counter(found)) + pairs(Counter(right)))


@pytest.fixture(scope="module", params=[21, 22, 23])
def world(request: pytest.FixtureRequest) -> World:
    return World(request.param, 260, date(2026, 3, 15))


def test_people_resolve_by_rules(world: World) -> None:
    assert f1(resolve_people(world), world.truth_people()) >= 0.985


def test_accounts_resolve_by_rules_without_a_fault(world: World) -> None:
    truth = world.truth_accounts()
    assert f1(resolve_accounts(world), truth) >= 0.995
    # Money hangs on these: no two paying accounts are confused, none falls apart.
    groups = resolve_accounts(world)
    paying = [row for row in truth if row["source_system"] == "stripe"]
    by_group, by_truth = defaultdict(set), defaultdict(set)
    for row in paying:
        group = groups.find((row["source_type"], row["source_id"]))
        by_group[group].add(row["truth_id"])
        by_truth[row["truth_id"]].add(group)
    assert all(len(found) == 1 for found in chain(by_group.values(), by_truth.values()))


def test_truth_names_served_records_once(world: World) -> None:
    contacts = contacts_of(world)
    people, accounts = world.truth_people(), world.truth_accounts()
    for rows in (people, accounts):
        keys = [(row["source_system"], row["source_type"], row["source_id"]) for row in rows]
        assert len(keys) == len(set(keys))
    assert {row["source_id"] for row in people if row["source_type"] == "contact"} == set(contacts)
    assert {row["source_id"] for row in people if row["source_type"] == "person"} == set(
        world.objects("encharge", "people")
    )
    assert {row["source_id"] for row in accounts if row["source_type"] == "company"} == set(
        world.objects("hubspot", "companies")
    )
    assert {row["source_id"] for row in accounts if row["source_type"] == "customer"} == set(
        world.objects("stripe", "customers")
    )
    customers = world.objects("stripe", "customers")
    named = {row["source_id"] for row in people if row["source_type"] == "customer"}
    assert named == {key for key, customer in customers.items() if not is_role(customer["email"])}


def test_the_dirt_is_there(world: World) -> None:
    contacts = contacts_of(world).values()
    people = world.objects("encharge", "people").values()
    companies = world.objects("hubspot", "companies").values()
    customers = world.objects("stripe", "customers").values()
    assert any(";" in contact["properties"].get("hs_merged_object_ids", "") for contact in contacts)
    assert any(not contact["associations"].get("companies") for contact in contacts)
    assert any(person["email"] != mail(person["email"]) for person in people)
    assert any(person["hubspotId"] is None for person in people)
    assert any("+" in person["email"] for person in people)
    assert any("domain" not in company["properties"] for company in companies)
    assert any("hs_parent_company_id" in company["properties"] for company in companies)
    assert any("hs_merged_object_ids" in company["properties"] for company in companies)
    shared = Counter(company["properties"].get("domain") for company in companies)
    assert any(count > 1 for domain, count in shared.items() if domain)
    assert any(is_role(customer["email"]) for customer in customers)
    assert any(not customer["metadata"] for customer in customers)
