"""Runs the toy source and kills the process at chosen points of the loader.

`python -m tests.ingestion.crash_run POINT=FOLDER ...` loads what each folder's `given.json` holds into its `data`, in a
process of its own that ends by SIGKILL at the point.
"""

import os
import signal
import sys
from pathlib import Path
from typing import Any

import dlt.destinations.job_client_impl as jobs
import dlt.extract.extractors as extraction
from dlt.pipeline.pipeline import Pipeline

from ingestion import load
from tests.ingestion import toy_source
from warehouse.settings import Settings

POINTS: dict[str, tuple[Any, str, str]] = {
    # objects lie in the working folder, half of them
    "extracting": (extraction.ArrowExtractor, "_write_item", "after"),
    # the cursors of the working folder have moved, nothing is stored
    "normalized": (Pipeline, "load", "before"),
    # some tables are stored and others are not
    "one_table": (jobs.SqlLoadJob, "run", "after"),
    # all rows are in, and no load says so
    "before_marker": (jobs.SqlJobClientBase, "complete_load", "before"),
    # the load is marked, and the working folder still holds it
    "after_marker": (jobs.SqlJobClientBase, "complete_load", "after"),
}


def die_at(point: str) -> None:
    """Replace a step of the loader by one that kills the process before or after it."""
    owner, name, when = POINTS[point]
    original = getattr(owner, name)

    def step(*args: Any, **kwargs: Any) -> None:
        if when == "after":
            original(*args, **kwargs)
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(owner, name, step)


def run(folder: Path) -> load.LoadReport:
    """Load the toy source of a folder."""
    load.streams_of = lambda name: toy_source.STREAMS
    load.builder_of = lambda name: toy_source.builder(folder / "given.json")
    return load.run_source("stripe", Settings(data_dir=folder / "data", stripe_api_key="k", _env_file=None))


def main(arguments: list[str]) -> None:
    """Run every point in a child process, and say how each ended."""
    for argument in arguments:
        point, _, folder = argument.partition("=")
        child = os.fork()
        if child == 0:
            die_at(point)
            run(Path(folder))
            os._exit(0)
        _, status = os.waitpid(child, 0)
        print(point, os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    main(sys.argv[1:])
