"""Runs the toy source and kills the process at chosen points of the loader.

`python -m tests.ingestion.crash_run TARGET POINT=FOLDER ...` loads what each folder's `given.json` holds into its
`data`, in a process of its own that ends by SIGKILL at the point.
"""

import os
import signal
import sys
from pathlib import Path
from typing import Any

import dlt.destinations.job_client_impl as jobs
import dlt.extract.extractors as extraction
from dlt.destinations.impl.filesystem.filesystem import FilesystemClient, FilesystemLoadJob
from dlt.pipeline.pipeline import Pipeline
from fsspec.implementations.local import LocalFileSystem

from ingestion import load
from tests.ingestion import toy_source
from warehouse.settings import Settings

Point = tuple[Any, str, str]
COMMON: dict[str, Point] = {
    # objects lie in the working folder, half of them
    "extracting": (extraction.ArrowExtractor, "_write_item", "after"),
    # the cursors of the working folder have moved, nothing is stored
    "normalized": (Pipeline, "load", "before"),
}
POINTS: dict[str, dict[str, Point]] = {
    "duckdb": {
        **COMMON,
        # some tables are stored and others are not
        "one_table": (jobs.SqlLoadJob, "run", "after"),
        # all rows are in, and no load says so
        "before_marker": (jobs.SqlJobClientBase, "complete_load", "before"),
        # the load is marked, and the working folder still holds it
        "after_marker": (jobs.SqlJobClientBase, "complete_load", "after"),
    },
    "spark": {
        **COMMON,
        # a file is there in part
        "half_file": (LocalFileSystem, "put_file", "half"),
        "one_table": (FilesystemLoadJob, "run", "after"),
        "before_marker": (FilesystemClient, "complete_load", "before"),
        # the cursors are stored, and no load says so
        "before_load": (FilesystemClient, "_store_load", "before"),
        # the record of the load is there, and says nothing
        "half_marker": (FilesystemClient, "_store_load", "half"),
        "after_marker": (FilesystemClient, "complete_load", "after"),
    },
}


def die_at(target: str, point: str) -> None:
    """Replace a step of the loader by one that kills the process before it, after it, or with half of it done."""
    owner, name, when = POINTS[target][point]
    original = getattr(owner, name)

    def step(*args: Any, **kwargs: Any) -> None:
        if when == "half" and name == "put_file":
            Path(args[2]).write_bytes(Path(args[1]).read_bytes()[:100])
        elif when == "half":
            client, load_id = args
            marker = Path(client.dataset_path, "_dlt_loads", f"raw_stripe__{load_id}.jsonl")
            marker.parent.mkdir(exist_ok=True)
            marker.write_text("")
        elif when == "after":
            original(*args, **kwargs)
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(owner, name, step)


def run(target: str, folder: Path) -> load.LoadReport:
    """Load the toy source of a folder."""
    load.streams_of = lambda name: toy_source.STREAMS
    load.builder_of = lambda name: toy_source.builder(folder / "given.json")
    given = {"target": target, "data_dir": folder / "data", "stripe_api_key": "k"}
    return load.run_source("stripe", Settings(_env_file=None, **given))


def main(arguments: list[str]) -> None:
    """Run every point in a child process, and say how each ended. The first argument is the target."""
    target, *asked = arguments
    for argument in asked:
        point, _, folder = argument.partition("=")
        child = os.fork()
        if child == 0:
            die_at(target, point)
            run(target, Path(folder))
            os._exit(0)
        _, status = os.waitpid(child, 0)
        print(point, os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    main(sys.argv[1:])
