"""A sandbox company and the product pointed at it, as two sets of processes that share nothing but HTTP and files."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import httpx

from warehouse.demo import sandbox

REPOSITORY = Path(__file__).resolve().parents[2]
DATE = "2026-06-15"
ACCOUNTS = 60
THROUGHLINE = Path(sys.executable).with_name("throughline")


@dataclass
class Company:
    """One sandbox and one data folder."""

    data_dir: Path
    environment: dict[str, str]
    overrides: dict[str, str] = field(default_factory=dict)
    started_by: tuple[str, ...] = ()

    @property
    def url(self) -> str:
        return self.environment["THROUGHLINE_STRIPE_BASE_URL"].removesuffix("/stripe")

    @property
    def published(self) -> Path:
        return self.data_dir / "published" / "throughline.duckdb"

    @property
    def warehouse(self) -> Path:
        return self.data_dir / "warehouse.duckdb"

    def throughline(self, *arguments: str, **overrides: str) -> subprocess.CompletedProcess[str]:
        """Run the command with this company's settings only: nothing of the test run's own settings leaks in."""
        own = {name: value for name, value in os.environ.items() if not name.startswith("THROUGHLINE_")}
        # a company of this size would be built whole each night, and any after a month
        carried = {"THROUGHLINE_CARRIED_FROM_ROWS": "0", "THROUGHLINE_CARRIED_DAYS": "3650"}
        environment = own | carried | self.environment | self.overrides | overrides
        return subprocess.run(
            [*self.started_by, THROUGHLINE, *arguments],
            cwd=REPOSITORY,
            env=environment,
            capture_output=True,
            text=True,
            timeout=1500,
        )

    def refresh(self, **overrides: str) -> subprocess.CompletedProcess[str]:
        """Run a refresh that is expected to publish."""
        result = self.throughline("refresh", **overrides)
        assert result.returncode == 0, result.stdout[-4000:] + result.stderr[-4000:]
        return result

    def advance(self, days: int = 1) -> dict[str, Any]:
        """Move the company's time; the next refresh runs at its new instant."""
        answer = httpx.post(f"{self.url}/_control/advance", json={"days": days}, timeout=120).raise_for_status().json()
        self.overrides["THROUGHLINE_AS_OF"] = answer["now"]
        return answer

    def faults(self, *faults: dict[str, Any]) -> None:
        httpx.request("DELETE", f"{self.url}/_control/faults").raise_for_status()
        if faults:
            httpx.post(f"{self.url}/_control/faults", json=list(faults)).raise_for_status()

    def truth(self, what: str) -> list[dict[str, Any]]:
        answer = httpx.get(f"{self.url}/_truth/{what}", headers={"X-Truth-Key": "sandbox"}, timeout=120)
        return answer.raise_for_status().json()

    def query(self, sql: str, path: Path | None = None) -> list[tuple]:
        with duckdb.connect(str(path or self.published), read_only=True) as connection:
            return connection.execute(sql).fetchall()

    def dicts(self, sql: str) -> list[dict[str, Any]]:
        """The rows of a query on the published version, by column name."""
        with duckdb.connect(str(self.published), read_only=True) as connection:
            cursor = connection.execute(sql)
            names = [column[0] for column in cursor.description or []]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def accounts_by_key(self) -> dict[str, str]:
        """The truth's name of each account that is billed, by its key in the marts."""
        owner = {row["source_id"]: row["truth_id"] for row in self.truth("accounts")}
        billed = "select account_key, source_id from journey.account_sources where source_type = 'customer'"
        return {key: owner[source] for key, source in self.query(billed)}

    def raw_counts(self) -> dict[str, int]:
        """Rows of every raw stream, the loader's own bookkeeping left out."""
        tables = self.query(
            "select schema_name || '.' || table_name from duckdb_tables() "
            "where schema_name like 'raw_%' and schema_name not like '%_staging' "
            "and table_name not like '\\_dlt%' escape '\\'",
            self.warehouse,
        )
        return {table: self.query(f"select count(*) from {table}", self.warehouse)[0][0] for (table,) in sorted(tables)}


@contextlib.contextmanager
def company(data_dir: Path, *, seed: int, accounts: int, date: str) -> Iterator[Company]:
    """Serve a company for the length of the block."""
    with sandbox(data_dir, seed=seed, accounts=accounts, date=date) as running:
        yield Company(data_dir, running.environment)


def published_rows(path: Path, schemas: tuple[str, ...] = ("journey", "metrics", "insights")) -> dict[str, list[tuple]]:
    """Every published table in a fixed order, to compare two versions row for row."""
    with duckdb.connect(str(path), read_only=True) as connection:
        tables = connection.execute(
            "select schema_name, table_name from duckdb_tables() where schema_name in (select unnest(?)) order by all",
            [list(schemas)],
        ).fetchall()
        return {
            f"{schema}.{table}": connection.execute(f"select * from {schema}.{table} order by all").fetchall()
            for schema, table in tables
        }


def pair_scores(truth: list[dict[str, Any]], resolved: dict[tuple[str, str, str], str]) -> tuple[float, float]:
    """Pairwise precision and recall of a clustering: over all pairs of records, are two of one cluster of one truth?

    Every record of the truth must be resolved: a missing one counts as a cluster of its own.
    """
    from collections import Counter

    joint, true_sizes, found_sizes = Counter(), Counter(), Counter()
    for row in truth:
        node = (row["source_system"], row["source_type"], str(row["source_id"]))
        found = resolved.get(node, f"missing:{node}")
        joint[row["truth_id"], found] += 1
        true_sizes[row["truth_id"]] += 1
        found_sizes[found] += 1

    def pairs(sizes: Counter) -> int:
        return sum(size * (size - 1) // 2 for size in sizes.values())

    return pairs(joint) / pairs(found_sizes), pairs(joint) / pairs(true_sizes)


def money(value: Any) -> str:
    """An amount as the truth writes it."""
    return f"{value:.2f}"
