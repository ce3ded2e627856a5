"""A Spark server for a company of some hundred accounts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from warehouse import cluster

# a thousand small statements: interpreted plans and one partition cost less than compiled code would save
SMALL = {
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.adaptive.enabled": "false",
    # nor is a plan for a hundred rows worth looking for more filters, for shared expressions, or looking over twice
    "spark.sql.constraintPropagation.enabled": "false",
    "spark.sql.subexpressionElimination.enabled": "false",
    "spark.sql.lightweightPlanChangeValidation": "false",
    # one task a scan: dbt's threads keep both cores busy as it is
    "spark.default.parallelism": "1",
    "spark.sql.parquet.compression.codec": "uncompressed",
    # memory in small pieces: whoever sums ten rows is given, and clears, one piece
    "spark.buffer.pageSize": "4m",
    "spark.broadcast.blockSize": "64k",
    # no file of checksums beside each file
    "spark.hadoop.fs.file.impl": "org.apache.hadoop.fs.RawLocalFileSystem",
}
# two nights on one server are long enough for compiling to the last level to pay
COMPILED = {"spark.driver.extraJavaOptions": " ".join((*cluster.FLAGS, "-XX:TieredStopAtLevel=4"))}
# the catalog need not outlive the server
IN_MEMORY = {"spark.sql.catalogImplementation": "in-memory"}


@dataclass(frozen=True)
class Server:
    """A running server: its address, and the folder that holds its tables."""

    remote: str
    folder: Path


@contextmanager
def small_server(folder: Path) -> Iterator[Server]:
    """One process that is master, worker and server, for the length of the block."""
    conf = SMALL | COMPILED | IN_MEMORY
    with cluster.running(folder, master="local[2]", shuffle_partitions=1, conf=conf) as remote:
        yield Server(remote, folder)
