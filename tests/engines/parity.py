"""One company, two engines: what each publishes on the first night and on the next."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from tests.end_to_end.company import Company


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


def on_both(company: Company, data_dir: Path, remote: str) -> Nights:
    """The company, and an installation on Spark beside its own that pulls it into `data_dir`."""
    environment = company.environment | {"THROUGHLINE_DATA_DIR": str(data_dir)}
    overrides = {"THROUGHLINE_TARGET": "spark", "THROUGHLINE_SPARK_REMOTE": remote}
    copy_landing(company.data_dir, data_dir)
    # the night on Spark takes the longer by far: the other one has the processors when that waits, and at its end
    patient = replace(company, started_by=("nice", "-n", "19"))
    return Nights(patient, replace(company, data_dir=data_dir, environment=environment, overrides=overrides))


def copy_landing(source: Path, target: Path) -> None:
    """Bring what was pushed to one installation to the other: files that the first has not loaded yet."""
    import shutil

    for path in (source / "landing").rglob("*"):
        if path.is_file():
            copy = target / "landing" / path.relative_to(source / "landing")
            copy.parent.mkdir(parents=True, exist_ok=True)
            if not copy.exists():
                shutil.copy2(path, copy)
