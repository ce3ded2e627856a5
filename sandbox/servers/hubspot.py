"""HubSpot's CRM API over the sandbox's objects: lists, batch reads, search, associations, catalogues, owners."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route

from sandbox.backend import Backend, Collection, Object, id_key
from sandbox.servers import hubspot_schema as schema
from sandbox.servers.hubspot_links import (
    ASSOCIATIONS_LIMIT,
    Link,
    grouped,
    links_between,
    no_association,
    v3_link,
    winners,
)
from sandbox.servers.hubspot_query import (
    Query,
    answer,
    body_of,
    error,
    full_text,
    inputs_of,
    paging,
    single_history,
    sort_of,
    stream_of,
)
from sandbox.servers.hubspot_search import BadSearch, bounds, compile_groups, epoch_ms, sort_key, within
from sandbox.servers.wire import API_KEY, ApiError, Json, dumps

LIST_LIMIT, HISTORY_LIMIT, SEARCH_LIMIT, BATCH_LIMIT = 100, 50, 200, 100
OWNERS_LIMIT = 500
SEARCH_CAP = 10_000
KEPT_SEARCHES = 16

HTML_404 = (
    "<!DOCTYPE html><html><head><title>404 Not Found</title></head>"
    "<body><h2>HTTP ERROR 404 Not Found</h2><p>The requested resource does not exist.</p></body></html>"
)


def authorise(request: Request) -> Response | None:
    """Return the refusal of a request without the key, None when it may pass."""
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and key.strip() == API_KEY:
        return None
    message = (
        "Authentication credentials not found. This API supports OAuth 2.0 authentication and you can find more "
        "details at https://developers.hubspot.com/docs/methods/auth/oauth-overview"
    )
    return error(401, message, "INVALID_AUTHENTICATION").response


def fault_response(status: int, retry_after: float | None) -> Response:
    """Return the answer of an injected fault, in HubSpot's shape."""
    if status == 429:
        extra = {"errorType": "RATE_LIMIT", "policyName": "TEN_SECONDLY_ROLLING"}
        failure = error(429, "You have reached your ten_secondly_rolling limit.", "RATE_LIMITS", **extra)
    elif status == 401:
        failure = error(401, "The OAuth token used to make this call expired.", "EXPIRED_AUTHENTICATION")
    elif status == 403:
        failure = error(403, "This app hasn't been granted all required scopes to make this call.", "MISSING_SCOPES")
    elif status == 423:
        failure = error(423, "Object is locked, retry in two seconds.", "LOCKED")
    else:
        failure = error(status, "internal error", "INTERNAL_ERROR")
    if retry_after is not None:
        failure.response.headers["Retry-After"] = f"{retry_after:g}"
    return failure.response


def not_found(request: Request) -> Response:
    """The answer to an address that does not exist: a page, not JSON."""
    return HTMLResponse(HTML_404, 404)


class HubSpot:
    """The handlers, over one backend."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self._searches: OrderedDict[tuple[int, str, bytes], list[int]] = OrderedDict()

    def routes(self) -> list[BaseRoute]:
        """Return the routes below the provider's base address: the v3/v4 paths and the dated ones."""
        found: list[BaseRoute] = []

        def add(paths: Iterable[str], handler: Callable[[Request], Any], method: str = "GET") -> None:
            found.extend(Route(path, answer(handler), methods=[method]) for path in paths)

        def both(area: str, rest: str = "", number: str = "v3") -> tuple[str, str]:
            return f"/crm/{number}/{area}{rest}", f"/crm/{area}/{{version}}{rest}"

        add(both("objects", "/{type}/search"), self.search, "POST")
        add(both("objects", "/{type}/batch/read"), self.batch_read, "POST")
        linked = "/{type}/{id}/associations/{to_type}"
        add(both("objects", linked, "v4"), self.object_associations)
        add(("/crm/v3/objects/{type}/{id}/associations/{to_type}",), self.object_associations_v3)
        add(both("objects", "/{type}/{id}"), self.retrieve)
        add(both("objects", "/{type}"), self.list)
        add(both("associations", "/{type}/{to_type}/batch/read", "v4"), self.associations, "POST")
        add(("/crm/v3/associations/{type}/{to_type}/batch/read",), self.associations_v3, "POST")
        add(both("associations", "/{type}/{to_type}/labels", "v4"), self.association_labels)
        add(("/crm/v3/associations/{type}/{to_type}/types",), self.association_types)
        # The official client asks for owners with a closing slash.
        add(both("owners"), self.owners)
        add(both("owners", "/"), self.owners)
        add(both("owners", "/{id}"), self.owner)
        add(both("pipelines", "/{type}"), self.pipelines)
        add(both("pipelines", "/{type}/{id}"), self.pipeline)
        add(both("pipelines", "/{type}/{id}/stages"), self.pipeline_stages)
        add(both("properties", "/{type}"), self.properties)
        add(both("properties", "/{type}/{name}"), self.property)
        add(("/account-info/v3/details",), self.account)
        return found

    # -- objects -----------------------------------------------------------------------------------------------

    async def list(self, request: Request) -> Object:
        """A page of objects, by id."""
        stream = stream_of(request)
        query = Query(request)
        history = query.names("propertiesWithHistory")
        limit = query.limit(HISTORY_LIMIT if history else LIST_LIMIT)
        shape = self._shape(stream, query.names("properties"), history, query.names("associations"))
        rows = self._rows(stream, query.flag("archived"))
        start = rows.at_or_after(id_key(query["after"])) if query["after"] else 0
        page = rows.rows[start : start + limit]
        out: Object = {"results": [shape(row) for row in page]}
        if start + limit < len(rows):
            out["paging"] = paging(request, query.pairs, rows.ids[start + limit])
        return out

    async def retrieve(self, request: Request) -> Object:
        """One object, by id or by another unique property."""
        stream = stream_of(request)
        query = Query(request)
        object_id = request.path_params["id"]
        rows = self._rows(stream, query.flag("archived"))
        row = self._find(stream, rows, object_id, query["idProperty"])
        if row is None:
            if object_id.isdigit() and not query["idProperty"]:
                raise ApiError(not_found(request))
            raise error(404, "resource not found", "OBJECT_NOT_FOUND")
        names = query.names
        return self._shape(stream, names("properties"), names("propertiesWithHistory"), names("associations"))(row)

    async def batch_read(self, request: Request) -> Response:
        """Up to 100 objects by id (50 with history); 207 where some are missing."""
        stream = stream_of(request)
        body = await body_of(request)
        wanted = inputs_of(body, HISTORY_LIMIT if body.get("propertiesWithHistory") else BATCH_LIMIT)
        rows = self._rows(stream, Query(request).flag("archived"))
        shape = self._shape(stream, body.get("properties") or [], body.get("propertiesWithHistory") or [], [])
        results, missing, seen = [], [], set()
        for entry in wanted:
            row = self._find(stream, rows, str(entry.get("id")), body.get("idProperty"))
            if row is None:
                missing.append(str(entry.get("id")))
            elif row["id"] not in seen:
                seen.add(row["id"])
                results.append(shape(row))
        errors = []
        if missing:
            kind = schema.SINGULAR.get(stream, stream).upper()
            message = f"Could not get some {kind} objects, they may be deleted or not exist. Check that ids are valid."
            context = {"ids": missing}
            errors.append({"status": "error", "category": "OBJECT_NOT_FOUND", "message": message, "context": context})
        return self._batch(results, errors)

    async def search(self, request: Request) -> Object:
        """Search as HubSpot does: at most 200 a page, 10,000 a query, never an archived object."""
        stream = stream_of(request)
        body = await body_of(request)
        try:
            limit = int(body.get("limit") or 10)
            start = int(body.get("after") or 0)
        except (TypeError, ValueError):
            raise error(400, "Invalid input JSON: limit and after must be whole numbers") from None
        if not 1 <= limit <= SEARCH_LIMIT:
            raise error(400, f"limit must be between 1 and {SEARCH_LIMIT}, was {limit}")
        if start < 0 or start + limit > SEARCH_CAP:
            raise error(400, f"There was a problem with the request: paging ends at {SEARCH_CAP} results per query")
        rows = self._rows(stream, False)
        places = self._matches(stream, rows, body)
        shape = self._shape(stream, body.get("properties") or [], [], [])
        out: Object = {
            "total": len(places),
            "results": [shape(rows.rows[place]) for place in places[start : start + limit]],
        }
        if start + limit < len(places):
            out["paging"] = {"next": {"after": str(start + limit)}}
        return out

    def _matches(self, stream: str, rows: Collection, body: Object) -> list[int]:
        """Return the positions that a search finds, in its order; kept, because its next pages follow."""
        groups = body.get("filterGroups")
        if groups is None:
            groups = [{"filters": body["filters"]}] if body.get("filters") else []
        sorts, text = body.get("sorts") or [], str(body.get("query") or "").lower()
        key = (self.backend.generation, stream, dumps([groups, sorts, text]))
        kept = self._searches.get(key)
        if kept is not None:
            self._searches.move_to_end(key)
            return kept
        kinds = self._kinds(stream)
        try:
            test = compile_groups(groups, kinds.get)
            order, descending = sort_of(sorts)
        except BadSearch as problem:
            raise error(400, f"There was a problem with the request: {problem}") from None
        modified = schema.modified_property(stream)
        candidates: Iterable[int] = range(len(rows))
        reach = bounds(groups, modified)
        if reach is not None or order == modified:
            index = self._modified_index(stream, rows)
            candidates = [place for _, place in (within(index, *reach) if reach else index)]
            if order != modified:
                candidates = sorted(candidates)
        found = [place for place in candidates if test(rows.rows[place]["properties"])]
        if text:
            found = [
                place for place in found if full_text(rows.rows[place]["properties"], schema.defaults(stream), text)
            ]
        if order is not None and (order != modified or descending):
            by = sort_key(order, kinds.get(order))
            values = {place: by(rows.rows[place]["properties"]) for place in found}
            told = [place for place in found if values[place] is not None]
            told.sort(key=values.__getitem__, reverse=descending)
            found = told + [place for place in found if values[place] is None]
        self._searches[key] = found
        if len(self._searches) > KEPT_SEARCHES:
            self._searches.popitem(last=False)
        return found

    def _modified_index(self, stream: str, rows: Collection) -> list[tuple[int, int]]:
        name = schema.modified_property(stream)

        def build() -> list[tuple[int, int]]:
            return sorted(
                (epoch_ms(row["properties"].get(name) or row["updatedAt"]), place)
                for place, row in enumerate(rows.rows)
            )

        return self.backend.derived(("hubspot modified", stream), build)

    def _rows(self, stream: str, archived: bool) -> Collection:
        return self.backend.archived(stream) if archived else self.backend.collection("hubspot", stream)

    def _find(self, stream: str, rows: Collection, object_id: str, id_property: str | None) -> Object | None:
        if id_property and id_property != "hs_object_id":
            lookup = rows.index(
                ("property", id_property), lambda row: (row["properties"].get(id_property) or "").lower() or None
            )
            places = lookup.get(object_id.lower())
            return rows.rows[places[0]] if places else None
        found = rows.get(object_id)
        if found is None:
            # An id that was merged away answers with the object that won.
            winner = winners(self.backend, stream).get(object_id)
            found = rows.get(winner) if winner else None
        return found

    def _shape(
        self, stream: str, wanted: list[str], history: list[str], associations: list[str]
    ) -> Callable[[Object], Object]:
        """Return the function that trims an object to what was asked for."""
        names = list(dict.fromkeys([*(wanted or schema.defaults(stream)), *history, *schema.always(stream)]))
        known = self._kinds(stream)
        names = [name for name in names if name in known]
        targets = []
        for asked in associations:
            target = schema.canonical(asked)
            if target is None:
                raise error(400, f"Unable to infer object type from: {asked}")
            targets.append((target, links_between(self.backend, stream, target)))

        def shape(row: Object) -> Object:
            properties = row["properties"]
            out = {
                "id": row["id"],
                "properties": {name: properties.get(name) for name in names},
                "createdAt": row["createdAt"],
                "updatedAt": row["updatedAt"],
                "archived": row.get("archived", False),
            }
            if row.get("archivedAt"):
                out["archivedAt"] = row["archivedAt"]
            if history:
                stored = row.get("propertiesWithHistory") or {}
                out["propertiesWithHistory"] = {
                    name: stored[name] if name in stored else single_history(row, name)
                    for name in history
                    if name in known
                }
            linked = {
                target: {"results": [v3_link(stream, target, link) for link in links[row["id"]]]}
                for target, links in targets
                if row["id"] in links
            }
            if linked:
                out["associations"] = linked
            return out

        return shape

    # -- associations ------------------------------------------------------------------------------------------

    async def associations(self, request: Request) -> Response:
        """v4 batch read: 207 with an error for every id that has none."""
        left, right = stream_of(request), stream_of(request, "to_type")
        links = links_between(self.backend, left, right)
        results, errors = [], []
        for entry in inputs_of(await body_of(request), BATCH_LIMIT):
            object_id = str(entry.get("id"))
            found = links.get(object_id)
            if not found:
                errors.append(no_association(left, right, object_id))
                continue
            to, after = grouped(object_id, found, entry.get("after"))
            result: Object = {"from": {"id": object_id}, "to": to}
            if after:
                result["paging"] = {"next": {"after": after}}
            results.append(result)
        return self._batch(results, errors)

    async def associations_v3(self, request: Request) -> Response:
        """v3 batch read of association ids and type names."""
        left, right = stream_of(request), stream_of(request, "to_type")
        links = links_between(self.backend, left, right)
        results, errors = [], []
        for entry in inputs_of(await body_of(request), BATCH_LIMIT):
            object_id = str(entry.get("id"))
            if object_id in links:
                to = [v3_link(left, right, link) for link in links[object_id]]
                results.append({"from": {"id": object_id}, "to": to})
            else:
                errors.append(no_association(left, right, object_id))
        return self._batch(results, errors)

    async def object_associations(self, request: Request) -> Object:
        """v4 list of one object's associations."""
        links, query = self._object_links(request)
        to, after = grouped(request.path_params["id"], links, query["after"], query.limit(ASSOCIATIONS_LIMIT, 500))
        out: Object = {"results": to}
        if after:
            out["paging"] = paging(request, query.pairs, after)
        return out

    async def object_associations_v3(self, request: Request) -> Object:
        """v3 list of one object's associations."""
        links, _ = self._object_links(request)
        left, right = stream_of(request), stream_of(request, "to_type")
        return {"results": [v3_link(left, right, link) for link in links]}

    def _object_links(self, request: Request) -> tuple[list[Link], Query]:
        left, right, object_id = stream_of(request), stream_of(request, "to_type"), request.path_params["id"]
        if self.backend.collection("hubspot", left).get(object_id) is None:
            raise error(404, f"No {schema.SINGULAR.get(left, left)} with ID {object_id} exists.", "OBJECT_NOT_FOUND")
        return links_between(self.backend, left, right).get(object_id, []), Query(request)

    async def association_labels(self, request: Request) -> Object:
        """The association types between two object types."""
        ids = schema.type_ids(stream_of(request), stream_of(request, "to_type"))
        results = [{"category": "HUBSPOT_DEFINED", "typeId": each, "label": schema.label_of(each)} for each in ids]
        return {"results": results}

    async def association_types(self, request: Request) -> Object:
        """The same in the v3 shape."""
        left, right = stream_of(request), stream_of(request, "to_type")
        ids = schema.type_ids(left, right)
        return {"results": [{"id": str(each), "name": schema.type_name(left, right, each)} for each in ids]}

    # -- catalogues --------------------------------------------------------------------------------------------

    async def owners(self, request: Request) -> Object:
        """A page of owners."""
        query = Query(request)
        limit, archived = query.limit(OWNERS_LIMIT, 100), query.flag("archived")
        rows = [row for row in self._owners() if bool(row["archived"]) is archived]
        if query["email"]:
            rows = [row for row in rows if (row.get("email") or "").lower() == query["email"].lower()]
        after = query["after"]
        start = next((at for at, row in enumerate(rows) if row["id"] == after), len(rows)) if after else 0
        out: Object = {"results": rows[start : start + limit]}
        if start + limit < len(rows):
            out["paging"] = paging(request, query.pairs, rows[start + limit]["id"])
        return out

    async def owner(self, request: Request) -> Object:
        """One owner, by owner id or by user id."""
        wanted, archived = request.path_params["id"], Query(request).flag("archived")
        field = "userId" if request.query_params.get("idProperty") == "userId" else "id"
        for row in self._owners():
            if str(row.get(field)) == wanted and bool(row["archived"]) is archived:
                return row
        raise error(404, f"No owner found with {field} {wanted}", "OBJECT_NOT_FOUND")

    def _owners(self) -> list[Object]:
        def build() -> list[Object]:
            stamp = iso(self.backend)
            live, gone = (self._rows("owners", archived).rows for archived in (False, True))
            filled = {"createdAt": stamp, "updatedAt": stamp, "type": "PERSON", "archived": False, "teams": []}
            return [{**filled, **row} for row in live] + [{**filled, **row, "archived": True} for row in gone]

        return self.backend.derived("hubspot owners", build)

    async def pipelines(self, request: Request) -> Object:
        """The pipelines of an object type, with their stages."""
        return {"results": self._pipelines(stream_of(request))}

    async def pipeline(self, request: Request) -> Object:
        """One pipeline."""
        wanted = request.path_params["id"]
        for row in self._pipelines(stream_of(request)):
            if row["id"] == wanted:
                return row
        raise error(404, f"Pipeline with ID {wanted} not found.", "OBJECT_NOT_FOUND")

    async def pipeline_stages(self, request: Request) -> Object:
        """The stages of one pipeline."""
        return {"results": (await self.pipeline(request))["stages"]}

    def _pipelines(self, stream: str) -> list[Object]:
        def build() -> list[Object]:
            stamp = iso(self.backend)
            filled = {"createdAt": stamp, "updatedAt": stamp, "archived": False}
            return [
                {
                    **filled, "displayOrder": place, "label": row["id"], **row,
                    "stages": [
                        {**filled, "displayOrder": order, "metadata": {}, "label": stage["id"],
                         "writePermissions": "CRM_PERMISSIONS_ENFORCEMENT", **stage}
                        for order, stage in enumerate(row.get("stages") or [])
                    ],
                }
                for place, row in enumerate(self._catalogue("pipelines", stream, "id"))
            ]  # fmt: skip

        return self.backend.derived(("hubspot pipelines", stream), build)

    async def properties(self, request: Request) -> Object:
        """The property catalogue of an object type."""
        stream, archived = stream_of(request), Query(request).flag("archived")
        return {"results": [row for row in self._properties(stream) if bool(row["archived"]) is archived]}

    async def property(self, request: Request) -> Object:
        """One property's definition."""
        stream, name = stream_of(request), request.path_params["name"]
        for row in self._properties(stream):
            if row["name"] == name:
                return row
        raise error(404, f"Property {name} does not exist on {stream}.", "OBJECT_NOT_FOUND")

    def _properties(self, stream: str) -> list[Object]:
        def build() -> list[Object]:
            told = self._catalogue("properties", stream, "name")
            names = {row["name"] for row in told}
            inferred = schema.inferred_catalogue(stream, self.backend.collection("hubspot", stream))
            filled = {
                "type": "string", "fieldType": "text", "description": "", "options": [], "archived": False,
                "groupName": f"{schema.SINGULAR.get(stream, stream)}information", "displayOrder": -1, "hidden": False,
                "calculated": False, "externalOptions": False, "hasUniqueValue": False, "formField": False,
                "hubspotDefined": True, "modificationMetadata": {
                    "archivable": True, "readOnlyDefinition": True, "readOnlyValue": False,
                },
            }  # fmt: skip
            return [
                {**filled, "label": row["name"].replace("_", " ").capitalize(), **row}
                for row in [*told, *(row for row in inferred if row["name"] not in names)]
            ]

        return self.backend.derived(("hubspot properties", stream), build)

    def _kinds(self, stream: str) -> dict[str, str]:
        """The types of an object type's properties, by name."""
        return self.backend.derived(
            ("hubspot kinds", stream), lambda: {row["name"]: row["type"] for row in self._properties(stream)}
        )

    def _catalogue(self, name: str, stream: str, id_field: str) -> list[Object]:
        """Return the pipelines or properties of one type; what only the sandbox needs to tell them apart is dropped."""
        found = []
        rows = self.backend.collection("hubspot", name)
        for key, row in zip(rows.ids, rows.rows, strict=True):
            prefix, _, rest = key.partition(":")
            kind = row.get("objectType") or row.get("object_type") or (prefix if rest else None)
            if kind and schema.canonical(str(kind)) == stream:
                kept = {field: value for field, value in row.items() if field not in {"objectType", "object_type"}}
                kept[id_field] = str(kept.get(id_field) or rest or key).removeprefix(f"{kind}:")
                if name == "properties":
                    kept.pop("id", None)
                found.append(kept)
        return found

    async def account(self, request: Request) -> Object:
        """The account behind the key."""
        return {
            "portalId": 1, "accountType": "SANDBOX", "timeZone": "UTC", "companyCurrency": "USD",
            "additionalCurrencies": [], "utcOffset": "+00:00", "utcOffsetMilliseconds": 0,
            "uiDomain": "app.hubspot.com", "dataHostingLocation": "na1",
        }  # fmt: skip

    def _batch(self, results: list[Object], errors: list[Object]) -> Response:
        stamp = iso(self.backend)
        body: Object = {"status": "COMPLETE", "results": results, "startedAt": stamp, "completedAt": stamp}
        if errors:
            body |= {"numErrors": len(errors), "errors": errors}
        return Json(body, 207 if errors else 200)


def iso(backend: Backend) -> str:
    return backend.now.isoformat(timespec="milliseconds").replace("+00:00", "Z")
