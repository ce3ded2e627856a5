"""What dbt does over and over in a build, done once or not at all: most of its own CPU in a night went into it.

Nothing that dbt gives is different. What is replaced here is inside of dbt, of the version that the lock pins.
"""

from __future__ import annotations

import contextlib
import gc
import hashlib
import marshal
import sys
import threading
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from types import CodeType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dbt.context.macros import MacroNamespaceBuilder
    from dbt_common.clients.jinja import CallableMacroGenerator

# what hears of each node that is done
_listeners: list[Callable[[Any, int], None]] = []

# where a context keeps the macros that have been made in it
_MADE = "throughline_made_macros"

# of each thread: the context of the node that it is at, whether one is being made, and its macros by package
_here = threading.local()

# by digest of its source: what Python made of a template
_templates: dict[str, bytes] = {}
_read: set[Path] = set()
TEMPLATES = "templates.marshal"
KEPT_TEMPLATES = 4000


@cache
def lighten() -> None:
    """Let dbt in this process do less for the same results."""
    _tell_loggers_only()
    _tell_of_nodes()
    _share_contexts()
    _make_macros_once()
    _sort_macros_once()
    _make_empty_tables_once()
    _match_relations_of_a_name()
    _compile_templates_once()
    _look_for_cycles_where_there_are_any()
    _comment_on_statements_only()
    _summarise_for_readers_only()


@contextlib.contextmanager
def told(listener: Callable[[Any, int], None]) -> Iterator[None]:
    """Within the block, call a function with the result of each node when it is done, and the number of all nodes."""
    lighten()
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)


@contextlib.contextmanager
def settled() -> Iterator[None]:
    """Keep the garbage collector from walking what was there before, the parsed project above all."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


@contextlib.contextmanager
def kept_templates(folder: Path) -> Iterator[None]:
    """Begin with the templates that a process before this one has compiled, and leave those that are new to the next.

    They are in a file of the folder. One that cannot be read or written is no loss: templates are compiled then.
    """
    path = folder / TEMPLATES
    if path not in _read:
        _read.add(path)
        with contextlib.suppress(OSError, EOFError, ValueError, TypeError):
            _templates.update(marshal.loads(path.read_bytes()))
    known = len(_templates)
    yield
    if len(_templates) > known:
        kept = dict(list(_templates.items())[-KEPT_TEMPLATES:])
        with contextlib.suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            unfinished = path.with_name(f".{path.name}.{threading.get_native_id()}")
            unfinished.write_bytes(marshal.dumps(kept))
            unfinished.replace(path)


def _tell_loggers_only() -> None:
    """dbt tells of each statement, connection and node by a protobuf message, filled field by field whether or not
    anybody reads it. Messages are made for logs only; warnings and errors are told as ever.
    """
    from dbt.task.run import ModelRunner
    from dbt_common.events import event_manager_client
    from dbt_common.events.base_types import BaseEvent, EventLevel
    from dbt_common.events.event_manager import EventManager

    fill, describe = BaseEvent.__init__, ModelRunner.describe_node

    def remember(event: BaseEvent, *args: Any, **fields: Any) -> None:
        event.__dict__["unfilled"] = (args, fields)

    def message_of(event: BaseEvent) -> Any:
        if "unfilled" in event.__dict__:
            args, fields = event.__dict__.pop("unfilled")
            fill(event, *args, **fields)
        return event.__dict__["message"]

    def keep_message(event: BaseEvent, message: Any) -> None:
        event.__dict__["message"] = message

    class Quiet(EventManager):
        def fire_event(self, e: BaseEvent, level: EventLevel | None = None, *args: Any, **options: Any) -> None:
            is_trouble = (level or e.level_tag()) in (EventLevel.WARN, EventLevel.ERROR)
            if self.loggers or is_trouble:
                super().fire_event(e, level, *args, **options)

    def described(runner: ModelRunner) -> str:
        return describe(runner) if event_manager_client.get_event_manager().loggers else runner.node.unique_id

    ModelRunner.describe_node = described
    BaseEvent.__init__ = remember
    BaseEvent.pb_msg = property(message_of, keep_message)
    event_manager_client.ctx_set_event_manager(Quiet())


def _tell_of_nodes() -> None:
    """The listeners of `told` hear of a node when dbt has done with it."""
    from dbt.task.runnable import GraphRunnableTask

    call_runner = GraphRunnableTask.call_runner

    def called(task: GraphRunnableTask, runner: Any) -> Any:
        result = call_runner(task, runner)
        for listener in _listeners:
            listener(result, runner.num_nodes)
        return result

    GraphRunnableTask.call_runner = called


def _share_contexts() -> None:
    """dbt makes all that a template sees of a node twice, to compile it and to run it. The second time it is brought up
    to date.
    """
    from dbt.context.providers import ModelContext, RuntimeProvider
    from dbt.task import run, test

    from dbt import compilation

    def context_of(model: Any, config: Any, manifest: Any) -> dict[str, Any]:
        context: ModelContext | None = getattr(_here, "context", None)
        if context is None or not (
            context.model is model and context.config is config and context.manifest is manifest
        ):
            _here.is_at_node = True
            try:
                context = _here.context = ModelContext(model, config, manifest, RuntimeProvider(), None)
            finally:
                _here.is_at_node = False
        values = context.to_dict()
        values[_MADE] = {}
        return values

    for module in (compilation, run, test):
        module.generate_runtime_model_context = context_of


def _make_macros_once() -> None:
    """dbt runs the template of a macro at each call, to get at the macro. Once in a context is enough."""
    from dbt_common.clients.jinja import CallableMacroGenerator

    make = CallableMacroGenerator.get_macro

    def made(generator: CallableMacroGenerator) -> Callable[..., Any]:
        known = (generator.context or {}).get(_MADE)
        if known is None:
            return make(generator)
        unique_id = generator.macro.unique_id
        if unique_id not in known:
            known[unique_id] = make(generator)
        return known[unique_id]

    CallableMacroGenerator.get_macro = made


def _sort_macros_once() -> None:
    """dbt sorts the macros of all packages for each node. What a name means is the same for all nodes of a package."""
    from dbt.clients.jinja import MacroGenerator
    from dbt.context.macros import MacroNamespace, MacroNamespaceBuilder

    class Place:
        """Where macros stand: the context that they see, whose node they are called for, and the calls they are in."""

        def __init__(self, context: dict[str, Any], node: Any, stack: Any) -> None:
            self.context, self.node, self.stack = context, node, stack

    class Macro(MacroGenerator):
        """A macro in a place, made in one step instead of four: there are thousands for each that is called."""

        def __init__(self, macro: Any, place: Place) -> None:
            self.macro, self.place = macro, place

        context = property(lambda self: self.place.context)
        node = property(lambda self: self.place.node)
        stack = property(lambda self: self.place.stack)

    class Names(MacroNamespace):
        """A namespace that has been searched: by each name what it means, in one place."""

        place: Place
        meant: dict[str, Any]
        sorted_from: Any

        def __getitem__(self, key: str) -> Any:
            return self.meant[key]

        def __iter__(self) -> Iterator[str]:
            return iter(self.meant)

        def __len__(self) -> int:
            return len(self.meant)

    sort = MacroNamespaceBuilder.build_namespace
    # by package: what it was sorted from, and the parts of the namespace by the macros' ids
    sorted_once: dict[tuple[str, ...], tuple[Any, list[dict[str, Any]]]] = {}

    def ids(part: dict[str, Any]) -> dict[str, Any]:
        return {name: ids(macro) if isinstance(macro, dict) else macro.macro.unique_id for name, macro in part.items()}

    def filled(part: dict[str, Any], macros: dict[str, Macro]) -> dict[str, Any]:
        return {
            name: filled(unique_id, macros) if isinstance(unique_id, dict) else macros[unique_id]
            for name, unique_id in part.items()
        }

    def made(builder: MacroNamespaceBuilder, package: tuple[str, ...], macros_by_package: Any, place: Place) -> Names:
        if package not in sorted_once or sorted_once[package][0] is not macros_by_package:
            found = sort(builder, macros_by_package, place.context)
            parts = [found.global_namespace, found.local_namespace, found.global_project_namespace, found.packages]
            sorted_once[package] = (macros_by_package, [ids(part) for part in (*parts, dict(found))])
        macros = {
            macro.unique_id: Macro(macro, place) for named in macros_by_package.values() for macro in named.values()
        }
        *parts, meant = [filled(part, macros) for part in sorted_once[package][1]]
        names = Names(*parts)
        names.place, names.meant, names.sorted_from = place, meant, macros_by_package
        return names

    def namespace_of(builder: MacroNamespaceBuilder, macros_by_package: Any, values: dict[str, Any]) -> Names:
        package = (builder.root_package, builder.search_package, *builder.internal_package_names_order)
        place = Place(values, builder.node, builder.thread_ctx)
        if not getattr(_here, "is_at_node", False):
            return made(builder, package, macros_by_package, place)
        # a thread is at one node at a time: the macros of the one before go on to this one
        known = _here.__dict__.setdefault("names", {})
        if package not in known or known[package].sorted_from is not macros_by_package:
            known[package] = made(builder, package, macros_by_package, place)
        vars(known[package].place).update(vars(place))
        return known[package]

    MacroNamespaceBuilder.build_namespace = namespace_of


def _make_empty_tables_once() -> None:
    """The result of a statement without rows is a table whose types dbt works out anew each time."""
    from dbt_common.clients import agate_helper

    agate_helper.empty_table = cache(agate_helper.empty_table)


def _match_relations_of_a_name() -> None:
    """To find a table, dbt compares database, schema and name of all in its schema. Those of another name are none."""
    from dbt.adapters.base.impl import BaseAdapter

    match = BaseAdapter._make_match

    def matched(adapter: Any, relations: list[Any], database: str, schema: str, identifier: str) -> list[Any]:
        name = identifier.lower()
        alike = [relation for relation in relations if (relation.identifier or "").lower() == name]
        return match(adapter, alike, database, schema, identifier)

    BaseAdapter._make_match = matched


def _compile_templates_once() -> None:
    """dbt compiles the template of each node and macro in each process."""
    import jinja2
    from dbt_common.clients.jinja import MacroFuzzEnvironment

    compile_template = MacroFuzzEnvironment.compile
    version = f"{jinja2.__version__} {sys.implementation.cache_tag}"

    def compiled(environment: MacroFuzzEnvironment, source: Any, *args: Any, **options: Any) -> CodeType:
        if args or options or not isinstance(source, str):
            return compile_template(environment, source, *args, **options)
        kind = f"{version} {type(environment).__name__} {sorted(environment.extensions)}"
        digest = hashlib.blake2b(f"{kind} {source}".encode(), digest_size=16).hexdigest()
        if digest not in _templates:
            code = compile_template(environment, source)
            _templates[digest] = marshal.dumps(code)
            return code
        return marshal.loads(_templates[digest])

    MacroFuzzEnvironment.compile = compiled


def _look_for_cycles_where_there_are_any() -> None:
    """dbt walks the whole graph for the names in a cycle. Whether there is one is told sooner."""
    import networkx
    from dbt.compilation import Linker

    find = Linker.find_cycles
    Linker.find_cycles = lambda linker: None if networkx.is_directed_acyclic_graph(linker.graph) else find(linker)


def _comment_on_statements_only() -> None:
    """dbt writes the comment of a node's statements when it takes the node up, and another when it leaves it."""
    from dbt.adapters.base.query_headers import MacroQueryStringSetter

    write, add = MacroQueryStringSetter.set, MacroQueryStringSetter.add

    def remembered(comments: MacroQueryStringSetter, name: str, context: Any) -> None:
        # of each thread
        comments.comment.meant = (name, context)

    def added(comments: MacroQueryStringSetter, sql: str) -> str:
        if "meant" in vars(comments.comment):
            write(comments, *vars(comments.comment).pop("meant"))
        return add(comments, sql)

    MacroQueryStringSetter.set, MacroQueryStringSetter.add = remembered, added


def _summarise_for_readers_only() -> None:
    """dbt puts together a report of each model for its vendor, and a summary of the graph, though it is told neither to
    send nor to write anything.
    """
    from dbt.compilation import Linker
    from dbt.task import run

    from dbt import flags, tracking

    report, summarise = run.track_model_run, Linker.get_graph_summary

    def reported(*args: Any, **options: Any) -> None:
        if not (tracking.active_user and tracking.active_user.do_not_track):
            report(*args, **options)

    def summarised(linker: Linker, manifest: Any) -> dict[int, dict[str, Any]]:
        return summarise(linker, manifest) if flags.get_flags().WRITE_JSON else {}

    run.track_model_run, Linker.get_graph_summary = reported, summarised
