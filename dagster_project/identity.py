"""Doubtful pairs of people with a probability, as an asset: the optional tier of the review queue."""

from collections.abc import Iterator

import dagster as dg

from dagster_project.insights import schema_of
from dagster_project.resources import Warehouse
from warehouse import frames, meta
from warehouse.progress import say
from warehouse.settings import Settings

TABLE = "insights.identity_proposals"
COLUMNS = {
    "node_id": "varchar",
    "neighbour_id": "varchar",
    "entity_id": "varchar",
    "neighbour_entity_id": "varchar",
    "probability": "double",
}
RECORDS = """
    select nodes.node_id, clusters.person_id as entity_id, people.account_id, nodes.name, nodes.email, nodes.country
    from identity.identity_nodes as nodes
    inner join identity.person_clusters as clusters on nodes.node_id = clusters.node_id
    inner join journey.person_sources as people
        on nodes.source_system = people.source_system and nodes.source_type = people.source_type
        and nodes.source_id = people.source_id
    where not nodes.is_deleted and not nodes.is_role_mailbox and nodes.source_type <> 'customer'
    order by nodes.node_id
"""


def why_off(settings: Settings) -> str | None:
    """Why no pairs are proposed, or None when they are."""
    from insights.identity_match import is_installed

    if not settings.identity_proposals:
        return "THROUGHLINE_IDENTITY_PROPOSALS is not set"
    if settings.target != "duckdb":
        return "they need DuckDB as the engine"
    return None if is_installed() else "Splink is not installed (make setup-splink)"


@dg.asset(
    key=["insights", "identity_proposals"],
    deps=[["journey", "person_sources"], ["journey", "identity_review"]],
    group_name="insights",
    kinds={"python", "duckdb"},
    metadata={"dagster/table_name": TABLE, "dagster/column_schema": schema_of(COLUMNS)},
    pool="warehouse",
)
def identity_proposals(warehouse: Warehouse) -> Iterator[dg.MaterializeResult]:
    """Pairs of people that may be one, with a probability; empty while the tier is off."""
    from insights.identity_match import nothing, propose_people

    off = why_off(warehouse.settings)
    found = nothing() if off else propose_people(frames.read(warehouse.settings, RECORDS))
    rows = frames.write(warehouse.settings, TABLE, found, COLUMNS)
    meta.record_builds(warehouse.settings, warehouse.run.run_id, [TABLE])
    say(f"identity proposals: off, {off}" if off else f"identity proposals: {rows} pairs to look at")
    yield dg.MaterializeResult(metadata={"dagster/row_count": rows})
