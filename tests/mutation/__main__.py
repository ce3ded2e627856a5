"""Deliberate faults, one at a time, and whether the tests notice: `python -m tests.mutation [--only NAME ...]`.

Each fault replaces a text in one file of a copy of the repository, and the tests that should notice run on the copy. A
fault that no test notices has survived, and then something is not tested. Prints the table of docs/testing.md; the exit
code is the number of survivors. The faults stand in `tests/mutation/faults_*.py`.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.mutation.faults import Fault, all_faults

REPOSITORY = Path(__file__).resolve().parents[2]
COPIED = ("dbt", "docs", "ingestion", "insights", "quality", "sandbox", "tests", "warehouse", "pyproject.toml")
# parses the copy's project once, so that a run parses only the file with the fault
PARSE = "from tests.dbt.conftest import _parsed_project; _parsed_project()"


def copy(folder: Path) -> None:
    """What the tests need of the repository, without what runs produced."""
    for name in COPIED:
        if (REPOSITORY / name).is_dir():
            ignored = shutil.ignore_patterns("target", "logs", "__pycache__")
            shutil.copytree(REPOSITORY / name, folder / name, ignore=ignored)
        else:
            shutil.copy2(REPOSITORY / name, folder / name)
    run(folder, "-c", PARSE).check_returncode()


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python in the copy, which shadows the installed package."""
    environment = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def noticed_by(folder: Path, fault: Fault) -> str | None:
    """The first test that fails with the fault in place, or None. Raises ValueError when the text is not there once."""
    path = folder / fault.path
    sound = path.read_text()
    if sound.count(fault.text) != 1:
        raise ValueError(f"{fault.name}: {sound.count(fault.text)} places in {fault.path}, not one")
    path.write_text(sound.replace(fault.text, fault.becomes))
    try:
        for selection in fault.tests:
            result = run(folder, "-m", "pytest", "-n", "0", "-x", "-q", "-p", "no:cacheprovider", *selection.split())
            if result.returncode == 1:
                lines = [line for line in result.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
                return lines[0].split(" - ")[0].split("::")[-1].split("[")[0] if lines else selection
            if result.returncode != 0:
                raise RuntimeError(f"{fault.name}: pytest ended with {result.returncode}:\n{result.stdout[-2000:]}")
    finally:
        path.write_text(sound)
    return None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", help="names of faults; all by default")
    options = parser.parse_args()
    faults = [fault for fault in all_faults() if not options.only or fault.name in options.only]
    survivors = 0
    print("| fault | where | noticed by |\n|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        copy(Path(folder))
        for fault in faults:
            found = noticed_by(Path(folder), fault)
            survivors += found is None
            shown = f"`{found}`" if found else "**nobody**"
            print(f"| {fault.what} | `{Path(fault.path).stem}` | {shown} |", flush=True)
    print(f"\n{len(faults) - survivors} of {len(faults)} faults are noticed", flush=True)
    return survivors


if __name__ == "__main__":
    sys.exit(main())
