"""What holds for any history of records, tried on many drawn ones at once."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.dbt.conftest import DbtWarehouse
from tests.identity.histories import decisions, histories, night_of, write_night

# every table that identity gives to others, the linked records and their ways included
TABLES = (
    "identity.identity_links",
    "identity.identity_components",
    "identity.account_families",
    "identity.identity_paths",
    "identity.person_accounts",
    "journey.account_sources",
    "journey.person_sources",
    "journey.account_aliases",
    "journey.person_aliases",
    "journey.identity_evidence",
    "journey.identity_review",
)
MODELS = tuple(f"+{table.partition('.')[2]}" for table in TABLES if table.startswith("journey."))
NIGHTS = 3
TOLD = st.tuples(histories(NIGHTS), decisions(NIGHTS))


class Groups:
    """Connected components, by union of sets."""

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


def contents(dbt: DbtWarehouse) -> dict[str, list[tuple[Any, ...]]]:
    return {table: dbt.rows(f"select * from {table} order by all") for table in TABLES}


def build(dbt: DbtWarehouse, night: int, full: bool = False) -> None:
    run = dbt.rebuild if full else dbt.carry
    run(*MODELS, as_of=f"{night_of(night):%Y-%m-%d %H:%M:%S}")


def check_clusters(dbt: DbtWarehouse) -> None:
    """Accepted links, and nothing else, make clusters; every record is in exactly one, with its way to the oldest."""
    for entity, ids in (("person", "person_id"), ("account", "account_id")):
        groups = Groups()
        for left, right in dbt.rows(
            "select node_id, neighbour_id from identity.identity_links where is_accepted and entity = ?", [entity]
        ):
            groups.join(left, right)
        clusters = dict(dbt.rows(f"select node_id, {ids} from identity.{entity}_clusters"))
        by_group, by_id = defaultdict(set), defaultdict(set)
        for node, found in clusters.items():
            by_group[groups.find(node)].add(found)
            by_id[found].add(groups.find(node))
        assert set(groups.parent) == set(clusters), "a link names a record that is in no cluster"
        assert all(len(found) == 1 for found in by_group.values()), "linked records are apart"
        assert all(len(found) == 1 for found in by_id.values()), "records are together without a link"
        ways = defaultdict(list)
        for record, found, step, start, end in dbt.rows(
            "select record_id, entity_id, step, node_id, neighbour_id from journey.identity_evidence "
            "where entity = ? order by record_id, step",
            [entity],
        ):
            assert found == clusters[record]
            ways[record].append((step, start, end))
        assert set(ways) == set(clusters)
        for record, way in ways.items():
            assert [step for step, _, _ in way] == list(range(len(way)))
            assert way[-1][2] == record
            assert all(before[2] == after[1] for before, after in pairwise(way))


def check_guards(dbt: DbtWarehouse) -> None:
    """People who share nothing but role mailboxes are apart, and no split pair is together."""
    groups = Groups()
    for node, kind, value in dbt.rows(
        "select node_id, kind, value from identity.identity_keys where kind = 'email' and weakness is null"
    ):
        groups.join(node, (kind, value))
    for left, right in dbt.rows(
        "select node_id, target_node_id from identity.identity_references "
        "union all select left_node_id, right_node_id from identity.identity_overrides where entity = 'person'"
    ):
        groups.join(left, right)
    allowed = defaultdict(set)
    for node, found in dbt.rows("select node_id, person_id from identity.person_clusters"):
        allowed[found].add(groups.find(node))
    assert all(len(found) == 1 for found in allowed.values())
    for entity in ("person", "account"):
        together = dbt.value(
            f"select count(*) from identity.identity_overrides as o "
            f"inner join identity.{entity}_clusters as l on o.left_node_id = l.node_id "
            f"inner join identity.{entity}_clusters as r on o.right_node_id = r.node_id "
            f"where o.is_known and o.action = 'split' and o.entity = '{entity}' and l.{entity}_id = r.{entity}_id"
        )
        assert together == 0


def check_totals(dbt: DbtWarehouse) -> None:
    """Deleted and merged-away records still belong to somebody: every record that was ever seen, once."""
    for entity, kinds in (("account", ("companies", "customers")), ("person", ("contacts", "people"))):
        seen = {
            (source, kind, key)
            for source, stream, kind in (
                ("hubspot", "contacts", "contact"),
                ("hubspot", "companies", "company"),
                ("encharge", "people", "person"),
                ("stripe", "customers", "customer"),
            )
            if stream in kinds
            for (key,) in dbt.rows(f"select distinct id from raw_{source}.{stream}")
        }
        placed = dbt.rows(f"select source_system, source_type, source_id from journey.{entity}_sources")
        assert len(placed) == len(set(placed))
        assert seen <= set(placed)
        stray = dbt.value(
            f"select count(*) from journey.{entity}_aliases where {entity}_id not in "
            f"(select {entity}_id from journey.{entity}_sources)"
        )
        assert stray == 0


def resolved(dbt: DbtWarehouse, entity: str) -> dict[str, str]:
    return dict(dbt.rows(f"select node_id, {entity}_id from identity.{entity}_clusters"))


def check_ids(dbt: DbtWarehouse, before: dict[str, dict[str, str]]) -> None:
    """An id that is gone leads to the one that stands for it now; an id never passes to other records."""
    for entity, known in before.items():
        now = resolved(dbt, entity)
        aliases = dict(dbt.rows(f"select alias_id, {entity}_id from journey.{entity}_aliases"))
        owners = {node: own for node, own in dbt.rows(f"select node_id, own_id from identity.{entity}_clusters")}
        for node, old in known.items():
            if node in now:
                assert old in now.values() or aliases[old] in now.values()
            if old == owners.get(node):
                assert now[node] == old or aliases[old] == now[node]


def check_history(dbt: DbtWarehouse, told: list[Any], built: tuple[int, ...]) -> None:
    """Write the nights, build after some of them, and compare with one full build."""
    before: dict[str, dict[str, str]] = {}
    for night in range(NIGHTS):
        write_night(dbt, told, night)
        if night not in built:
            continue
        build(dbt, night)
        if before:
            check_ids(dbt, before)
        before = {entity: resolved(dbt, entity) for entity in ("person", "account")}
    incremental = contents(dbt)
    check_clusters(dbt)
    check_guards(dbt)
    check_totals(dbt)
    build(dbt, NIGHTS - 1, full=True)
    full = contents(dbt)
    assert {table: len(rows) for table, rows in incremental.items()} == {t: len(r) for t, r in full.items()}
    assert [table for table in TABLES if incremental[table] != full[table]] == []
    assert all(len(rows) > 20 for table, rows in full.items() if table != "journey.identity_review")


def drawn_histories(examples: int) -> Any:
    return settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )


def test_any_sixty_histories_night_by_night(tmp_path, _dbt_target) -> None:
    """Links are symmetric and transitive, guards hold, nobody is lost, nights give what one full build gives."""
    worlds: list[Any] = []

    @drawn_histories(60)
    @given(TOLD)
    def draw(told: Any) -> None:
        worlds.append(told)

    draw()
    check_history(DbtWarehouse(tmp_path, _dbt_target), worlds, built=(0, 2))


@pytest.mark.slow
@pytest.mark.parametrize("part", range(3))
def test_many_histories_night_by_night(part: int, tmp_path, _dbt_target) -> None:
    """The same on 600 others, 200 to a warehouse."""
    worlds: list[Any] = []

    @drawn_histories(260 + 200 * part)
    @given(TOLD)
    def draw(told: Any) -> None:
        worlds.append(told)

    draw()
    check_history(DbtWarehouse(tmp_path, _dbt_target), worlds[60 + 200 * part :], built=(0, 1, 2))
