"""Links and headings of the documentation."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
ANCHOR = re.compile(r"<a (?:id|name)=\"([^\"]+)\"")
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
# a test that a page names, such as `tests/dbt/test_revenue.py::test_something`
TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)(?:::(\w+))?`")


def pages() -> list[Path]:
    """Every page of the documentation, the README and the guides at the root among them."""
    return sorted([*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").rglob("*.md")])


def anchors(page: str) -> set[str]:
    """What a link may point at within a page: its headings, named as GitHub does, and explicit anchors."""
    text = FENCE.sub("", page)
    named = {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in HEADING.findall(text)}
    return named | set(ANCHOR.findall(text))


def dead_links(page: Path) -> Iterator[str]:
    """Relative links of a page that lead nowhere."""
    for match in LINK.finditer(FENCE.sub("", page.read_text())):
        target = match[1] or match[2]
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = page.parent / path if path else page
        if not file.exists() or (anchor and file.suffix == ".md" and anchor not in anchors(file.read_text())):
            yield target


def missing_tests(page: Path) -> Iterator[str]:
    """Tests that a page names and that do not exist."""
    for path, *names in TEST.findall(page.read_text()):
        file = REPOSITORY / path
        source = file.read_text() if file.exists() else ""
        if not all(re.search(rf"\b(?:def|class) {name}\b", source) for name in names if name):
            yield "::".join([path, *filter(None, names)])
