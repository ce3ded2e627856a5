"""The lake: a folder or bucket of Parquet files, where the raw ledger lies on the distributed engine.

    <lake>/raw_<source>/<stream>/declared.parquet           no row, all declared columns: every stream is a table
    <lake>/raw_<source>/<stream>/<load id>.<file>.parquet   rows of one load, never changed
    <lake>/raw_<source>/_dlt_*/...                          the loader's own records

Paths are relative to the lake, parts joined by "/". Every function raises LakeError, in one line, when the lake cannot
be read or written. Credentials of a bucket are found where its own client looks for them.
"""

from __future__ import annotations

import contextlib
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from warehouse.connections import literal, quoted

if TYPE_CHECKING:
    import duckdb
    from fsspec import AbstractFileSystem

    from warehouse.settings import Settings

DECLARED = "declared.parquet"
RAW_PREFIX = "raw_"
# names that readers of a folder of Parquet files pass over
HIDDEN = (".", "_")
PACKAGES = {
    "s3": "s3fs",
    "s3a": "s3fs",
    "gs": "gcsfs",
    "gcs": "gcsfs",
    "az": "adlfs",
    "abfs": "adlfs",
    "abfss": "adlfs",
}


class LakeError(Exception):
    """The lake cannot be used. The message is one line: its address, what is wrong, and what to do."""


@dataclass(frozen=True)
class Lake:
    """An open lake: its address as it is set, and the file system that reaches it."""

    address: str
    fs: AbstractFileSystem
    root: str
    is_local: bool

    def path(self, name: str) -> str:
        """The path of a file or folder for the file system."""
        return f"{self.root}/{name}" if name else self.root

    def url(self, name: str) -> str:
        """The address of a file or folder for an engine: a local path, or a URL."""
        return self.path(name) if self.is_local else self.fs.unstrip_protocol(self.path(name))

    def files(self, folder: str) -> dict[str, int]:
        """Size in bytes of every file below a folder, by path; empty when there is no such folder."""
        with _reaching(self.address):
            found = self.fs.find(self.path(folder), detail=True)
        start = len(self.root) + 1
        return {path[start:]: int(about["size"] or 0) for path, about in sorted(found.items())}

    def folders(self) -> list[str]:
        """Names of the folders right below the lake; none when it does not exist yet."""
        with _reaching(self.address):
            try:
                found = self.fs.ls(self.root, detail=True)
            except FileNotFoundError:
                return []
        return sorted(about["name"].rstrip("/").rpartition("/")[2] for about in found if about["type"] == "directory")

    def read(self, name: str) -> bytes:
        """The content of a file."""
        with _reaching(self.address):
            return self.fs.cat_file(self.path(name))

    def columns(self, name: str) -> pa.Schema:
        """The columns of a Parquet file, of which only the end is read."""
        with _reaching(self.address), self.fs.open(self.path(name), "rb") as file:
            return pq.read_schema(file)

    def write(self, name: str, content: bytes) -> None:
        """Write a file, at once for all who read; its folder is made when there is none."""
        with _reaching(self.address):
            if self.is_local:
                final = Path(self.path(name))
                final.parent.mkdir(parents=True, exist_ok=True)
                begun = final.with_name(f".{final.name}")
                begun.write_bytes(content)
                begun.replace(final)
            else:
                # a bucket shows an object only when it is complete
                self.fs.pipe_file(self.path(name), content)

    def write_batches(self, name: str, batches: pa.RecordBatchReader) -> None:
        """Write a Parquet file of any size, at once for all who read."""
        begun = name
        if self.is_local:
            folder, _, file = name.rpartition("/")
            begun = f"{folder}/.{file}"
        with _reaching(self.address):
            self.fs.makedirs(self.path(name.rpartition("/")[0]), exist_ok=True)
            with self.fs.open(self.path(begun), "wb") as out, pq.ParquetWriter(out, batches.schema) as writer:
                for batch in batches:
                    writer.write_batch(batch)
            if begun != name:
                self.fs.mv(self.path(begun), self.path(name))

    def delete(self, names: Iterable[str]) -> None:
        """Delete files; one that is gone already is no error."""
        for name in names:
            with _reaching(self.address), contextlib.suppress(FileNotFoundError):
                self.fs.rm_file(self.path(name))


def open_lake(settings: Settings) -> Lake:
    """The lake of the settings; nothing is read or made. Raises LakeError when its kind of address is not supported."""
    from fsspec.core import url_to_fs

    address = settings.lake
    is_local = "://" not in address
    try:
        # the loader writes through a file system of its own: a cached listing would miss what it wrote
        fs, root = url_to_fs(address, use_listings_cache=False)
    except ImportError as error:
        protocol = address.partition("://")[0]
        package = PACKAGES.get(protocol)
        what = f"`pip install {package}` into the environment of throughline" if package else _first_line(str(error))
        raise LakeError(f"{shown(address)}: no client for {protocol}:// is installed: {what}") from error
    except ValueError as error:
        raise LakeError(
            f"{shown(address)}: no lake can be there ({_first_line(str(error))}): "
            "set THROUGHLINE_LAKE_URL to a folder, or to a bucket such as s3://bucket/throughline"
        ) from error
    except Exception as error:
        raise LakeError(trouble(address, f"{type(error).__name__}: {error}")) from error
    return Lake(shown(address), fs, root.rstrip("/"), is_local)


def raw_schemas(lake: Lake) -> list[str]:
    """Names of the raw schemas that the lake holds: raw_hubspot, raw_stripe."""
    # the loader stages beside them
    return [name for name in lake.folders() if name.startswith(RAW_PREFIX) and not name.endswith("_staging")]


def raw_files(lake: Lake, schema: str, table: str | None = None) -> dict[str, list[str]]:
    """The Parquet files of every table of a raw schema, or of one of them, the declared columns first. One listing."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in lake.files(f"{schema}/{table}" if table else schema):
        parts = path.split("/")
        if len(parts) == 3 and is_rows(parts[1], parts[2]):
            found[parts[1]].append(path)
    return {name: sorted(paths, key=lambda p: (not p.endswith(f"/{DECLARED}"), p)) for name, paths in found.items()}


def is_rows(table: str, file: str) -> bool:
    """Whether a file belongs to a raw table, and is neither the loader's own nor half written."""
    return file.endswith(".parquet") and not file.startswith(HIDDEN) and not table.startswith(HIDDEN)


def declared_schema(lake: Lake, schema: str, table: str) -> pa.Schema | None:
    """The declared columns of a raw table; None when its file is damaged. Raises LakeError when there is none."""
    try:
        return pq.read_schema(BytesIO(lake.read(f"{schema}/{table}/{DECLARED}")))
    except pa.ArrowInvalid:
        return None


def declare(lake: Lake, schema: str, tables: Mapping[str, pa.Schema]) -> list[str]:
    """Give tables of a raw schema the file that declares their columns; returns the tables that are new or changed."""
    present = raw_files(lake, schema)
    changed = []
    for table, columns in tables.items():
        has_file = f"{schema}/{table}/{DECLARED}" in present.get(table, ())
        if has_file and (known := declared_schema(lake, schema, table)) is not None and known.equals(columns):
            continue
        content = BytesIO()
        pq.write_table(columns.empty_table(), content)
        lake.write(f"{schema}/{table}/{DECLARED}", content.getvalue())
        changed.append(table)
    return changed


def attach_raw(
    connection: duckdb.DuckDBPyConnection, settings: Settings, sources: Sequence[str] | None = None
) -> list[tuple[str, str]]:
    """Make a view `raw_<source>.<stream>` over the files of every stream of some sources, all when None.

    Returns (schema, view) of each. The views show the files that were there when they were made.
    """
    lake = open_lake(settings)
    made = []
    for schema in raw_schemas(lake) if sources is None else [RAW_PREFIX + source for source in sources]:
        tables = raw_files(lake, schema)
        attach_tables(connection, lake, schema, tables)
        made += [(schema, table) for table in sorted(tables)]
    return made


def attach_tables(
    connection: duckdb.DuckDBPyConnection, lake: Lake, schema: str, tables: Mapping[str, Sequence[str]]
) -> None:
    """Make a view of a schema for each table over its files (`raw_files`). Columns that a file lacks are NULL."""
    register(connection, lake)
    connection.execute(f"create schema if not exists {quoted(schema)}")
    for table, files in tables.items():
        listed = ", ".join(literal(lake.url(name)) for name in files)
        with reading(lake):
            connection.execute(
                f"create or replace view {quoted(schema, table)} as from read_parquet([{listed}], union_by_name = true)"
            )


def register(connection: duckdb.DuckDBPyConnection, lake: Lake) -> None:
    """Let a connection read the lake's addresses."""
    if not lake.is_local and not connection.filesystem_is_registered(_protocol(lake)):
        connection.register_filesystem(lake.fs)


@contextlib.contextmanager
def reading(lake: Lake) -> Iterator[None]:
    """Raises LakeError when DuckDB cannot read a file of the lake."""
    import duckdb

    try:
        yield
    except (duckdb.IOException, duckdb.InvalidInputException, duckdb.HTTPException) as error:
        raise LakeError(trouble(lake.address, str(error))) from error


def trouble(address: str, reason: str) -> str:
    """What is wrong with a lake, and what to do, in one line; `reason` is the message of whatever failed."""
    line = _first_line(reason)
    if re.search(r"no space left|errno 28\b|quota exceeded", reason, re.IGNORECASE):
        return f"{shown(address)}: the lake is full ({line}): free space there and run again; nothing stored is lost"
    if re.search(r"permission|access ?denied|forbidden|read-only|errno (1|13|30)\b", reason, re.IGNORECASE):
        return (
            f"{shown(address)}: this account may not use the lake ({line}): let it read, write and delete there, or "
            "set THROUGHLINE_LAKE_URL to another place"
        )
    if re.search(r"magic bytes|too small|thrift|footer|corrupt", reason, re.IGNORECASE):
        return (
            f"{shown(address)}: a file of the lake is damaged ({line}): `throughline refresh` removes what an "
            "unfinished load left; any other file has to come from a backup"
        )
    return f"{shown(address)}: the lake cannot be used ({line}): check THROUGHLINE_LAKE_URL, network and credentials"


def shown(address: str) -> str:
    """An address without a password that may stand in it."""
    return re.sub(r"(//[^/@:]*):[^/@]*@", r"\1:***@", address)


@contextlib.contextmanager
def _reaching(address: str) -> Iterator[None]:
    """Raises LakeError for whatever a file system raises: each client has errors of its own."""
    try:
        yield
    except LakeError:
        raise
    except Exception as error:
        raise LakeError(trouble(address, f"{type(error).__name__}: {error}")) from error


def _protocol(lake: Lake) -> str:
    known = lake.fs.protocol
    return known if isinstance(known, str) else known[0]


def _first_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[0] if lines else "no reason given"
