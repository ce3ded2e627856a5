"""`python -m tests.benchmarks.nightly`: what a night on which 1 % changes costs, beside a full build of the same rows.

A company with a million journey events is built; then a day passes on which one account in a hundred has new events,
changed records and a bill. The night builds on what the night before left, the full build starts from nothing, both on
the same raw rows at the same instant. CPU seconds of dbt's build are compared, without tests. With `--compare` every
table of both is compared row for row. Figures are reported, never asserted.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import duckdb

from tests.benchmarks import growth
from tests.engines.compare import differences
from warehouse.settings import REPOSITORY, process_environment

# about a million journey events
ACCOUNTS = 18_000
NIGHT = "2026-06-16 00:00:00"
CHANGED = "i % 100 = 7"
SHOWN = 12
SCHEMAS = ("identity", "journey", "metrics")

# the streams that one account in a hundred adds to, and how: (stream, modified_at, replaced columns, where from)
CHANGES = (
    ("hubspot.contacts", "'Renamed ' || k as last_name", f"(from accounts where {CHANGED}), range(2) as people(n)"),
    ("hubspot.companies", "11 + i % 900 as employee_count", f"(from accounts where {CHANGED})"),
    ("encharge.people", "11 * n as lead_score", f"(from accounts where {CHANGED}), range(2) as people(n)"),
)
BILLED = (
    *("stripe.invoices", "stripe.invoice_lines", "stripe.invoice_payments", "stripe.charges"),
    "stripe.balance_transactions",
)


def pass_a_day(path: Path, accounts: int) -> None:
    """Append what a day brings: events, changed records, and the bills that fall due."""
    day = growth.AS_OF
    with duckdb.connect(str(path)) as connection:
        connection.execute("set timezone = 'UTC'")
        growth.make_accounts(connection, accounts, NIGHT)
        for stream, replaced, origin in CHANGES:
            key, _, columns, _ = growth.STREAMS[stream]
            name = replaced.rpartition(" as ")[2]
            kept = ", ".join(part for part in _columns(columns) if not part.endswith(f" as {name}"))
            growth.insert(
                connection, stream, key, f"timestamp '{day}' + interval 1 hour", f"{kept}, {replaced}", origin, NIGHT
            )
        for stream in BILLED:
            key, modified_at, columns, _ = growth.STREAMS[stream]
            origin = f"(from cycles where period_start >= timestamp '{day}' limit {accounts // 100})"
            growth.insert(connection, stream, key, modified_at, columns, origin, NIGHT)
        key, modified_at, columns, origin = growth.STREAMS["encharge.events"]
        happened = f"timestamp '{day}' + to_minutes(cast(e * 7 as integer)) as occurred_at"
        origin = (
            "(select k, 1000 + e as e, ['emailSent', 'emailOpened', 'emailClicked', 'pageVisited'][1 + e % 4] "
            f"as event_type, {happened} from accounts, range({growth.EVENTS_AN_ACCOUNT}) as events(e) where {CHANGED})"
        )
        growth.insert(connection, "encharge.events", key, modified_at, columns, origin, NIGHT)


def _columns(columns: str) -> list[str]:
    """The parts of a select list, split at commas outside of parentheses and brackets."""
    return [part.strip() for part in re.split(r",(?![^(\[]*[)\]])", columns)]


def measured(step: str, path: Path, accounts: int) -> dict[str, object]:
    """One step in a process of its own, so that its CPU is its own."""
    done = subprocess.run(
        [sys.executable, "-m", __spec__.name, "--step", step, "--path", str(path), "--accounts", str(accounts)],
        cwd=REPOSITORY,
        env=process_environment({}),
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    found = re.search(r"^cost (.*)$", done.stdout, re.MULTILINE)
    if done.returncode or not found:
        raise SystemExit(f"{step} failed:\n{done.stdout[-3000:]}")
    return json.loads(found[1])


def run_step(step: str, path: Path, accounts: int) -> None:
    """`first`: fill and build; `night`: a build on what stands; `full`: the same from nothing. Prints the cost."""
    if step == "first":
        growth.fill(path, accounts)
    as_of = growth.AS_OF if step == "first" else NIGHT
    seconds, models = growth.build_models(path, as_of, *(["--full-refresh"] if step == "full" else []))
    print("cost", json.dumps({"cpu_seconds": seconds, "models": models}))


def main() -> None:
    """Build, pass a day, build the night and the whole, and print what each cost."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--accounts", type=int, default=ACCOUNTS)
    parser.add_argument("--compare", action="store_true", help="compare the tables of both builds")
    parser.add_argument("--step", help=argparse.SUPPRESS)
    parser.add_argument("--path", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step:
        run_step(options.step, options.path, options.accounts)
        return
    with tempfile.TemporaryDirectory(prefix="nightly-") as folder:
        # dbt names the catalog after the file, and a table's text may hold it: one name in two folders
        night, whole = (Path(folder) / name / "warehouse.duckdb" for name in ("night", "full"))
        night.parent.mkdir()
        measured("first", night, options.accounts)
        pass_a_day(night, options.accounts)
        # with what dbt has learnt
        shutil.copytree(night.parent, whole.parent)
        costs = {"night": measured("night", night, options.accounts), "full": measured("full", whole, options.accounts)}
        with duckdb.connect(str(night), read_only=True) as connection:
            events = connection.execute("select count(*) from journey.fct_journey_events").fetchone()[0]
        changed = differences(night, whole, SCHEMAS) if options.compare else None
    full_cpu, night_cpu = (costs[step]["cpu_seconds"] for step in ("full", "night"))
    print(f"{options.accounts:,} accounts, {events:,} journey events, 1 % changed")
    print(f"full build {full_cpu:.1f} CPU s, night {night_cpu:.1f} CPU s: {night_cpu / full_cpu:.2f}")
    slow = sorted(costs["full"]["models"].items(), key=lambda item: -item[1])[:SHOWN]
    slow += [i for i in sorted(costs["night"]["models"].items(), key=lambda item: -item[1])[:SHOWN] if i not in slow]
    print("\n| model | full, wall s | night, wall s |\n|---|---:|---:|")
    for name in dict(slow):
        print(f"| {name} | {costs['full']['models'][name]:.2f} | {costs['night']['models'][name]:.2f} |")
    if changed is not None:
        print("\ntables that differ:", "\n".join(map(str, changed)) or "none")


if __name__ == "__main__":
    main()
