"""How good Splink's proposals are on a hard sandbox world, at several thresholds: the table of docs/identity.md.

    python -m tests.identity.proposals --seed 1 --accounts 2000

needs the extra of `make setup-splink`. `--save FILE` only writes the records with their truth, `--load FILE` only
measures.
"""

from __future__ import annotations

import argparse
import tempfile
from itertools import combinations
from pathlib import Path
from typing import Any

import duckdb

THRESHOLDS = (0.5, 0.7, 0.9, 0.95, 0.99)


def save(seed: int, accounts: int, file: Path) -> None:
    """Resolve a hard world by rules, and write the records that the model sees, each with its true person."""
    from dagster_project.identity import RECORDS
    from sandbox.world import World
    from tests.dbt.conftest import DbtWarehouse
    from tests.identity.scores import DATE, build, load, truth_of

    world = World(seed, accounts, DATE, hard=True)
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "target"
        target.mkdir()
        dbt = DbtWarehouse(Path(folder), target)
        load(dbt, None, world)
        build(dbt, world)
        truth = truth_of(world, "person")
        with duckdb.connect(str(dbt.path)) as connection:
            connection.execute("create temp table truth (node_id varchar, truth_id varchar)")
            connection.executemany("insert into truth values (?, ?)", list(truth.items()))
            connection.execute(
                f"copy (select records.*, truth.truth_id from ({RECORDS}) as records "
                f"inner join truth using (node_id) order by node_id) to '{file}' (format parquet)"
            )


def apart(records: Any) -> set[frozenset[str]]:
    """Pairs of people that the truth says are one, and rules have left apart."""
    people = records.groupby("truth_id")["entity_id"].unique()
    return {frozenset(pair) for found in people for pair in combinations(sorted(found), 2)}


def measure(file: Path) -> str:
    """The table: proposals at each threshold, and how many are right."""
    from insights.identity_match import propose_people

    records = duckdb.sql(f"select * from '{file}'").to_arrow_table().to_pandas()
    wanted = apart(records)
    found = propose_people(records.drop(columns="truth_id"), threshold=min(THRESHOLDS))
    lines = [
        f"{len(records):,} records, {records['entity_id'].nunique():,} people by rules, {len(wanted)} pairs left apart",
        "",
        "| probability at least | proposed | right | precision | recall |",
        "|---|---|---|---|---|",
    ]
    for threshold in THRESHOLDS:
        rows = found[found["probability"] >= threshold]
        pairs = {frozenset(pair) for pair in rows[["entity_id", "neighbour_entity_id"]].itertuples(index=False)}
        right = len(pairs & wanted)
        precision = f"{right / len(pairs):.2f}" if pairs else ""
        lines.append(f"| {threshold} | {len(pairs)} | {right} | {precision} | {right / len(wanted):.2f} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--accounts", type=int, default=2000)
    parser.add_argument("--save", type=Path)
    parser.add_argument("--load", type=Path)
    options = parser.parse_args()
    if options.load:
        print(measure(options.load))
    elif options.save:
        save(options.seed, options.accounts, options.save)
    else:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "records.parquet"
            save(options.seed, options.accounts, file)
            print(measure(file))


if __name__ == "__main__":
    main()
