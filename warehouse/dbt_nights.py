"""Where dbt, building a model in a night that carries on, hands it to `warehouse.carry`.

A model that nothing has changed for is neither compiled nor run, and its result says that it succeeded. The others dbt
compiles, and the night brings their tables to what their queries give. What has to be made from nothing, and what is of
another kind than a table, a view or a seed, stays with dbt. What is replaced here is inside of dbt, of the version that
the lock pins.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from warehouse.carry import Carried, Input, Spec, spec_of

if TYPE_CHECKING:
    from warehouse.changes import Night

# of the build that runs in this process
_night: Night | None = None


@contextlib.contextmanager
def carrying(night: Night | None) -> Iterator[None]:
    """Let the builds of this process within the block be this night's; None: they make everything."""
    global _night
    _hand_over()
    _night = night
    try:
        yield
    finally:
        _night = None


def made_views(nodes: Iterable[Any]) -> dict[str, str]:
    """By `schema.table` the query of each view that dbt has made, as it has compiled it."""
    return {
        logged_as(node): node.compiled_code
        for node in nodes
        if node.resource_type == "model" and node.config.materialized == "view" and node.compiled_code
    }


def logged_as(node: Any) -> str:
    """What a night calls a model, seed or raw table: `schema.table`."""
    return f"{node.schema}.{node.identifier if node.resource_type == 'source' else node.alias}"


@cache
def _hand_over() -> None:
    """Ask the night first, whenever dbt compiles or runs a model or a seed."""
    from dbt.task.compile import CompileRunner
    from dbt.task.run import ModelRunner
    from dbt.task.seed import SeedRunner

    execute = ModelRunner.execute

    def compiled_unless_it_stands(compile_node: Any) -> Any:
        def compiled(runner: Any, manifest: Any) -> Any:
            runner.carried = _carried(runner, manifest) if _night else None
            runner.stands = runner.carried and runner.carried.stands(_is_timed(runner.node, manifest))
            if not runner.stands:
                return compile_node(runner, manifest)
            # what an earlier build in this process has left
            runner.node.compiled_code = None
            return runner.node

        return compiled

    def executed(runner: Any, node: Any, manifest: Any) -> Any:
        carried: Carried | None = runner.carried
        if carried is None:
            return execute(runner, node, manifest)
        if not runner.stands:
            is_timed = runner.config.cli_vars["as_of"] in node.compiled_code
            if node.config.materialized in ("table", "view"):
                carried.build(node.compiled_code, _in_order(runner, node), is_timed)
            elif not carried.is_same(node.compiled_code, is_timed):
                carried.remember()
                result = execute(runner, node, manifest)
                carried.compare()
                return result
        return CompileRunner.execute(runner, node, manifest)

    ModelRunner.compile = compiled_unless_it_stands(ModelRunner.compile)
    SeedRunner.compile = compiled_unless_it_stands(SeedRunner.compile)
    ModelRunner.execute = executed


def _carried(runner: Any, manifest: Any) -> Carried | None:
    """The model as the night sees it; None when nothing of its kind is there to begin with."""
    node, adapter = runner.node, runner.adapter
    is_view = node.config.materialized == "view"
    if _night.is_view.get(logged_as(node)) != is_view:
        return None
    inputs = {}
    for unique_id in getattr(node.depends_on, "nodes", ()):
        read = manifest.expect(unique_id)
        if read.resource_type != "seed":
            inputs[_called(read)] = _input(read, manifest)
    said = node.config.meta.get("carried")
    if said is None and _shown_raw(node, manifest):
        # a view of one raw table stands by its ids, without saying so
        spec = Spec(by=["id"], keyed={name: [["id"]] for name in inputs}, due={})
    else:
        spec = spec_of(said, _night, _local_times(adapter, manifest) if said else {})

    def run(statement: str) -> list[tuple[Any, ...]]:
        return adapter.connections.add_query(statement, auto_begin=False)[1].fetchall()

    return Carried(_night, node.relation_name, logged_as(node), inputs, spec, is_view, run)


def _input(node: Any, manifest: Any) -> Input:
    """What a model reads, as the night knows it."""
    logged = logged_as(node)
    raw = _shown_raw(node, manifest) if logged in _night.views else ""
    return Input(
        relation=node.relation_name,
        logged=logged,
        is_raw=node.resource_type == "source",
        columns=list(_night.columns.get(logged, ())),
        changed=_night.changed.get(logged),
        raw=raw,
        query=_night.views[logged] if raw else "",
    )


def _shown_raw(node: Any, manifest: Any) -> str:
    """The relation of the raw table that a model is a view of; '' when it is none, or one of more than that."""
    if node.config.materialized != "view" or len(node.depends_on.nodes) != 1:
        return ""
    read = manifest.expect(node.depends_on.nodes[0])
    return read.relation_name if read.resource_type == "source" else ""


def _called(node: Any) -> str:
    """What a model's configuration calls something that it reads."""
    return f"{node.source_name}.{node.name}" if node.resource_type == "source" else node.name


def _in_order(runner: Any, node: Any) -> str:
    """A model's query, with a contract's columns in its order. They were compared when the table was made."""
    if not node.config.contract.enforced:
        return node.compiled_code
    columns = ", ".join(
        runner.adapter.quote(column.name) if column.quote else column.name for column in node.columns.values()
    )
    return f"select {columns} from (\n{node.compiled_code}\n) as model"


def _local_times(adapter: Any, manifest: Any) -> Mapping[str, str]:
    """SQL for the day and for the midnight of the reporting zone, with `{}` for what they are of."""
    if not _night.local:
        _night.local = {
            "date": adapter.execute_macro("local_date", manifest, kwargs={"instant": "{}"}),
            "midnight": adapter.execute_macro("local_midnight", manifest, kwargs={"day": "{}"}),
        }
    return _night.local


def _is_timed(node: Any, manifest: Any) -> bool:
    """Whether a model may hold the run's instant, by its text or by a macro that it may call."""
    if node.resource_type == "seed":
        return False
    if "as_of" in node.raw_code:
        return True
    reached: set[str] = set()
    ahead = list(node.depends_on.macros)
    while ahead:
        unique_id = ahead.pop()
        if unique_id not in reached and unique_id in manifest.macros:
            reached.add(unique_id)
            ahead += manifest.macros[unique_id].depends_on.macros
    return any("as_of" in manifest.macros[unique_id].macro_sql for unique_id in reached)
