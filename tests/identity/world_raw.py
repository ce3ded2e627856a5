"""A sandbox world's identity streams in the raw ledger, through the connectors' own columns, without HTTP in between.

`WorldRaw(world).load(connection)` stores what is new or gone since the last call, as a run at the world's present
would: thousands of accounts in seconds.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import duckdb
import pyarrow as pa

from ingestion.encharge.schema import PEOPLE
from ingestion.hubspot.flatten import links
from ingestion.hubspot.schema import ASSOCIATIONS, COMPANIES, CONTACTS
from ingestion.hubspot.source import bare
from ingestion.stripe.schema import STREAMS as STRIPE_STREAMS
from ingestion.versions import Stream, deletion, to_versions
from sandbox.associations import ASSOCIATION_LABELS
from sandbox.world import World

CUSTOMERS = next(stream for stream in STRIPE_STREAMS if stream.name == "customers")


class WorldRaw:
    """Writes one world's contacts, companies, their links, Encharge people and customers into raw tables."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._stored: dict[tuple[str, str], dict[str, str]] = {}
        self._seen: dict[tuple[str, str], set[bytes]] = {}
        self._loads = 0

    def load(self, connection: duckdb.DuckDBPyConnection) -> int:
        """Store new versions and deletions as of the world's present; returns how many rows that were."""
        self._loads += 1
        world, rows = self._world, 0
        links_now: list[dict[str, Any]] = []
        for stream in (CONTACTS, COMPANIES):
            live = list(world.objects("hubspot", stream.name).values())
            if stream is CONTACTS:
                links_now = [row for contact in live for row in _links(contact)]
            everything = (*live, *world.archived(stream.name).values())
            rows += self._store(connection, "hubspot", stream, [bare(item) for item in everything])
        rows += self._store(connection, "hubspot", ASSOCIATIONS, links_now)
        rows += self._store(connection, "encharge", PEOPLE, world.objects("encharge", "people").values())
        rows += self._store(connection, "stripe", CUSTOMERS, world.objects("stripe", "customers").values())
        return rows

    def _store(
        self, connection: duckdb.DuckDBPyConnection, source: str, stream: Stream, objects: Iterable[dict[str, Any]]
    ) -> int:
        now: datetime = self._world.now
        stored = self._stored.setdefault((source, stream.name), {})
        seen = self._seen.setdefault((source, stream.name), set())
        table, quarantined = to_versions(stream, objects, now, current=stored, seen=seen)
        assert quarantined.num_rows == 0, quarantined.to_pylist()[:3]
        listed = _ids(stream, objects)
        gone = sorted(set(stored) - listed)
        last = None
        if gone:
            connection.register("gone", pa.table({"id": gone}))
            last = connection.execute(
                f'select * exclude (_dlt_load_id) from raw_{source}."{stream.name}" '
                "where id in (select id from gone) qualify row_number() over "
                "(partition by id order by modified_at desc, extracted_at desc) = 1"
            ).to_arrow_table()
        removed = deletion(stream, gone, now, last, seen=seen)
        for part in (table, removed):
            if part.num_rows:
                connection.register("part", part)
                connection.execute(
                    f'insert into raw_{source}."{stream.name}" by name '
                    f"select *, '{self._loads}' as _dlt_load_id from part"
                )
        for key, content in zip(table["id"].to_pylist(), table["content_hash"].to_pylist(), strict=True):
            stored[key] = content
        for key in gone:
            del stored[key]
        return table.num_rows + removed.num_rows


def _ids(stream: Stream, objects: Iterable[dict[str, Any]]) -> set[str]:
    path = stream.id_path
    return {str(path(item) if callable(path) else item["id"]) for item in objects}


def _links(contact: dict[str, Any]) -> list[dict[str, Any]]:
    """A contact's associations as HubSpot's associations endpoint gives them."""
    entries = [
        {
            "toObjectId": row["id"],
            "associationTypes": [
                {"category": row["category"], "typeId": row["typeId"], "label": ASSOCIATION_LABELS.get(row["typeId"])}
            ],
        }
        for row in contact["associations"].get("companies", {}).get("results", [])
    ]
    return links("contacts", contact["id"], "companies", entries)
