"""HubSpot's associations: seen from both sides, whichever side stores them, in the shapes of v3 and v4."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from sandbox.backend import Backend, Object, id_key
from sandbox.servers import hubspot_schema as schema

ASSOCIATIONS_LIMIT = 500


class Link(NamedTuple):
    """One association of an object: where it leads, and as what."""

    to_id: str
    category: str
    type_id: int
    label: str | None


def winners(backend: Backend, stream: str) -> dict[str, str]:
    """Return the ids that were merged away, with the id of the object that won."""

    def build() -> dict[str, str]:
        rows = backend.collection("hubspot", stream)
        return {
            loser: winner
            for winner, row in zip(rows.ids, rows.rows, strict=True)
            for loser in ((row.get("properties") or {}).get("hs_merged_object_ids") or "").split(";")
            if loser
        }

    return backend.derived(("hubspot merged", stream), build)


def _resolver(backend: Backend, stream: str) -> Callable[[str], str | None]:
    """Return what an association's id leads to: itself, the winner of a merge, or nothing once it is gone."""
    live, merged = backend.collection("hubspot", stream), winners(backend, stream)

    def resolve(object_id: str) -> str | None:
        # A scenario may tell of associations to objects that it does not list.
        return object_id if object_id in live.position or not live.ids else merged.get(object_id)

    return resolve


def _stored(backend: Backend, near: str, far: str) -> Iterator[tuple[str, Link]]:
    """Yield the associations that objects of one type keep to another."""
    resolve = _resolver(backend, far)
    plain, primary = schema.plain_type_id(near, far), schema.default_type_id(near, far)
    for row in backend.collection("hubspot", near).rows:
        for entry in ((row.get("associations") or {}).get(far) or {}).get("results", ()):
            to_id = resolve(str(entry["id"]))
            if to_id is None:
                continue
            type_id = int(entry.get("typeId") or primary)
            category = entry.get("category") or "HUBSPOT_DEFINED"
            yield row["id"], Link(to_id, category, type_id, entry.get("label") or schema.label_of(type_id))
            if plain is not None and type_id == primary != plain:
                # A primary association is always an ordinary one too.
                yield row["id"], Link(to_id, category, plain, None)


def links_between(backend: Backend, left: str, right: str) -> dict[str, list[Link]]:
    """Return the associations from one type to another by id, whichever side stores them."""

    def build() -> dict[str, list[Link]]:
        found: dict[str, dict[tuple[str, int], Link]] = {}
        for from_id, link in _stored(backend, left, right):
            found.setdefault(from_id, {}).setdefault((link.to_id, link.type_id), link)
        for from_id, link in _stored(backend, right, left):
            type_id = schema.inverse_type_id(link.type_id)
            back = Link(from_id, link.category, type_id, schema.label_of(type_id))
            found.setdefault(link.to_id, {}).setdefault((from_id, type_id), back)
        return {
            from_id: sorted(links.values(), key=lambda link: (id_key(link.to_id), link.label is None, link.type_id))
            for from_id, links in found.items()
        }

    return backend.derived(("hubspot links", left, right), build)


def v3_link(left: str, right: str, link: Link) -> Object:
    """Return an association in the v3 shape."""
    return {"id": link.to_id, "type": schema.type_name(left, right, link.type_id)}


def grouped(from_id: str, links: list[Link], after: Any, limit: int = ASSOCIATIONS_LIMIT) -> tuple[list[Object], str]:
    """Return a page of links by target in the v4 shape, and the cursor of the next page ("" on the last)."""
    # HubSpot answers some requests with numbers and some with strings; so does the sandbox, by the id asked for.
    as_text = not from_id.isdigit() or int(from_id) % 3 == 0
    targets: dict[str, list[Object]] = {}
    for link in links:
        kind = {"category": link.category, "typeId": link.type_id, "label": link.label}
        targets.setdefault(link.to_id, []).append(kind)
    ids = list(targets)
    start = ids.index(str(after)) if after is not None and str(after) in targets else 0
    page = [
        {"toObjectId": to_id if as_text or not to_id.isdigit() else int(to_id), "associationTypes": targets[to_id]}
        for to_id in ids[start : start + limit]
    ]
    return page, ids[start + limit] if start + limit < len(ids) else ""


def no_association(left: str, right: str, object_id: str) -> Object:
    """Return the error of an object that has no associations."""
    near, far = schema.SINGULAR.get(left, left), schema.SINGULAR.get(right, right)
    return {
        "status": "error",
        "category": "OBJECT_NOT_FOUND",
        "subCategory": "crm.associations.NO_ASSOCIATIONS_FOUND",
        "message": f"No {far} is associated with {near} {object_id}.",
        "context": {"fromObjectId": [object_id], "fromObjectType": [near], "toObjectType": [far]},
    }
