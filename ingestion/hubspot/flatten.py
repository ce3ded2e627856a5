"""HubSpot's nested answers as flat rows: history entries, associations, pipeline stages, merged ids. Pure functions."""

from typing import Any

Json = dict[str, Any]


def history_entries(object_type: str, item: Json, properties: tuple[str, ...]) -> list[Json]:
    """The history of an object's properties, one row per change, in order of the answer (newest first).

    Two changes of one property in the same millisecond share a key: the first listed, the newest, is the one kept.
    """
    histories = item.get("propertiesWithHistory") or {}
    rows: list[Json] = []
    for name in properties:
        seen: set[str] = set()
        for entry in histories.get(name) or []:
            if (moment := str(entry.get("timestamp"))) not in seen:
                seen.add(moment)
                rows.append({**entry, "object_type": object_type, "object_id": str(item["id"]), "property": name})
    return rows


def links(from_type: str, from_id: str, to_type: str, entries: list[Json]) -> list[Json]:
    """An object's associations to one type, one row per target and association type. Ids become text."""
    return [
        {
            "from_type": from_type,
            "from_id": str(from_id),
            "to_type": to_type,
            "to_id": str(entry["toObjectId"]),
            "category": kind.get("category"),
            "type_id": kind.get("typeId"),
            "label": kind.get("label"),
        }
        for entry in entries
        for kind in entry.get("associationTypes") or []
    ]


def link_id(row: Json) -> str:
    """The key of an association row."""
    return ":".join(str(row[part]) for part in ("from_type", "from_id", "to_type", "to_id", "type_id"))


def merged_ids(item: Json) -> list[str]:
    """Ids of the objects that were merged into this one, directly or through others, its own id left out."""
    text = (item.get("properties") or {}).get("hs_merged_object_ids") or ""
    ids = (part.strip() for part in str(text).split(";"))
    return [id_ for id_ in dict.fromkeys(ids) if id_ and id_ != str(item["id"])]


def pipeline_rows(object_type: str, pipelines: list[Json]) -> list[Json]:
    """Pipelines without their stages, each with its object type. Archived ones are left out: they count as removed."""
    return [
        {**{key: value for key, value in pipeline.items() if key != "stages"}, "object_type": object_type}
        for pipeline in pipelines
        if not pipeline.get("archived")
    ]


def stage_rows(object_type: str, pipelines: list[Json]) -> list[Json]:
    """The stages of all pipelines, each with its object type and pipeline; archived ones are left out."""
    return [
        {**stage, "object_type": object_type, "pipeline_id": str(pipeline["id"])}
        for pipeline in pipelines
        if not pipeline.get("archived")
        for stage in pipeline.get("stages") or []
        if not stage.get("archived")
    ]
