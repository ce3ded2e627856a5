"""What dbt leaves out in a process that builds, and what it gives nevertheless."""

from __future__ import annotations

import gc
from pathlib import Path
from types import SimpleNamespace

import pytest
from dbt_common.events import event_manager_client
from dbt_common.events.functions import fire_event
from dbt_common.events.types import Note

from warehouse import dbt_overhead


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The messages of the notes that a listener gets."""
    dbt_overhead.lighten()
    found: list[str] = []
    manager = event_manager_client.get_event_manager()
    monkeypatch.setattr(manager, "loggers", [])
    monkeypatch.setattr(manager, "callbacks", [lambda message: found.append(message.data.msg)])
    return found


def test_an_event_that_nobody_asks_for_is_not_told(heard: list[str]) -> None:
    fire_event(Note(msg="compiled"))
    assert heard == []


def test_who_is_told_of_nodes_hears_of_each_that_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    from dbt.task.runnable import GraphRunnableTask

    dbt_overhead.lighten()
    heard = []
    node = SimpleNamespace(
        unique_id="model.a", node_info={}, update_event_status=lambda **status: None, clear_event_status=lambda: None
    )
    result = SimpleNamespace(node=node, status="success", to_msg_dict=dict)
    runner = SimpleNamespace(node=node, num_nodes=7, run_with_hooks=lambda manifest: result)
    task = SimpleNamespace(manifest=None, raise_on_first_error=lambda: False)
    monkeypatch.setattr("dbt.task.runnable.get_flags", lambda: SimpleNamespace(FAIL_FAST=False))
    with dbt_overhead.told(lambda done, total: heard.append((done.node.unique_id, total))):
        GraphRunnableTask.call_runner(task, runner)
    GraphRunnableTask.call_runner(task, runner)
    assert heard == [("model.a", 7)]


def test_a_warning_is_told(heard: list[str]) -> None:
    from dbt_common.events.base_types import EventLevel

    fire_event(Note(msg="deprecated"), level=EventLevel.WARN)
    assert heard == ["deprecated"]


def test_everything_is_told_where_it_is_logged(heard: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    class Logger:
        def filter(self, message: object) -> bool:
            return False

    monkeypatch.setattr(event_manager_client.get_event_manager(), "loggers", [Logger()])
    fire_event(Note(msg="compiled"))
    assert heard == ["compiled"]


def test_an_event_says_what_it_was_made_of_when_it_is_asked() -> None:
    dbt_overhead.lighten()
    note = Note(msg="compiled")
    assert note.msg == "compiled"
    assert note.to_dict() == {"msg": "compiled"}


def test_what_is_there_before_a_build_is_not_collected_during_it() -> None:
    before = gc.get_freeze_count()
    with dbt_overhead.settled():
        assert gc.get_freeze_count() > before
    assert gc.get_freeze_count() == 0


def compiled(source: str) -> str:
    from dbt_common.clients.jinja import get_environment

    return get_environment(None).from_string(source).render({})


@pytest.fixture
def templates(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """What this process knows of templates: nothing."""
    dbt_overhead.lighten()
    known: dict[str, bytes] = {}
    monkeypatch.setattr(dbt_overhead, "_templates", known)
    monkeypatch.setattr(dbt_overhead, "_read", set())
    return known


def test_a_template_is_compiled_once_for_all_processes(
    templates: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with dbt_overhead.kept_templates(tmp_path):
        assert compiled("{{ 1 + 1 }}x") == "2x"
    # another process
    templates.clear()
    dbt_overhead._read.clear()
    monkeypatch.setattr("jinja2.environment.Environment._parse", lambda *given: pytest.fail("compiled again"))
    with dbt_overhead.kept_templates(tmp_path):
        assert compiled("{{ 1 + 1 }}x") == "2x"


@pytest.mark.parametrize("found", [b"", b"rubbish", b"i\x01\x00\x00\x00"])
def test_templates_that_cannot_be_read_are_compiled(templates: dict[str, bytes], tmp_path: Path, found: bytes) -> None:
    (tmp_path / dbt_overhead.TEMPLATES).write_bytes(found)
    with dbt_overhead.kept_templates(tmp_path):
        assert compiled("{{ 2 + 1 }}x") == "3x"
    assert (tmp_path / dbt_overhead.TEMPLATES).read_bytes() != found


def test_a_relation_is_found_by_its_name_whatever_its_case() -> None:
    from dbt.adapters.base.impl import BaseAdapter

    dbt_overhead.lighten()
    relations = [SimpleNamespace(identifier=name, matches=lambda **searched: True) for name in ("Leads", "deals")]
    adapter = SimpleNamespace(_make_match_kwargs=lambda *place: {})
    assert BaseAdapter._make_match(adapter, relations, "warehouse", "journey", "leads") == relations[:1]


def test_the_macros_of_a_thread_stand_at_the_node_that_it_is_at(monkeypatch: pytest.MonkeyPatch) -> None:
    from dbt.clients.jinja import MacroStack
    from dbt.context.macros import MacroNamespaceBuilder

    dbt_overhead.lighten()
    macros = {"own": {"month_of": SimpleNamespace(name="month_of", package_name="own", unique_id="macro.own.month_of")}}

    def macro_at(node: str, macros: dict[str, dict[str, SimpleNamespace]] = macros) -> object:
        builder = MacroNamespaceBuilder("own", "own", MacroStack(), [], node)
        return builder.build_namespace(macros, {"model": node})["month_of"]

    alone = macro_at("elsewhere")
    monkeypatch.setattr(dbt_overhead._here, "is_at_node", True, raising=False)
    monkeypatch.setattr(dbt_overhead._here, "names", {}, raising=False)
    first = macro_at("leads")
    assert (first.context, first.node) == ({"model": "leads"}, "leads")
    assert macro_at("deals") is first
    assert (first.context, first.node) == ({"model": "deals"}, "deals")
    assert (alone.context, alone.node) == ({"model": "elsewhere"}, "elsewhere")
    # another project
    assert macro_at("deals", {"own": dict(macros["own"])}) is not first


def test_a_cycle_is_named() -> None:
    from dbt.compilation import Linker

    dbt_overhead.lighten()
    linker = Linker()
    linker.dependency("model.deals", "model.leads")
    assert linker.find_cycles() is None
    linker.dependency("model.leads", "model.deals")
    assert linker.find_cycles() == "model.deals --> model.leads"


def test_a_statement_has_the_comment_of_its_own_node() -> None:
    from dbt.adapters.base.query_headers import MacroQueryStringSetter
    from dbt.adapters.contracts.connection import QueryComment

    dbt_overhead.lighten()
    comments = MacroQueryStringSetter(SimpleNamespace(query_comment=QueryComment("")), {})
    written = []
    comments.generator = lambda name, node: written.append(name) or f"{name} of {node.name if node else 'none'}"
    comments.set("model.leads", SimpleNamespace(name="leads"))
    comments.set("model.deals", SimpleNamespace(name="deals"))
    assert [comments.add("select 1"), comments.add("select 2")] == [
        "/* model.deals of deals */\nselect 1",
        "/* model.deals of deals */\nselect 2",
    ]
    comments.reset()
    assert comments.add("select 3") == "/* master of none */\nselect 3"
    assert written == ["model.deals", "master"]


@pytest.mark.parametrize("is_written", [False, True])
def test_the_graph_is_summarised_when_files_are_written(monkeypatch: pytest.MonkeyPatch, is_written: bool) -> None:
    from dbt.compilation import Linker

    dbt_overhead.lighten()
    monkeypatch.setattr("dbt.flags.get_flags", lambda: SimpleNamespace(WRITE_JSON=is_written))
    linker = Linker()
    linker.add_node("model.leads")
    manifest = SimpleNamespace(
        expect=lambda name: SimpleNamespace(to_dict=lambda omit_none: {"resource_type": "model"})
    )
    summary = {0: {"name": "model.leads", "type": "model"}} if is_written else {}
    assert linker.get_graph_summary(manifest) == summary


@pytest.mark.parametrize("is_off", [False, True])
def test_a_model_is_reported_where_reports_are_sent(monkeypatch: pytest.MonkeyPatch, is_off: bool) -> None:
    from dbt.task import run

    dbt_overhead.lighten()
    monkeypatch.setattr("dbt.tracking.active_user", SimpleNamespace(do_not_track=is_off))
    if is_off:
        run.track_model_run(1, 2, None)
    else:
        # dbt's own report looks at the result
        with pytest.raises(AttributeError, match="'NoneType' object has no attribute 'node'"):
            run.track_model_run(1, 2, None)
