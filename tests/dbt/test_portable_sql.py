"""The models are written for two engines: what only one of them knows stands in `dbt/macros/engine/`."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2] / "dbt"
FILES = [
    path
    for folder in ("models", "macros", "tests")
    for path in sorted((PROJECT / folder).rglob("*.sql"))
    if PROJECT / "macros" / "engine" not in path.parents
]
ONE_ENGINE_ONLY = {
    r"\bconcat\(": "concat leaves NULL out on one engine and is NULL on the other: concat_ws('', ...)",
    r"::\w": "a cast with ::",
    r"\bqualify\b": "qualify",
    r"\bdistinct on\b": "distinct on",
    r"\bwith recursive\b": "a recursive query",
    r"\btarget\.(type|name)\b|\badapter\.dispatch\b": "a branch on the engine",
    r"\b(unnest|explode|date_diff|datediff|epoch_ms|list_\w+|strftime)\(": "a function of one engine",
}


def code_of(path: Path) -> str:
    """A file without comments and quoted texts."""
    text = re.sub(r"\{#.*?#\}", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    return re.sub(r"--[^\n]*|'[^'\n]*'", "", text)


def test_a_mart_carries_the_policy_with_its_choices():
    found = [path.name for path in FILES if re.search(r"var\(.policy_version.\)", path.read_text(encoding="utf-8"))]
    assert found == ["policy.sql"], (
        "a model says {{ policy_version() }}, which names the choices that are not the default"
    )


@pytest.mark.parametrize("pattern", ONE_ENGINE_ONLY)
def test_no_model_uses_what_one_engine_only_knows(pattern):
    assert len(FILES) > 200
    found = [path.relative_to(PROJECT).as_posix() for path in FILES if re.search(pattern, code_of(path), re.IGNORECASE)]
    assert found == [], ONE_ENGINE_ONLY[pattern]


def test_a_choice_has_its_default_in_the_project_file_alone():
    """A second argument of `var` is a second default, which nobody finds who changes the first."""
    found = [
        path.relative_to(PROJECT).as_posix()
        for path in FILES
        if re.search(r"""\bvar\(\s*['"]\w+['"]\s*,""", path.read_text(encoding="utf-8"))
    ]
    assert found == []
