"""A small HubSpot in memory, strict where the real one is: page sizes, 10,000 results a search, batch sizes, 207."""

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from ingestion.http import HttpClient, RetryBudget

Json = dict[str, Any]
KEY = "pat-test-key"
START = datetime(2026, 1, 1, tzinfo=UTC)


def at(minutes: float = 0, milliseconds: int = 0) -> datetime:
    """An instant of the fake company's life."""
    return START + timedelta(minutes=minutes, milliseconds=milliseconds)


def iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def epoch(moment: datetime) -> int:
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


@dataclass
class FakeHubSpot:
    """Objects by type and id; `search_cap` is the number of results that one query may reach."""

    search_cap: int = 10_000
    search_max: int = 200
    number_ids: bool = False
    objects: dict[str, dict[str, Json]] = field(default_factory=dict)
    history: dict[tuple[str, str, str], list[Json]] = field(default_factory=dict)
    links: dict[tuple[str, str], dict[str, dict[str, list[Json]]]] = field(default_factory=dict)
    owners: list[Json] = field(default_factory=list)
    pipelines: dict[str, list[Json]] = field(default_factory=dict)
    custom: dict[str, list[str]] = field(default_factory=dict)
    requests: list[tuple[str, str]] = field(default_factory=list)
    before: Callable[["FakeHubSpot", httpx.Request], httpx.Response | None] | None = None
    links_page: int = 500

    # --- writing ----------------------------------------------------------------------------------------------------

    def put(self, object_type: str, id_: str, modified: datetime, **properties: str | None) -> Json:
        """Create or change an object; values that differ are remembered in its history."""
        stored = self.objects.setdefault(object_type, {})
        name = "lastmodifieddate" if object_type == "contacts" else "hs_lastmodifieddate"
        item = stored.setdefault(
            id_,
            {
                "id": id_,
                "properties": {"hs_object_id": id_, "createdate": iso(modified)},
                "createdAt": iso(modified),
                "archived": False,
            },
        )
        for key, value in properties.items():
            if item["properties"].get(key) != value:
                entry = {"value": value, "timestamp": iso(modified), "sourceType": "CRM_UI", "updatedByUserId": 7}
                self.history.setdefault((object_type, id_, key), []).insert(0, entry)
        item["properties"] |= {**properties, name: iso(modified)}
        item["updatedAt"] = iso(modified)
        return item

    def archive(self, object_type: str, id_: str, moment: datetime) -> None:
        self.objects[object_type][id_] |= {"archived": True, "archivedAt": iso(moment)}

    def merge(self, winner: str, loser: str, moment: datetime) -> None:
        contacts = self.objects["contacts"]
        gone = contacts.pop(loser)
        held = contacts[winner]["properties"].get("hs_merged_object_ids")
        chain = gone["properties"].get("hs_merged_object_ids")
        merged = ";".join(part for part in (held, chain, loser) if part)
        self.put("contacts", winner, moment, hs_merged_object_ids=merged)

    def link(self, from_type: str, from_id: str, to_type: str, to_id: str, type_id: int = 1, label: str | None = None):
        entries = self.links.setdefault((from_type, to_type), {}).setdefault(from_id, {})
        entries.setdefault(to_id, []).append({"category": "HUBSPOT_DEFINED", "typeId": type_id, "label": label})

    def unlink(self, from_type: str, from_id: str, to_type: str, to_id: str) -> None:
        del self.links[from_type, to_type][from_id][to_id]

    # --- serving ----------------------------------------------------------------------------------------------------

    def client(self, **kwargs: Any) -> HttpClient:
        """A client of this account that never sleeps."""
        return HttpClient(
            "hubspot",
            "https://hubspot.test",
            {"Authorization": f"Bearer {KEY}"},
            [KEY],
            kwargs.pop("budget", RetryBudget(attempts=4)),
            transport=httpx.MockTransport(self.handle),
            sleep=lambda _: None,
        )

    def handle(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        self.requests.append((request.method, path))
        if len(str(request.url)) > 8000:
            return httpx.Response(414, text="URI Too Long")
        if self.before is not None and (answer := self.before(self, request)) is not None:
            return answer
        body = json.loads(request.content) if request.content else {}
        match path.strip("/").split("/"):
            case ["crm", "v3", "owners"]:
                return self._page([o for o in self.owners if o["archived"] == _archived(request)], request, "id")
            case ["crm", "v3", "pipelines", kind]:
                return _json({"results": self.pipelines.get(kind, [])})
            case ["crm", "v3", "properties", kind]:
                return _json({"results": [_definition(name) for name in self._names(kind)]})
            case ["crm", "v3", "objects", kind, "search"]:
                return self._search(kind, body)
            case ["crm", "v3", "objects", kind, "batch", "read"]:
                return self._read(kind, body, _archived(request))
            case ["crm", "v4", "associations", left, right, "batch", "read"]:
                return self._links(left, right, body)
            case ["crm", "v3", "objects", kind]:
                return self._list(kind, request)
        return httpx.Response(404, text="<html>not found</html>", headers={"content-type": "text/html"})

    def _names(self, kind: str) -> list[str]:
        names = {name for item in self.objects.get(kind, {}).values() for name in item["properties"]}
        return sorted(names | set(self.custom.get(kind, ())))

    def _shown(self, kind: str, item: Json, properties: list[str], history: list[str]) -> Json:
        default = {"hs_object_id", "createdate", "lastmodifieddate", "hs_lastmodifieddate"}
        names = default & item["properties"].keys() | set(properties)
        shown = {**item, "properties": {name: item["properties"].get(name) for name in names}}
        if history:
            shown["propertiesWithHistory"] = {n: self.history.get((kind, item["id"], n), []) for n in history}
        return shown

    def _list(self, kind: str, request: httpx.Request) -> httpx.Response:
        params = request.url.params
        history = [n for n in params.get("propertiesWithHistory", "").split(",") if n]
        if int(params.get("limit", 10)) > (50 if history else 100):
            return _error(400, "limit too large")
        items = [i for i in self.objects.get(kind, {}).values() if i["archived"] == _archived(request)]
        names = [n for n in params.get("properties", "").split(",") if n]
        return self._page([self._shown(kind, i, names, history) for i in items], request, "id")

    def _page(self, items: list[Json], request: httpx.Request, key: str) -> httpx.Response:
        params = request.url.params
        items = sorted(items, key=lambda i: int(i[key]))
        rest = [i for i in items if int(i[key]) > int(params.get("after", 0))]
        limit = int(params.get("limit", 10))
        answer: Json = {"results": rest[:limit]}
        if len(rest) > limit:
            after = rest[limit - 1][key]
            answer["paging"] = {"next": {"after": after, "link": "https://evil.test/steal?after=" + after}}
        return _json(answer)

    def _search(self, kind: str, body: Json) -> httpx.Response:
        if body["limit"] > self.search_max:
            return _error(400, "limit too large")
        found = [
            item
            for item in self.objects.get(kind, {}).values()
            if not item["archived"] and any(all(_holds(item, f) for f in g["filters"]) for g in body["filterGroups"])
        ]
        random.Random(len(self.requests)).shuffle(found)
        name = body["sorts"][0]["propertyName"]
        found.sort(key=lambda item: _sortable(item["properties"][name]))
        start = int(body.get("after", 0))
        if start + body["limit"] > self.search_cap:
            return _error(400, "the search cannot reach beyond its limit")
        page = found[start : start + body["limit"]]
        answer: Json = {"total": len(found), "results": [self._shown(kind, i, body["properties"], []) for i in page]}
        if len(found) > start + len(page):
            answer["paging"] = {"next": {"after": str(start + len(page)), "link": "https://evil.test/"}}
        return _json(answer)

    def _read(self, kind: str, body: Json, archived: bool) -> httpx.Response:
        history = body.get("propertiesWithHistory", [])
        if len(body["inputs"]) > (50 if history else 100):
            return _error(400, "too many inputs")
        stored = self.objects.get(kind, {})
        found = [stored[i["id"]] for i in body["inputs"] if i["id"] in stored]
        results = [self._shown(kind, i, body["properties"], history) for i in found if i["archived"] == archived]
        missing = [i["id"] for i in body["inputs"] if i["id"] not in {r["id"] for r in results}]
        if not missing:
            return _json({"status": "COMPLETE", "results": results})
        error = {"status": "error", "category": "OBJECT_NOT_FOUND", "message": "gone", "context": {"ids": missing}}
        return _json({"status": "COMPLETE", "results": results, "numErrors": 1, "errors": [error]}, 207)

    def _links(self, left: str, right: str, body: Json) -> httpx.Response:
        if len(body["inputs"]) > 100:
            return _error(400, "too many inputs")
        results, errors = [], []
        for given in body["inputs"]:
            entries = list(self.links.get((left, right), {}).get(given["id"], {}).items())
            start = int(given.get("after", 0))
            page = entries[start : start + self.links_page]
            if not entries:
                errors.append(
                    {
                        "status": "error",
                        "category": "OBJECT_NOT_FOUND",
                        "subCategory": "crm.associations.NO_ASSOCIATIONS_FOUND",
                        "context": {"fromObjectId": [given["id"]]},
                    }
                )
                continue
            result: Json = {
                "from": {"id": given["id"]},
                "to": [
                    {"toObjectId": int(to) if self.number_ids else to, "associationTypes": kinds} for to, kinds in page
                ],
            }
            if start + len(page) < len(entries):
                result["paging"] = {"next": {"after": str(start + len(page)), "link": "https://evil.test/"}}
            results.append(result)
        answer: Json = {"status": "COMPLETE", "results": results}
        if errors:
            answer |= {"numErrors": len(errors), "errors": errors}
        return _json(answer, 207 if errors else 200)


def _archived(request: httpx.Request) -> bool:
    return request.url.params.get("archived") == "true"


def _sortable(value: str) -> int:
    return int(value) if value.isdigit() else epoch(datetime.fromisoformat(value))


def _holds(item: Json, condition: Json) -> bool:
    value, wanted = _sortable(item["properties"][condition["propertyName"]]), int(condition["value"])
    return {"GTE": value >= wanted, "GT": value > wanted, "EQ": value == wanted}[condition["operator"]]


def _definition(name: str) -> Json:
    return {"name": name, "label": name, "type": "string", "fieldType": "text", "hubspotDefined": True, "options": []}


def _json(answer: Json, status: int = 200) -> httpx.Response:
    return httpx.Response(status, json=answer)


def _error(status: int, message: str) -> httpx.Response:
    return httpx.Response(status, json={"status": "error", "message": message, "category": "VALIDATION_ERROR"})
