"""The star schema's pages from the project itself: tables of dimensions and facts, the bus matrix, and the picture.

    python -m tests.docs.star          # writes docs/star-schema.md and docs/images/star-schema.svg anew

A fact leads to a dimension by a tested foreign key, or a relationship test, on one of its columns; what the docs show
is what is tested.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dbt.contracts.graph.manifest import Manifest

REPOSITORY = Path(__file__).resolve().parents[2]
PAGE = REPOSITORY / "docs" / "star-schema.md"
PICTURE = REPOSITORY / "docs" / "images" / "star-schema.svg"
KINDS = ("transaction", "interval", "periodic snapshot", "accumulating snapshot")
DIMENSIONS = (
    *("dim_dates", "dim_accounts", "dim_account_history", "dim_people", "dim_owners"),
    *("dim_channels", "dim_campaigns", "dim_plans", "dim_stages"),
)
# facts in the order in which a customer comes: met, sold to, paying, and what it costs
FACTS = (
    *("fct_journey_events", "fct_stage_periods", "fct_journeys", "fct_leads", "fct_handoffs"),
    *("fct_deals", "fct_deal_stage_periods", "fct_deal_snapshots"),
    *("fct_subscription_periods", "fct_mrr_movements", "fct_account_months"),
    *("fct_invoice_lines", "fct_revenue", "fct_cash", "fct_tickets", "fct_spend", "fct_costs", "fct_targets"),
)
GRAIN = re.compile(r"--\s*grain: *(.+)")


@dataclass(frozen=True)
class Table:
    """A fact or dimension: what a row is, its columns and types, and where its keys lead (column -> model)."""

    name: str
    kind: str | None
    grain: str | None
    description: str
    columns: Mapping[str, str]
    undescribed: tuple[str, ...]
    references: Mapping[str, str]
    unique: tuple[tuple[str, ...], ...]
    is_contract_enforced: bool

    @property
    def is_fact(self) -> bool:
        return self.name.startswith("fct_")

    @property
    def title(self) -> str:
        """The name without what it shares with its kind: `fct_journey_events` is `journey events`."""
        return self.name.split("_", 1)[1].replace("_", " ").replace("mrr", "MRR")

    def leads_to(self, dimension: str) -> bool:
        return dimension in self.references.values()

    def dates_itself(self) -> bool:
        """Whether it holds an instant or a day that no test ties to the calendar."""
        return any(kind in ("timestamp", "date") for kind in self.columns.values())


def tables(manifest: Manifest) -> list[Table]:
    """Every fact and dimension of the project, by name."""
    references: dict[str, dict[str, str]] = {}
    unique: dict[str, list[tuple[str, ...]]] = {}
    models = {}
    for node in manifest.nodes.values():
        if node.resource_type == "model" and node.name.startswith(("fct_", "dim_")):
            models[node.unique_id] = node
        elif node.resource_type == "test" and getattr(node, "test_metadata", None):
            test, about = node.test_metadata, node.attached_node
            leads = references.setdefault(about, {})
            if test.name == "relationships":
                leads[node.column_name] = _model(test.kwargs["to"])
            elif test.name == "entity_integrity":
                unique[about] = [tuple(key) for key in test.kwargs.get("unique", [])]
                parents = test.kwargs.get("foreign_keys", {})
                leads.update({column: _model(parent["to"]) for column, parent in parents.items()})
    return sorted(
        (_table(node, references.get(key, {}), unique.get(key, [])) for key, node in models.items()),
        key=lambda table: table.name,
    )


def _model(reference: str) -> str:
    found = re.fullmatch(r"ref\('(\w+)'\)", reference)
    assert found, reference
    return found[1]


def _table(node, references: Mapping[str, str], unique: Iterable[tuple[str, ...]]) -> Table:
    first_line = GRAIN.match(node.raw_code.splitlines()[0])
    columns = node.columns.values()
    return Table(
        name=node.name,
        kind=node.config.meta.get("kind"),
        grain=first_line[1].strip() if first_line else None,
        description=node.description,
        columns={column.name: (column.data_type or "").lower() for column in columns},
        undescribed=tuple(column.name for column in columns if not column.description),
        references=dict(sorted(references.items())),
        unique=tuple(sorted(unique)),
        is_contract_enforced=node.config.contract.enforced,
    )


def dimensions(found: Iterable[Table]) -> list[Table]:
    """The dimensions in the order in which the page shows them; one that the order does not know comes last."""
    return _in_order((table for table in found if not table.is_fact), DIMENSIONS)


def facts(found: Iterable[Table]) -> list[Table]:
    """The facts, in the same way."""
    return _in_order((table for table in found if table.is_fact), FACTS)


def _in_order(found: Iterable[Table], names: tuple[str, ...]) -> list[Table]:
    known = {name: place for place, name in enumerate(names)}
    return sorted(found, key=lambda table: (known.get(table.name, len(known)), table.name))


def mark(fact: Table, dimension: str) -> str:
    """How a fact meets a dimension: by a key that is tested, by the day or the time of the row, or not at all."""
    if fact.leads_to(dimension):
        return "●"
    if dimension == "dim_dates" and fact.dates_itself():
        return "○"
    if dimension == "dim_account_history" and fact.leads_to("dim_accounts") and fact.dates_itself():
        return "○"
    return ""


def sections(found: list[Table]) -> dict[str, str]:
    """The generated parts of the page, by name."""
    across = dimensions(found)
    matrix = [
        "| fact | " + " | ".join(table.title for table in across) + " |",
        "|---|" + "|".join(":-:" for _ in across) + "|",
        *(
            f"| {fact.title} | " + " | ".join(mark(fact, table.name) for table in across) + " |"
            for fact in facts(found)
        ),
    ]
    return {
        "dimensions": "\n".join(
            ["| dimension | a row is |", "|---|---|", *(f"| `{table.name}` | {table.grain} |" for table in across)]
        ),
        "facts": "\n".join(
            [
                "| fact | a row is | kind |",
                "|---|---|---|",
                *(f"| `{table.name}` | {table.grain} | {table.kind} |" for table in facts(found)),
            ]
        ),
        "bus matrix": "\n".join(matrix),
    }


def page_with(page: str, parts: Mapping[str, str]) -> str:
    """A page with its generated parts put in their places. Raises KeyError for a part without a place."""
    for name, text in parts.items():
        place = re.compile(rf"(<!-- {name}: made by `make docs` -->\n).*?(<!-- end -->)", re.DOTALL)
        if not place.search(page):
            raise KeyError(name)
        page = place.sub(lambda match, text=text: f"{match[1]}\n{text}\n\n{match[2]}", page)
    return page


def main() -> None:
    """Write the generated parts of the page, and the picture."""
    from tests.dbt.conftest import _parsed_project
    from tests.docs.star_picture import picture

    found = tables(_parsed_project())
    PAGE.write_text(page_with(PAGE.read_text(encoding="utf-8"), sections(found)), encoding="utf-8")
    PICTURE.write_text(picture(found), encoding="utf-8")
    sys.stdout.write(f"{PAGE.relative_to(REPOSITORY)} and {PICTURE.relative_to(REPOSITORY)}\n")


if __name__ == "__main__":
    main()
