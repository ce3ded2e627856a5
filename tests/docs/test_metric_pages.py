"""The pages say what is: links lead somewhere, worked examples compute, every metric has its page."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path

import pytest
import yaml

from tests.docs.examples import BadExample, blocks, run, shown_as
from tests.docs.markdown import REPOSITORY, anchors, dead_links, missing_tests, pages

METRICS = REPOSITORY / "docs" / "metrics"
INDEX = METRICS / "README.md"
# pages about the metrics as a whole have nothing to compute
PAGES = sorted(
    page for page in METRICS.glob("*.md") if page.name not in ("README.md", "policy.md", "semantic-layer.md")
)
MARTS = REPOSITORY / "dbt" / "models" / "metrics"
NO_METRICS = {"month", "is_complete", "currency", "policy_version"}


def documented() -> set[str]:
    """Every name in code quotes on the pages of the metrics."""
    return {name for page in METRICS.glob("*.md") for name in re.findall(r"`(?:\w+\.)*(\w+)`", page.read_text())}


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_links_and_named_tests_exist(page: Path):
    assert list(dead_links(page)) == []
    assert list(missing_tests(page)) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_worked_examples_compute(page: Path):
    steps = [step for block in blocks(page.read_text()) for step in run(block)]
    assert any(step.expected for step in steps), "a metric's page has an ```example block with a result"
    assert [f"{step.line} is {step.found}" for step in steps if step.found != step.expected] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_says_what_a_metric_is(page: Path):
    text = page.read_text()
    assert [
        part for part in ("What it tells", "Definition", "Policy", "Worked example") if f"**{part}" not in text
    ] == []
    assert f"]({page.name}" in INDEX.read_text(), "the index of the metrics links the page"


def test_every_column_of_the_unit_economics_is_documented():
    (model,) = yaml.safe_load((MARTS / "unit_economics" / "unit_economics_monthly.yml").read_text())["models"]
    columns = {column["name"] for column in model["columns"]} - NO_METRICS
    assert {name for name in columns if not name.endswith("_reason")} - documented() == set()


def test_every_metric_of_the_semantic_layer_is_documented():
    files = (REPOSITORY / "dbt" / "semantic").glob("*.yml")
    metrics = [metric for file in files for metric in yaml.safe_load(file.read_text()).get("metrics", [])]
    assert metrics and {metric["name"] for metric in metrics} - documented() == set()
    assert [metric["name"] for metric in metrics if not metric.get("description")] == []


class TestExamples:
    """The little language of the examples itself."""

    @pytest.mark.parametrize(
        ("line", "found"),
        [
            ("100 * 100 + 50 * 600 / 12 -> 12,500.00", "12,500.00"),
            ("50 * 52 / 12 / 2 -> 108.33", "108.33"),
            ("10 / 100 -> 10 %", "10 %"),
            ("80 % * 50 -> 40", "40"),
            ("1 / 0 -> NULL", "NULL"),
            ("(1 - 2.5) -> -2", "-2"),
            ("min(3, 1, 2) -> 1", "1"),
            ("median([1, 2, 3, 10]) -> 2", "2"),
            ("percentile(90 %, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]) -> 9", "9"),
            ('days("2025-01-01", "2025-03-01") -> 59', "59"),
            ("1.1 ** (1 / 12) -> 1.00797", "1.00797"),
            ("1 - 1 -> 0.00", "0.00"),
        ],
    )
    def test_a_line_computes(self, line: str, found: str):
        assert [step.found for step in run(line)] == [found]

    def test_a_wrong_figure_is_found(self):
        (step,) = run("120 * 90 % / 12 -> 10.00")
        assert (step.found, step.expected) == ("9.00", "10.00")

    def test_names_carry_over_and_remarks_do_not_count(self):
        assert [step.found for step in run("arpa = 100  # an input\n\nclv = arpa / 4 % -> 2,500")] == [None, "2,500"]

    @pytest.mark.parametrize("line", ["open('x') -> 1", "unknown + 1 -> 1", "1 +", "(1).real -> 1"])
    def test_what_is_no_calculation_is_refused(self, line: str):
        with pytest.raises(BadExample):
            list(run(line))

    def test_half_goes_up_and_away_from_zero(self):
        assert (shown_as(Fraction(1, 8), "0.00"), shown_as(Fraction(-1, 8), "0.00")) == ("0.13", "-0.13")

    def test_anchors_are_those_of_headings(self):
        assert anchors("# MRR movements & roll-forward\n```\n# no heading\n```\n") == {"mrr-movements--roll-forward"}
