"""Imports go one way, and one module reads the environment: read from the source itself."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
PACKAGES = ("ingestion", "insights", "quality", "reports", "warehouse", "dagster_project", "sandbox")
MAY_IMPORT = {
    "warehouse": set(),
    "insights": {"warehouse"},
    "ingestion": {"warehouse"},
    "quality": {"warehouse"},
    "reports": {"warehouse"},
    "dagster_project": set(PACKAGES) - {"sandbox", "dagster_project"},
    "sandbox": set(),
}
FILES = sorted(path for package in PACKAGES for path in (REPOSITORY / package).rglob("*.py"))


def imported(tree: ast.AST) -> Iterator[str]:
    """Every module that a file imports, at whatever depth; `import_module("x.y")` and `-m` arguments are no imports."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or "")


def named(path: Path) -> str:
    return str(path.relative_to(REPOSITORY))


@pytest.mark.parametrize("path", FILES, ids=named)
def test_a_file_imports_only_what_its_package_may(path: Path):
    package = path.relative_to(REPOSITORY).parts[0]
    modules = list(imported(ast.parse(path.read_text())))
    assert [module for module in modules if module.startswith(".")] == [], "imports are absolute"
    others = {module.split(".")[0] for module in modules} & set(PACKAGES) - {package}
    assert others <= MAY_IMPORT[package]


@pytest.mark.parametrize("path", FILES, ids=named)
def test_only_the_settings_read_the_environment(path: Path):
    if named(path) == "warehouse/settings.py":
        return
    tree = ast.parse(path.read_text())
    reads = [
        node.lineno
        for node in ast.walk(tree)
        if (isinstance(node, ast.Attribute) and node.attr in ("environ", "environb", "getenv"))
        or (
            isinstance(node, ast.ImportFrom)
            and node.module == "os"
            and {"environ", "getenv"} & {n.name for n in node.names}
        )
    ]
    assert reads == []


def test_the_sandbox_stands_alone_and_nobody_but_tests_imports_it():
    for path in FILES:
        modules = {module.split(".")[0] for module in imported(ast.parse(path.read_text()))}
        if path.is_relative_to(REPOSITORY / "sandbox"):
            assert not modules & (set(PACKAGES) - {"sandbox"}), path
        else:
            assert "sandbox" not in modules, path


@pytest.mark.parametrize("module", ["dlt", "dbt", "great_expectations", "pandas", "dagster"])
@pytest.mark.parametrize("package", ["warehouse", "ingestion", "quality"])
def test_nothing_heavy_is_imported_with_a_module(package: str, module: str):
    for path in (REPOSITORY / package).rglob("*.py"):
        top = [node for node in ast.parse(path.read_text()).body if isinstance(node, ast.Import | ast.ImportFrom)]
        found = {name.split(".")[0] for node in top for name in imported(node)}
        assert module not in found, path
