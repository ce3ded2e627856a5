"""Run the dbt project on the build file, in this process.

dbt is parsed once: the run's own variables (its instant) would make dbt parse everything anew each night, so the parsed
project is kept, with fixed variables, and handed to the run, which only compiles and executes.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from warehouse import meta
from warehouse.dbt_nights import carrying, made_views
from warehouse.dbt_overhead import kept_templates, lighten, settled, told
from warehouse.engine import Engine, engine_of
from warehouse.settings import DBT_PROJECT, Settings, prepare_process

if TYPE_CHECKING:
    from dbt.contracts.graph.manifest import Manifest

Status = Literal["success", "warning", "failure", "error", "skipped"]
SAMPLE_ROWS = 5
# what others read of a parsed project
WRITTEN = ("manifest.json", "semantic_manifest.json")

# what dbt learnt from parsing, for data folders that have not parsed yet
_SHARED = DBT_PROJECT / "target"

# by fingerprint: the parsed project, and a folder where its files were written
_parsed: dict[str, tuple[Manifest, Path]] = {}


class DbtFailed(Exception):
    """dbt could not be run at all: the project does not parse, or its settings are wrong."""


@dataclass(frozen=True)
class Node:
    """What became of one node of the project.

    `relation` is `schema.table` for what is built. `failing_rows` and `sample` are a test's; `seconds` is its own time.
    """

    unique_id: str
    name: str
    kind: str
    status: Status
    severity: meta.Severity
    relation: str | None = None
    tested: str | None = None
    failing_rows: int = 0
    seconds: float = 0.0
    message: str = ""
    description: str = ""
    sample: Sequence[dict[str, Any]] = ()

    @property
    def is_test(self) -> bool:
        """Whether the node is a data test."""
        return self.kind == "test"

    @property
    def is_built(self) -> bool:
        """Whether the node made a table or a view."""
        return not self.is_test and self.status == "success"

    def as_check(self) -> meta.Check:
        """A test's result as a row of `meta.checks`."""
        return meta.Check(
            name=self.name,
            layer="dbt",
            table=self.tested,
            severity=self.severity,
            passed=self.status == "success",
            failing_rows=self.failing_rows,
            description=self.description,
            sample=self.sample,
            error=self.message if self.status == "error" else None,
        )

    def __str__(self) -> str:
        return str(self.as_check()) if self.is_test else f"{self.kind} {self.name}: {self.message or self.status}"


Progress = Callable[[Node, int, int], None]


def manifest_path(settings: Settings) -> Path:
    """The manifest of the project as it stands, parsed when it is missing or older than the project's files.

    Raises DbtFailed when the project does not parse.
    """
    if not _is_written(settings.dbt_target_dir, _fingerprint(settings)):
        parse(settings)
    return settings.dbt_target_dir / "manifest.json"


def semantic_manifest_path(settings: Settings) -> Path:
    """The semantic layer of the project as it stands; parsed like `manifest_path`. Raises DbtFailed."""
    return manifest_path(settings).with_name("semantic_manifest.json")


def _is_written(folder: Path, fingerprint: str) -> bool:
    """Whether the folder holds what parsing the project of this fingerprint wrote."""
    stamp = folder / "manifest.stamp"
    return (
        all((folder / name).exists() for name in WRITTEN)
        and stamp.exists()
        and stamp.read_text(encoding="utf-8") == fingerprint
    )


def project_fingerprint() -> str:
    """A digest of names, sizes and change times of the project's files."""
    project = DBT_PROJECT
    digest = hashlib.blake2b(digest_size=16)
    for path in sorted(project.rglob("*")):
        if path.suffix in {".sql", ".yml", ".csv", ".md"} and not {"target", "logs"} & set(path.parts):
            facts = path.stat()
            digest.update(f"{path.relative_to(project)}|{facts.st_size}|{facts.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def _fingerprint(settings: Settings) -> str:
    """The project as it stands, for an engine: what dbt parses depends on the adapter."""
    return f"{project_fingerprint()} {settings.target} {settings.spark_table_format}"


def parse(settings: Settings) -> Manifest:
    """Parse the project (only what changed since the last time). Raises DbtFailed."""
    fingerprint = _fingerprint(settings)
    folder = settings.dbt_target_dir
    is_written = _is_written(folder, fingerprint)
    if fingerprint in _parsed:
        manifest, elsewhere = _parsed[fingerprint]
        if not is_written and _is_written(elsewhere, fingerprint):
            _show(elsewhere, folder, fingerprint)
            is_written = True
        if is_written:
            return manifest
    parsing = folder / "parsing"
    parsing.mkdir(parents=True, exist_ok=True)
    shared = _SHARED / f"partial_parse.{settings.target}.msgpack"
    _take(shared, parsing / "partial_parse.msgpack")
    # a fixed path: dbt parses everything anew when a variable of the profile has changed
    result = _invoke(
        settings,
        ["parse", *(["--no-write-json"] if is_written else [])],
        parsing,
        environment={"THROUGHLINE_WAREHOUSE_PATH": "warehouse.duckdb"},
    )
    if not result.success:
        raise DbtFailed(f"the dbt project does not parse: {_essence(str(result.exception))}")
    if not is_written:
        _show(parsing, folder, fingerprint)
    _take(parsing / "partial_parse.msgpack", shared)
    _parsed.clear()
    _parsed[fingerprint] = (result.result, folder)
    return result.result


def _show(source: Path, folder: Path, fingerprint: str) -> None:
    """Bring what others read of a parsed project to a folder, each file whole."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in WRITTEN:
        fresh = folder / f".{name}"
        shutil.copyfile(source / name, fresh)
        fresh.replace(folder / name)
    (folder / "manifest.stamp").write_text(fingerprint, encoding="utf-8")


def build(
    settings: Settings, run_id: str, arguments: Sequence[str] = (), progress: Progress = lambda node, done, total: None
) -> list[Node]:
    """`dbt build` with the run's variables; results are kept in `meta.checks` and `meta.builds`.

    `arguments` are more arguments of dbt, such as a selection. `progress` is called when a node is done. A failed model
    or test is a result, not an exception. Raises DbtFailed when dbt cannot run, EngineFailed when the engine cannot.
    """
    manifest = parse(settings)
    engine = engine_of(settings)
    unfinished = settings.dbt_target_dir / f"unfinished.{settings.target}"
    afresh = unfinished.exists() and not arguments
    engine.prepare(afresh)
    unfinished.parent.mkdir(parents=True, exist_ok=True)
    unfinished.touch()
    tests = _tested_relations(manifest)

    done = 0

    def listen(result: Any, total: int) -> None:
        nonlocal done
        if result.node.unique_id in manifest.nodes:
            done += 1
            progress(_node(result.node, str(result.status), seconds=result.execution_time), done, total)

    variables = settings.dbt_vars()
    built_by = settings.dbt_target_dir / f"built.{settings.target}.json"
    rules = json.dumps([_fingerprint(settings), variables | {"as_of": None}])
    # tables of other models or rules are no beginning for today's
    is_new = afresh or not built_by.exists() or built_by.read_text(encoding="utf-8") != rules
    # a part of the models leaves the others without knowing what changed
    night = engine.carried_from(variables["as_of"], is_whole=is_new or bool(arguments))
    command = ["build", "--exclude-resource-type", "unit_test", "--no-write-json", "--vars", json.dumps(variables)]
    command += [*(["--full-refresh"] if is_new else []), *arguments]
    with carrying(night), told(listen):
        result = _invoke(settings, command, settings.dbt_target_dir / "run", manifest)
    if result.result is None:
        raise DbtFailed(f"dbt did not run: {_essence(str(result.exception) or repr(result.exception))}")
    nodes = [
        _node(
            found.node,
            str(found.status),
            seconds=found.execution_time,
            failures=found.failures or 0,
            message=engine.trouble(found.message or "") or _essence(found.message or ""),
            tested=tests.get(found.node.unique_id),
        )
        for found in result.result.results
    ]
    if not any(engine.trouble(found.message or "") for found in result.result.results):
        unfinished.unlink()
    nodes = _with_samples(engine, nodes, {found.node.unique_id: found.node for found in result.result.results})
    tested = [node for node in nodes if node.is_test and node.status != "skipped"]
    meta.record_checks(settings, run_id, [node.as_check() for node in tested])
    built = [node.relation for node in nodes if node.is_built and node.relation]
    if not failures(nodes):
        engine.hand_over(run_id, built)
        if not arguments:
            built_by.write_text(rules, encoding="utf-8")
            engine.stand_at(variables["as_of"], night, made_views(found.node for found in result.result.results))
    meta.record_builds(settings, run_id, built)
    return nodes


def policies(settings: Settings) -> dict[str, str]:
    """The rules that the metrics follow: the project's variables and the reporting conventions, as text.

    `policy_version` is what the marts carry: the version, and every choice that is not the default.
    """
    rules = _variables(settings)
    choices: dict[str, Any] = rules.pop("policy_choices", {})
    changed = [
        f"{name}={rules[name]}"
        for name, allowed in choices.items()
        if rules[name] != (allowed[0] if isinstance(allowed, list) else allowed)
    ]
    rules["policy_version"] = "+".join([str(rules.get("policy_version", "v1")), *changed])
    return {
        name: ", ".join(map(str, value)) if isinstance(value, list) else str(value)
        for name, value in rules.items()
        if name not in ("as_of", "sources_on")
    }


def _variables(settings: Settings) -> dict[str, Any]:
    """The project's variables, with the settings' own in their place."""
    import yaml

    project = yaml.safe_load((DBT_PROJECT / "dbt_project.yml").read_text(encoding="utf-8"))
    return {**project.get("vars", {}), **settings.dbt_vars()}


def failures(nodes: Iterable[Node]) -> list[Node]:
    """What keeps a run from being published: models that broke first, then tests of severity `error`."""
    wrong = [node for node in nodes if node.status in ("failure", "error")]
    return sorted(wrong, key=lambda node: (node.is_test, -node.failing_rows, node.name))


def _invoke(
    settings: Settings,
    command: Sequence[str],
    target: Path,
    manifest: Manifest | None = None,
    environment: Mapping[str, str] | None = None,
) -> Any:
    prepare_process({**settings.dbt_environment(), **(environment or {})})
    from dbt.cli.main import dbtRunner

    lighten()
    target.mkdir(parents=True, exist_ok=True)
    common = [
        *("--project-dir", str(DBT_PROJECT), "--profiles-dir", str(DBT_PROJECT), "--target", settings.target),
        *("--target-path", str(target), "--log-path", str(target), "--log-level-file", "none"),
        *("--log-level", "none", "--no-use-colors", "--no-version-check"),
    ]
    try:
        with settled(), kept_templates(_SHARED):
            return dbtRunner(manifest=manifest).invoke([*command, *common])
    finally:
        close_connections()
        engine_of(settings).release()


def close_connections() -> None:
    """Let go of the build file, so that the next step (and other processes) can open it."""
    from dbt.adapters.factory import FACTORY, reset_adapters

    for adapter in FACTORY.adapters.values():
        adapter.cleanup_connections()
        close = getattr(adapter.connections, "close_all_connections", None)
        if close:
            close()
    reset_adapters()


def _take(source: Path, target: Path) -> None:
    """Copy a cache file to where there is none that is newer. A cache that cannot be written is no loss."""
    with contextlib.suppress(OSError):
        if not source.exists() or (target.exists() and target.stat().st_mtime_ns >= source.stat().st_mtime_ns):
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        unfinished = target.with_name(f".{target.name}.{os.getpid()}")
        shutil.copy2(source, unfinished)
        unfinished.replace(target)


def _node(
    node: Any, status: str, *, seconds: float = 0.0, failures: int = 0, message: str = "", tested: str | None = None
) -> Node:
    outcome: Status = {"pass": "success", "success": "success", "warn": "warning", "fail": "failure"}.get(
        status, "skipped" if status in ("skipped", "no-op", "partial success") else "error"
    )  # type: ignore[assignment]
    kind = str(node.resource_type)
    severity = str(getattr(node.config, "severity", "error")).lower()
    return Node(
        unique_id=node.unique_id,
        name=node.name,
        kind=kind,
        status=outcome,
        severity="warning" if outcome == "warning" or (severity == "warn" and outcome == "success") else "error",
        relation=None if kind == "test" else f"{node.schema}.{node.alias}",
        tested=tested,
        failing_rows=failures if outcome in ("warning", "failure") else 0,
        seconds=seconds,
        message="" if outcome == "success" else message,
        description=node.description or "",
    )


def _tested_relations(manifest: Manifest) -> dict[str, str]:
    """The relation that each test is about: the node it is attached to, or the first one that it reads."""
    found = {}
    for unique_id, node in manifest.nodes.items():
        if str(node.resource_type) != "test":
            continue
        parents = [getattr(node, "attached_node", None), *node.depends_on.nodes]
        parent = next((name for name in parents if name), None)
        about = manifest.nodes.get(parent) or manifest.sources.get(parent) if parent else None
        if about is not None:
            found[unique_id] = f"{about.schema}.{getattr(about, 'identifier', None) or about.alias}"
    return found


def _with_samples(engine: Engine, nodes: list[Node], compiled: dict[str, Any]) -> list[Node]:
    """Give each failed test a few of its failing rows."""
    from dataclasses import replace

    failed = [node for node in nodes if node.is_test and node.status in ("failure", "warning")]
    if not failed:
        return nodes
    samples = {
        node.unique_id: engine.sample(compiled[node.unique_id].compiled_code.strip().rstrip(";"), SAMPLE_ROWS)
        for node in failed
    }
    return [replace(node, sample=samples.get(node.unique_id, node.sample)) for node in nodes]


def _essence(message: str) -> str:
    """An error of dbt in one line: its headings and the compiled file's path left out."""
    lines = [line.strip() for line in message.partition("JVM stacktrace:")[0].splitlines()]
    kept = [
        line
        for line in lines
        if line and not line.startswith(("compiled code at", "LINE ", "^", "Runtime Error in", "Database Error in"))
    ]
    return " ".join(kept)[:600] or "no reason given"
