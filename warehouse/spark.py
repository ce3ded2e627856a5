"""Apache Spark as the engine, over Spark Connect.

The server builds the tables; Parquet files in the lake carry data in and out:

    <lake>/raw_<source>/<stream>/                                the ledger: on Spark, external tables
    <lake>/published/<schema>/<table>/<columns>/run_id=<run>/    what a run has built, as readers get it

Spark's own readers use the databases `published_<schema>`: their views read the run that one more view,
`published_meta.current_version`, names. Moving that one moves all of them.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import socket
import sys
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from io import BytesIO
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from warehouse.build_file import open_build
from warehouse.connections import literal, quoted
from warehouse.engine import PUBLISHED, EngineFailed, cast_list
from warehouse.lake import Lake, declared_schema, open_lake, raw_files, raw_schemas
from warehouse.settings import Settings

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

BUILT = ("staging", "identity", "journey", "metrics")
HANDED_OVER = ("journey", "metrics")
# marks a database that a run may drop and build anew
OURS = "throughline"
# views live in Spark's own catalog, whatever the default one is
VIEWS = "spark_catalog.published_"
POINTER = f"{VIEWS}meta.current_version"
ANSWER_SECONDS = 5
# statements that a server is given side by side: as many as dbt's threads in `profiles.yml`
AT_ONCE = 4
# the client's own patience is ten minutes a statement, and there are a thousand statements
RETRIES = {"max_retries": 3, "initial_backoff": 200, "max_backoff": 1000, "min_jitter_threshold": 1000}
# what asks for rows: `select` or `with`, behind comments
QUERY = re.compile(r"(?:\s|/\*.*?\*/|--[^\n]*\n)*(?:select|with)\b", re.IGNORECASE | re.DOTALL)
# of every session, that of dbt included
SESSION = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.sources.partitionOverwriteMode": "dynamic",
    # an overflow or a bad cast is an error, never a NULL: the default from Spark 4 on
    "spark.sql.ansi.enabled": "true",
}


class Spark:
    """The engine behind `THROUGHLINE_SPARK_REMOTE`. What the methods mean stands at `warehouse.engine.Engine`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._remote = settings.spark_remote

    # --- a run ------------------------------------------------------------------------------------------------------

    def version(self) -> str:
        from_client = _client_version()
        with self.session() as spark:
            server = spark.version
        if not fits(from_client, server):
            raise EngineFailed(
                f"the Spark server at {self._remote} is {server} and this client {from_client}, which is not made for "
                f"it: install pyspark {'.'.join(server.split('.')[:2])}.*"
            )
        return f"spark {server}"

    def prepare(self, afresh: bool = False) -> None:
        lake = open_lake(self._settings)
        with self.session() as spark, ThreadPoolExecutor(AT_ONCE) as pool:
            for schema in BUILT:
                if afresh and _is_ours(spark, schema):
                    # a server that died has left folders that its catalog does not know, and no table can be made there
                    spark.sql(f"drop database {schema} cascade")
                spark.sql(f"create database if not exists {schema} with dbproperties ('{OURS}' = 'build')")
            for schema in raw_schemas(lake):
                spark.sql(f"create database if not exists {schema}")
                declare = partial(self._declare, spark, lake, _described(spark, schema), schema)
                list(pool.map(declare, raw_files(lake, schema)))
        self._open_for_dbt()

    def carried_from(self, as_of: str, is_whole: bool) -> None:
        return None

    def stand_at(self, as_of: str, night: None, views: Mapping[str, str]) -> None:
        pass

    def release(self) -> None:
        if "pyspark" not in sys.modules:
            return
        from pyspark.sql import SparkSession

        active = SparkSession.getActiveSession()
        # a session in this process is the process's own, and another cannot be had after it
        if active is not None and self._settings.is_spark_remote:
            _end(active)

    def hand_over(self, run_id: str, relations: Iterable[str]) -> None:
        lake = open_lake(self._settings)
        with self.session() as spark, ThreadPoolExecutor(AT_ONCE) as pool:

            def copy(name: str) -> tuple[str, dict[str, str]]:
                frame = spark.table(name)
                columns = {field.name: field.dataType.simpleString() for field in frame.schema.fields}
                folder = run_folder(name, columns, run_id)
                frame.write.mode("overwrite").parquet(self.address(folder))
                return folder, columns

            names = sorted(name for name in relations if name.split(".")[0] in HANDED_OVER)
            shown = dict(zip(names, pool.map(copy, names), strict=True))
        with open_build(self._settings) as connection:
            for name, (folder, columns) in shown.items():
                show(connection, lake, name, folder, columns)

    def sample(self, query: str, rows: int) -> list[dict[str, Any]]:
        with self.session() as spark:
            return [row.asDict() for row in spark.sql(query).limit(rows).collect()]

    def write(self, run_id: str, table: str, rows: pa.Table, types: dict[str, str]) -> None:
        with open_build(self._settings) as connection:
            connection.register("incoming", rows)
            typed = connection.sql(f"select {cast_list(types)} from incoming").to_arrow_table()
            folder, columns = self._store(run_id, table, typed)
            show(connection, open_lake(self._settings), table, folder, columns)

    # --- what Spark's own readers see -------------------------------------------------------------------------------

    def add(self, run_id: str, tables: dict[str, pa.Table]) -> None:
        for name, rows in tables.items():
            self._store(run_id, name, rows)

    def point_at(self, run_id: str) -> None:
        folders = self._folders_of(run_id)
        if not folders:
            raise EngineFailed(f"version {run_id} is not in the lake at {self._settings.lake}: it was built elsewhere")
        with self.session() as spark, ThreadPoolExecutor(AT_ONCE) as pool:
            for schema in PUBLISHED:
                spark.sql(f"create database if not exists {VIEWS}{schema}")
            spark.sql(f"create view if not exists {POINTER} as select cast(null as string) as run_id")
            known = {
                f"{schema}.{table}": about
                for schema in PUBLISHED
                for table, about in _described(spark, f"{VIEWS}{schema}").items()
            }

            def show_pointed(name: str) -> None:
                folder, columns = folders[name]
                place = self.address(folder)
                if place in known.get(name, ""):
                    return
                schema, table = name.split(".")
                selected = ", ".join(f"`{column}`" for column in columns)
                spark.sql(
                    f"create or replace view {VIEWS}{schema}.`{table}` as select {selected} from parquet.`{place}` "
                    f"where run_id = (select run_id from {POINTER})"
                )

            list(pool.map(show_pointed, folders))
            spark.sql(f"create or replace view {POINTER} as select {_text(run_id)} as run_id")

    def forget(self, run_id: str) -> None:
        lake = open_lake(self._settings)
        lake.delete(path for path in lake.files("published") if f"/run_id={run_id}/" in path)

    # --- the connection ---------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def session(self) -> Iterator[SparkSession]:
        """A session of its own on the server, in time zone UTC, ended with the block.

        Raises EngineFailed when the client is not installed, nothing answers, or a statement of the block fails.
        """
        builder = self._builder()
        try:
            spark = builder.create() if self._settings.is_spark_remote else builder.getOrCreate()
        except Exception as error:
            raise EngineFailed(self.explain(str(error))) from error
        try:
            self._configure(spark)
            yield spark
        except Exception as error:
            if not type(error).__module__.startswith(("pyspark.", "grpc.")):
                raise
            raise EngineFailed(self.explain(str(error))) from error
        finally:
            if self._settings.is_spark_remote:
                _end(spark)

    def explain(self, message: str) -> str:
        """What went wrong on Spark in one line."""
        lines = [line.strip() for line in message.splitlines() if line.strip()]
        return self.trouble(message) or f"Spark at {self._remote}: {lines[0][:500] if lines else 'no reason given'}"

    def trouble(self, message: str) -> str | None:
        if "No space left on device" in message:
            return f"the disk of the Spark server at {self._remote} is full: make room there and refresh again"
        if re.search(r"SESSION_(NOT_FOUND|CLOSED|CHANGED)|INVALID_HANDLE|NO_ACTIVE_SESSION", message):
            return f"the Spark server at {self._remote} has lost this run's session (was it restarted?): refresh again"
        if re.search(r"UNAVAILABLE|Connection refused|Connection reset|Socket closed|RETRIES_EXCEEDED", message):
            return f"the Spark server at {self._remote} has stopped answering: see that it runs, and refresh again"
        stray = re.search(r"LOCATION_ALREADY_EXISTS\].* location '([^']+)'", message)
        if stray:
            return (
                f"the Spark server at {self._remote} was ended while it wrote a table, whose files are in the way: "
                f"remove {stray[1]} and refresh again"
            )
        if re.search(r"UNIMPLEMENTED|Unknown (relation|command) type|Protocol message .* (tag|type)", message):
            return f"the server at {self._remote} does not speak this client's protocol: install its version of pyspark"
        return None

    def address(self, folder: str) -> str:
        """A folder of the lake as Spark names it."""
        url = self._settings.lake
        return f"{'file:' + url if url.startswith('/') else re.sub(r'^s3://', 's3a://', url)}/{folder}"

    def _builder(self) -> Any:
        _client_version()
        from pyspark.sql import SparkSession

        if not self._settings.is_spark_remote:
            # its catalogs are configured where Spark looks itself: spark-defaults.conf in SPARK_CONF_DIR
            return SparkSession.builder.master(self._remote)
        parts = urlsplit(self._remote)
        try:
            socket.create_connection((parts.hostname or "", parts.port or 15002), timeout=ANSWER_SECONDS).close()
        except OSError as error:
            raise EngineFailed(
                f"no Spark Connect server answers at {self._remote} ({error.strerror or error}): "
                "start it (`make spark` for a local one), or correct THROUGHLINE_SPARK_REMOTE"
            ) from None
        return SparkSession.builder.remote(self._remote)

    def _open_for_dbt(self) -> None:
        """The session that dbt will find in this process."""
        self.release()
        spark = self._builder().getOrCreate()
        self._configure(spark)
        _use_for_dbt(spark)

    def _configure(self, spark: SparkSession) -> None:
        if self._settings.is_spark_remote:
            _be_brief(spark)
        for name, value in SESSION.items():
            spark.conf.set(name, value)

    # --- files ------------------------------------------------------------------------------------------------------

    def _declare(self, spark: SparkSession, lake: Lake, known: Mapping[str, str], schema: str, stream: str) -> None:
        """Make the external table of a stream, unless it is `known`, and with the declared columns."""
        fields = declared_schema(lake, schema, stream)
        if fields is None:
            raise EngineFailed(f"{lake.address}/{schema}/{stream}/declared.parquet is damaged: load {schema} again")
        place = self.address(f"{schema}/{stream}")
        columns = ", ".join(f"`{field.name}` {_spark_type(field.type)}" for field in fields)
        mark = hashlib.blake2b(f"{place} {columns}".encode(), digest_size=8).hexdigest()
        if stream in known:
            if f"throughline={mark}" in known[stream]:
                return
            spark.sql(f"drop table if exists {schema}.`{stream}`")
        spark.sql(
            f"create table {schema}.`{stream}` ({columns}) using parquet location {_text(place)} "
            f"tblproperties ('throughline' = '{mark}')"
        )

    def _store(self, run_id: str, name: str, rows: pa.Table) -> tuple[str, dict[str, str]]:
        """Write a table of ours to the lake as a part of a run; returns its folder and its columns on Spark."""
        import pyarrow.parquet as pq

        rows = _with_zone(rows)
        columns = {field.name: _spark_type(field.type) for field in rows.schema}
        lake, folder, content = open_lake(self._settings), run_folder(name, columns, run_id), BytesIO()
        pq.write_table(rows, content)
        lake.delete(lake.files(folder))
        lake.write(f"{folder}/part-0.parquet", content.getvalue())
        return folder, columns

    def _folders_of(self, run_id: str) -> dict[str, tuple[str, dict[str, str]]]:
        """Folder and columns of each table that the lake holds of a run."""
        lake = open_lake(self._settings)
        found = {}
        for path in lake.files("published"):
            parts = path.split("/")
            if path.endswith(".parquet") and parts[-2] == f"run_id={run_id}" and f"{parts[1]}.{parts[2]}" not in found:
                columns = {field.name: _spark_type(field.type) for field in lake.columns(path)}
                found[f"{parts[1]}.{parts[2]}"] = ("/".join(parts[:4]), columns)
        return found


def fits(client: str, server: str) -> bool:
    """Whether a client may talk to a server: the same major version, and not newer than the server's minor one."""
    (client_major, client_minor), (server_major, server_minor) = (
        (int(part) for part in re.findall(r"\d+", version)[:2]) for version in (client, server)
    )
    return client_major == server_major and client_minor <= server_minor


def table_folder(name: str, columns: Mapping[str, str]) -> str:
    """Where the runs of a table lie in the lake, for as long as its columns stay what they are."""
    digest = hashlib.blake2b(repr(list(columns.items())).encode(), digest_size=4).hexdigest()
    return f"published/{name.replace('.', '/')}/{digest}"


def run_folder(name: str, columns: Mapping[str, str], run_id: str) -> str:
    """Where one run's rows of a table lie in the lake."""
    return f"{table_folder(name, columns)}/run_id={run_id}"


def show(connection: Any, lake: Lake, name: str, folder: str, columns: Mapping[str, str]) -> None:
    """Make `schema.table` of an open build file a view on a folder of the lake."""
    schema, table = name.split(".")
    selected = ", ".join(
        f"cast({quoted(column)} as timestamp) as {quoted(column)}" if kind == "timestamp" else quoted(column)
        for column, kind in columns.items()
    )
    files = literal(f"{lake.url(folder)}/*.parquet")
    connection.execute(f"create schema if not exists {quoted(schema)}")
    connection.execute(
        f"create or replace view {quoted(schema, table)} as "
        f"select {selected} from read_parquet({files}, hive_partitioning = false)"
    )


def _client_version() -> str:
    try:
        import grpc  # noqa: F401
        import pyspark
    except ImportError as error:
        raise EngineFailed(f"THROUGHLINE_TARGET=spark needs Spark's client ({error}): run `make setup-spark`") from None
    return str(pyspark.__version__)


def _be_brief(spark: SparkSession) -> None:
    """Give up early on a server that is gone, and after the first time at once: dbt has a thousand statements left."""
    try:
        from pyspark.sql.connect.client.retries import DefaultPolicy, RetryPolicyState
    except ImportError:
        # the client of Spark 3.5 has no policies, only their numbers
        spark.client._retry_policy.update(RETRIES)
        return

    class Patience(RetryPolicyState):
        def next_attempt(self, *reason: Any) -> int | None:
            wait = super().next_attempt(*reason)
            if wait is None:
                self.policy.max_retries = 0
            return wait

    class Brief(DefaultPolicy):
        def to_state(self) -> Patience:
            return Patience(self)

    spark.client.set_retry_policies([Brief(**RETRIES)])


def _use_for_dbt(spark: SparkSession) -> None:
    """Let dbt's cursors run on this session as it is configured.

    The adapter's own sets its options before every statement, among them ANSI mode off, under which an overflow is a
    NULL; and it has a query analysed three times: to see whether it is a command, for its columns, and with its rows.
    """
    from dbt.adapters.spark import session as adapter
    from dbt_common.exceptions import DbtRuntimeError
    from pyspark.errors import AnalysisException

    class OpenSession(adapter.Cursor):
        def execute(self, sql: str, *parameters: Any) -> None:
            text = sql % parameters if parameters else sql
            try:
                self._df, self._rows = _asked(spark, text), None
                # a contract's query asks for no row: its columns are known without running it
                if is_query(text) and not text.rstrip().endswith("limit 0"):
                    self._rows = self._df.collect()
            except AnalysisException as error:
                raise DbtRuntimeError(str(error)) from error

        @property
        def description(self) -> Any:
            rows = self._rows
            return [(name, *(None,) * 6) for name in rows[0].__fields__] if rows else super().description

    adapter.Cursor = OpenSession


def is_query(statement: str) -> bool:
    """Whether a statement, behind its comments, asks for rows and does nothing else."""
    return QUERY.match(statement) is not None


def _asked(spark: SparkSession, statement: str) -> DataFrame:
    """A query as what it is, with a server; `sql()` would have it analysed, in case it is a command."""
    is_connected = type(spark).__module__.startswith("pyspark.sql.connect.")
    if not (is_connected and is_query(statement)):
        return spark.sql(statement)
    from pyspark.sql.connect.dataframe import DataFrame
    from pyspark.sql.connect.plan import SQL

    return DataFrame(SQL(statement), spark)


def _end(spark: SparkSession) -> None:
    """End a session; when the server is gone, so is the session."""
    from grpc import RpcError
    from pyspark.errors import PySparkException

    with contextlib.suppress(RpcError, PySparkException):
        spark.stop()


def _is_ours(spark: SparkSession, schema: str) -> bool:
    """Whether a database is there and was made by a run of ours."""
    if not spark.catalog.databaseExists(schema):
        return False
    about = spark.sql(f"describe database extended {schema}").collect()
    return any(OURS in str(row[1]) for row in about if row[0] == "Properties")


def _described(spark: SparkSession, schema: str) -> dict[str, str]:
    """What Spark tells of each table of a database."""
    rows = spark.sql(f"show table extended in {schema} like '*'").collect()
    return {row["tableName"]: row["information"] for row in rows}


def _spark_type(kind: pa.DataType) -> str:
    import pyarrow as pa

    if pa.types.is_timestamp(kind):
        return "timestamp"
    if pa.types.is_decimal(kind):
        return f"decimal({kind.precision},{kind.scale})"
    names = {"int64": "bigint", "int32": "int", "bool": "boolean", "date32[day]": "date", "large_string": "string"}
    return names.get(str(kind), str(kind))


def _with_zone(rows: pa.Table) -> pa.Table:
    """Instants of the warehouse are UTC and carry no zone; on Spark an instant is one by its type."""
    import pyarrow as pa

    fields = [
        pa.field(field.name, pa.timestamp("us", "UTC")) if pa.types.is_timestamp(field.type) else field
        for field in rows.schema
    ]
    return rows.cast(pa.schema(fields))


def _text(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
