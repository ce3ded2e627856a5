"""One company, two engines: what each publishes on the first night and on the next."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from tests.end_to_end.company import DATE, Company, company


@dataclass(frozen=True)
class Nights:
    """A DuckDB and a Spark installation that pull the same company."""

    duckdb: Company
    spark: Company

    def refresh(self) -> None:
        """One night on each engine, both at the same time: they share nothing but the company they pull."""
        with ThreadPoolExecutor() as pool:
            for night in [pool.submit(self.duckdb.refresh), pool.submit(self.spark.refresh)]:
                night.result()

    def advance(self) -> None:
        """A day passes at the company; events that were pushed reach both installations."""
        answer = self.duckdb.advance()
        self.spark.overrides["THROUGHLINE_AS_OF"] = answer["now"]
        copy_landing(self.duckdb.data_dir, self.spark.data_dir)


@contextmanager
def nights(folder: Path, remote: str, *, accounts: int, seed: int = 3) -> Iterator[Nights]:
    """Serve a company of which two installations know, each with a data folder of its own."""
    with company(folder / "duckdb", seed=seed, accounts=accounts, date=DATE) as one:
        other = folder / "spark"
        environment = one.environment | {"THROUGHLINE_DATA_DIR": str(other)}
        overrides = {"THROUGHLINE_TARGET": "spark", "THROUGHLINE_SPARK_REMOTE": remote}
        copy_landing(one.data_dir, other)
        # the night on Spark takes the longer by far: the other one has the processors when that waits
        patient = replace(one, started_by=("nice",))
        yield Nights(patient, replace(one, data_dir=other, environment=environment, overrides=overrides))


def copy_landing(source: Path, target: Path) -> None:
    """Bring what was pushed to one installation to the other: files that the first has not loaded yet."""
    import shutil

    for path in (source / "landing").rglob("*"):
        if path.is_file():
            copy = target / "landing" / path.relative_to(source / "landing")
            copy.parent.mkdir(parents=True, exist_ok=True)
            if not copy.exists():
                shutil.copy2(path, copy)
