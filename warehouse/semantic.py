"""Ask the semantic layer: metrics by name, from MetricFlow, on a warehouse that is only read.

The definitions are the dbt project's (`dbt/semantic/`); MetricFlow plans the SQL, and DuckDB runs it on the published
version, or on any file with the same schemas. Importing MetricFlow takes a second: nothing here does before it must.
"""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from warehouse.connections import NoWarehouse, open_duckdb
from warehouse.settings import Settings

if TYPE_CHECKING:
    import duckdb
    from metricflow.engine.metricflow_engine import MetricFlowEngine

METRIC_TIME = "metric_time"
GRAINS = ("day", "week", "month", "quarter", "year")


class BadQuery(Exception):
    """A metric, dimension or filter that the semantic layer does not know: the message says which, and what is near."""


@dataclass(frozen=True)
class Metric:
    """One metric. `kind` is simple, ratio, derived or cumulative; `inputs` are the metrics that it is made of."""

    name: str
    label: str
    kind: str
    description: str
    inputs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Answer:
    """The rows of a query, and the SQL that found them."""

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]
    sql: str


def metrics_of(manifest: Path) -> dict[str, Metric]:
    """Every metric of a semantic manifest by its name, in the order of the project's files."""
    return _metrics(_parsed(manifest))


def _parsed(manifest: Path) -> dict[str, Any]:
    return json.loads(manifest.read_text(encoding="utf-8"))


def _metrics(manifest: Mapping[str, Any]) -> dict[str, Metric]:
    found = {}
    for entry in manifest["metrics"]:
        parts = entry["type_params"]
        inputs = [parts.get("numerator"), parts.get("denominator"), *(parts.get("metrics") or [])]
        found[entry["name"]] = Metric(
            name=entry["name"],
            label=entry["label"] or entry["name"],
            kind=entry["type"],
            description=" ".join((entry["description"] or "").split()),
            inputs=tuple(part["name"] for part in inputs if part),
        )
    return found


def warehouse_to_read(settings: Settings) -> Path:
    """The published version; where there is none the demo's, and at last the build file.

    Raises NoWarehouse when there is nothing to read.
    """
    demo = settings.data_dir / "demo" / "published" / "throughline.duckdb"
    for path in (settings.published_path, demo, settings.warehouse_path):
        if path.exists():
            return path
    raise NoWarehouse(
        f"no warehouse in {settings.data_dir}: run `throughline refresh`, or `make demo` for a company to try"
    )


class Layer:
    """The semantic layer on an open warehouse. One serves all queries of a process: planning starts only once."""

    def __init__(self, manifest: Path, connection: duckdb.DuckDBPyConnection) -> None:
        parsed = _parsed(manifest)
        self.metrics = _metrics(parsed)
        self._engine = _engine(parsed, connection)
        self._connection = connection

    def ask(
        self,
        metrics: Sequence[str],
        by: Sequence[str] = (),
        *,
        where: Sequence[str] = (),
        order: Sequence[str] = (),
        limit: int | None = None,
    ) -> Answer:
        """The metrics, one row for each combination of `by`, ordered by `order` (`-name` descends), or by `by`.

        `where` are MetricFlow's filters: `"{{ Dimension('account__country') }} = 'DE'"`. Raises BadQuery.
        """
        from metricflow.engine.metricflow_engine import MetricFlowQueryRequest

        self._check(metrics, by)
        request = MetricFlowQueryRequest.create(
            metric_names=list(metrics),
            group_by_names=list(by),
            where_constraints=list(where) or None,
            order_by_names=list(order or by) or None,
            time_constraint_end=self._last_instant(metrics, by),
            limit=limit,
        )
        with _bad_queries():
            sql = self._engine.explain(request).sql_statement.sql
            cursor = self._connection.execute(sql)
        names = tuple(column[0] for column in cursor.description or [])
        return Answer(names, cursor.fetchall(), sql)

    def dimensions(self, metrics: Sequence[str]) -> list[str]:
        """What all of the metrics may be shown by. Raises BadQuery."""
        self._check(metrics, ())
        with _bad_queries():
            found = self._engine.simple_dimensions_for_metrics(list(metrics))
        return sorted({dimension.dunder_name for dimension in found})

    def _check(self, metrics: Sequence[str], by: Sequence[str]) -> None:
        from difflib import get_close_matches

        for name in metrics:
            if name not in self.metrics:
                near = ", ".join(get_close_matches(name, self.metrics, n=3, cutoff=0.4))
                raise BadQuery(f"there is no metric {name}" + (f"; near: {near}" if near else ""))
        known = self.dimensions(list(metrics)) if by else []
        entities = {part.rpartition("__")[0] for part in known}
        for name in by:
            base = name.rpartition("__")[0] if name.rpartition("__")[2] in GRAINS else name
            if base not in {*known, *entities, METRIC_TIME}:
                raise BadQuery(f"{', '.join(metrics)} cannot be shown by {name}; by: {', '.join(known)}")

    def _last_instant(self, metrics: Iterable[str], by: Iterable[str]) -> datetime | None:
        """Running totals go on to the calendar's end, years ahead: they are shown up to the run's month."""
        if not any(name.startswith(METRIC_TIME) for name in by) or not any(map(self._accumulates, metrics)):
            return None
        ((last,),) = self._connection.execute("select max(month) from metrics.unit_economics_monthly").fetchall()
        return datetime.combine(last, datetime.min.time()) if last else None

    def _accumulates(self, name: str) -> bool:
        metric = self.metrics[name]
        return metric.kind == "cumulative" or any(map(self._accumulates, metric.inputs))


@contextlib.contextmanager
def open_layer(manifest: Path, warehouse: Path) -> Iterator[Layer]:
    """The layer on a warehouse file, which is opened to read. Raises NoWarehouse and FileBusy."""
    with open_duckdb(warehouse, read_only=True) as connection:
        yield Layer(manifest, connection)


def as_list(metrics: Iterable[Metric]) -> str:
    """Metrics with what they mean, one a line."""
    metrics = list(metrics)
    width = max(len(metric.name) for metric in metrics)
    return "\n".join(f"{metric.name.ljust(width)}  {metric.description}" for metric in metrics)


def as_table(answer: Answer) -> str:
    """An answer as a table of text: numbers to the right, a dash where there is no value."""
    cells = [[_shown(value) for value in row] for row in answer.rows]
    columns = list(zip(*answer.rows, strict=True)) or [()] * len(answer.columns)
    right = [all(value is None or _is_number(value) for value in column) for column in columns]
    widths = [max(map(len, column)) for column in zip(answer.columns, *cells, strict=True)]

    def line(texts: Sequence[str]) -> str:
        parts = zip(texts, widths, right, strict=True)
        return "  ".join(
            text.rjust(width) if is_right else text.ljust(width) for text, width, is_right in parts
        ).rstrip()

    return "\n".join([line(answer.columns), line(["-" * width for width in widths]), *map(line, cells)])


def _shown(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, datetime):
        return value.isoformat(" ").removesuffix(" 00:00:00")
    if not _is_number(value):
        return str(value)
    return (
        f"{value:,.2f}" if isinstance(value, Decimal) else f"{value:,.4f}" if isinstance(value, float) else f"{value:,}"
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def _engine(manifest: dict[str, Any], connection: duckdb.DuckDBPyConnection) -> MetricFlowEngine:
    """MetricFlow on a manifest, whose relations become `schema.table`: a warehouse file may have any name."""
    # it logs each query at level INFO, and counts its calls
    logging.getLogger("metricflow").setLevel(logging.ERROR)
    logging.getLogger("metricflow_semantics").setLevel(logging.ERROR)
    from metricflow.engine.metricflow_engine import MetricFlowEngine
    from metricflow_semantic_interfaces.implementations.semantic_manifest import PydanticSemanticManifest
    from metricflow_semantics.model.dbt_manifest_parser import transform_dbt_generated_manifest
    from metricflow_semantics.model.semantic_manifest_lookup import SemanticManifestLookup

    spines = manifest["project_configuration"]["time_spines"]
    for relation in [entry["node_relation"] for entry in [*manifest["semantic_models"], *spines]]:
        relation["database"] = None
        relation["relation_name"] = f'"{relation["schema_name"]}"."{relation["alias"]}"'
    lookup = SemanticManifestLookup(transform_dbt_generated_manifest(PydanticSemanticManifest.parse_obj(manifest)))
    return MetricFlowEngine(lookup, _Client(connection))


class _Client:
    """What MetricFlow needs to know of an engine: how SQL is written, and how it is run."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        from metricflow.protocols.sql_client import SqlEngine
        from metricflow.sql.render.duckdb_renderer import DuckDbSqlPlanRenderer

        self._connection = connection
        self.sql_engine_type = SqlEngine.DUCKDB
        self.sql_plan_renderer = DuckDbSqlPlanRenderer()

    def query(self, stmt: str, sql_bind_parameter_set: Any = None) -> Any:
        from metricflow.data_table.mf_table import MetricFlowDataTable

        cursor = self._connection.execute(stmt)
        names = [column[0] for column in cursor.description or []]
        return MetricFlowDataTable.create_from_rows(column_names=names, rows=cursor.fetchall())

    def execute(self, stmt: str, sql_bind_parameter_set: Any = None) -> None:
        self._connection.execute(stmt)

    def dry_run(self, stmt: str, sql_bind_parameter_set: Any = None) -> None:
        self._connection.execute(f"explain {stmt}")

    def close(self) -> None:
        """The connection belongs to whoever opened it."""

    def render_bind_parameter_key(self, bind_parameter_key: str) -> str:
        return f"${bind_parameter_key}"


@contextlib.contextmanager
def _bad_queries() -> Iterator[None]:
    """MetricFlow's errors, and those of a filter that DuckDB cannot read, as BadQuery."""
    import duckdb
    from metricflow_semantics.errors.error_classes import InformativeUserError

    try:
        yield
    except (InformativeUserError, ValueError, duckdb.BinderException, duckdb.ParserException) as error:
        raise BadQuery(" ".join(str(error).split())) from error
