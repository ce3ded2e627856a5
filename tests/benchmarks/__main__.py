"""`make bench`: what a refresh costs, as a ratio to the bare tools on the same rows in the same run.

Wall time on a shared machine says little; CPU seconds of whole processes are compared. The figures are reported, never
asserted.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from warehouse.demo import sandbox
from warehouse.settings import REPOSITORY, process_environment


def cpu_of(command: list[str], environment: dict[str, str]) -> tuple[float, str]:
    """CPU seconds (user and system) of a process and what it started and waited for, and what it printed."""
    process = subprocess.Popen(
        command, cwd=REPOSITORY, env=process_environment(environment), stdout=subprocess.PIPE, text=True
    )
    printed = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{printed}")
    return usage.ru_utime + usage.ru_stime, printed


def main() -> None:
    """Run the refresh, then the floors, and print the table."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--accounts", type=int, default=300)
    options = parser.parse_args()
    python = sys.executable
    with (
        tempfile.TemporaryDirectory() as folder,
        sandbox(Path(folder) / "data", seed=7, accounts=options.accounts, date="2026-06-15") as company,
    ):
        refresh = [python, "-m", "dagster_project.refresh"]
        first, _ = cpu_of(refresh, company.environment)
        again, _ = cpu_of(refresh, company.environment)
        floors = {}
        for name in ("dlt", "dbt", "gx"):
            _, printed = cpu_of([python, "-m", "tests.benchmarks.floors", name], company.environment)
            floors[name] = float(re.search(r"^cpu ([\d.]+)$", printed, re.MULTILINE)[1])
        start, _ = cpu_of([python, "-c", "import dlt, dagster, dbt.cli.main"], company.environment)
    floor = sum(floors.values())
    print(f"CPU seconds, {options.accounts} accounts, three years of history")
    for name, seconds in floors.items():
        print(f"  floor: bare {name:<4} {seconds:7.1f}")
    print(f"  floor: importing them {start:7.1f}")
    print(f"  floor together  {floor + start:7.1f}")
    print(f"  first refresh   {first:7.1f}   {first / (floor + start):.2f} x the floor")
    print(f"  second refresh  {again:7.1f}   {again / (floor + start):.2f} x the floor (nothing new to load)")


if __name__ == "__main__":
    main()
