"""How good identity is, against a sandbox world's truth: pairs of records, all together and rule by rule.

    python -m tests.identity.scores --seeds 1 2 3 4 5 --accounts 5000

prints the tables of docs/identity.md. It takes about a minute a seed.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import duckdb

from sandbox.world import World
from tests.dbt.conftest import DbtWarehouse
from tests.identity.world_raw import WorldRaw

DATE = date(2026, 6, 15)
MODELS = ("+account_sources", "+person_sources", "+identity_review", "+account_aliases", "+person_aliases")
IDS = {"person": "person_id", "account": "account_id"}


@dataclass
class Score:
    """Pairs of records: how many the truth has, how many were found, how many of those are right."""

    true: int = 0
    found: int = 0
    right: int = 0
    # by rule: links that hold, and those of them between records of one truth
    rules: dict[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def precision(self) -> float:
        return self.right / self.found if self.found else 1.0

    @property
    def recall(self) -> float:
        return self.right / self.true if self.true else 1.0

    def plus(self, other: Score) -> Score:
        rules = {
            rule: tuple(map(sum, zip(self.rules.get(rule, (0, 0)), other.rules.get(rule, (0, 0)), strict=True)))
            for rule in {*self.rules, *other.rules}
        }
        return Score(self.true + other.true, self.found + other.found, self.right + other.right, rules)


def truth_of(world: World, entity: str, gone: bool = False) -> dict[str, str]:
    """The truth's id by record, for the records that are served; with `gone` for the merged-away and deleted too."""
    rows = world.truth_people(gone) if entity == "person" else world.truth_accounts(gone)
    return {f"{row['source_system']}:{row['source_type']}:{row['source_id']}": row["truth_id"] for row in rows}


def resolved(dbt: DbtWarehouse, entity: str) -> dict[str, str]:
    """The id that identity gave, by record."""
    return dict(
        dbt.rows(
            f"select source_system || ':' || source_type || ':' || source_id, {IDS[entity]} "
            f"from journey.{entity}_sources"
        )
    )


def score(dbt: DbtWarehouse, world: World, entity: str) -> Score:
    """Compare what is built with the world's truth. A record that is missing counts as alone."""
    truth, found = truth_of(world, entity), resolved(dbt, entity)
    links = dbt.rows(
        "select node_id, neighbour_id, rule from identity.identity_links where is_accepted and entity = ?", [entity]
    )
    everyone = truth_of(world, entity, gone=True)
    rules: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for left, right, rule in links:
        if left in everyone and right in everyone:
            rules[rule][0] += 1
            rules[rule][1] += everyone[left] == everyone[right]
    return Score(
        true=pairs(truth.values()),
        found=pairs(found.get(node, node) for node in truth),
        right=pairs((truth[node], found.get(node, node)) for node in truth),
        rules={rule: (links_, right) for rule, (links_, right) in rules.items()},
    )


def pairs(groups: Iterable[object]) -> int:
    """How many pairs lie within groups, given each member's group."""
    return sum(size * (size - 1) // 2 for size in Counter(groups).values())


def table(scores: dict[str, Score]) -> str:
    """The scores as the tables of the documentation."""
    lines = ["| | pairs | found | right | precision | recall |", "|---|---|---|---|---|---|"]
    for entity, one in scores.items():
        lines.append(
            f"| {entity} | {one.true:,} | {one.found:,} | {one.right:,} | {one.precision:.4f} | {one.recall:.4f} |"
        )
    lines += ["", "| | rule | links | right | share |", "|---|---|---|---|---|"]
    for entity, one in scores.items():
        for rule, (links, right) in sorted(one.rules.items(), key=lambda item: -item[1][0]):
            lines.append(f"| {entity} | `{rule}` | {links:,} | {right:,} | {right / links:.4f} |")
    return "\n".join(lines)


def load(dbt: DbtWarehouse, raw: WorldRaw | None, world: World) -> WorldRaw:
    """Store the world's present in the raw ledger."""
    with duckdb.connect(str(dbt.path)) as connection:
        connection.execute("set timezone = 'UTC'")
        raw = raw or WorldRaw(world)
        raw.load(connection)
    return raw


def build(dbt: DbtWarehouse, world: World) -> None:
    """Resolve who is who as of the world's present."""
    dbt.run(*MODELS, as_of=f"{world.now:%Y-%m-%d %H:%M:%S}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3, 4, 5])
    parser.add_argument("--accounts", type=int, default=5000)
    parser.add_argument("--plain", action="store_true", help="the usual world, not the hard one")
    options = parser.parse_args()
    total = {"person": Score(), "account": Score()}
    for seed in options.seeds:
        world = World(seed, options.accounts, DATE, hard=not options.plain)
        with tempfile.TemporaryDirectory() as folder:
            target = Path(folder) / "target"
            target.mkdir()
            dbt = DbtWarehouse(Path(folder), target)
            load(dbt, None, world)
            build(dbt, world)
            for entity in total:
                one = score(dbt, world, entity)
                print(f"seed {seed} {entity}: precision {one.precision:.4f} recall {one.recall:.4f}", flush=True)
                total[entity] = total[entity].plus(one)
    print(table(total))


if __name__ == "__main__":
    main()
