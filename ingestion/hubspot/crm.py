"""Reading HubSpot's CRM: paths, pages, searches, batch reads. No state and no tables here; objects come out as sent."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, Protocol

from ingestion.http import SourceError

Json = dict[str, Any]

LIST_PAGE = 100
HISTORY_PAGE = 50
SEARCH_PAGE = 200
BATCH = 100
OWNERS_PAGE = 100
# Gateways in front of HubSpot refuse request lines of about 8 kB.
URL_BUDGET = 6000
RETRYABLE_ERRORS = {"INTERNAL_ERROR", "RATE_LIMITS", "SERVICE_UNAVAILABLE", "TIMEOUT"}


class Client(Protocol):
    """What this module needs of `ingestion.http.HttpClient`: parsed JSON, or an error that names the endpoint."""

    def get(self, path: str, params: dict[str, Any] | None = None, stream: str | None = None) -> Any: ...

    def post(self, path: str, json: Any, stream: str | None = None, params: dict[str, Any] | None = None) -> Any: ...


class ProtocolError(SourceError):
    """The provider answered in a way that would make us lose rows if we went on."""


@dataclass(frozen=True)
class Paths:
    """Paths of one version: a plain one (`v3`) stands before the area, a dated one (`2026-09`) after it."""

    version: str = "v3"
    associations_version: str = "v4"

    def _path(self, area: str, version: str, *parts: str) -> str:
        middle = [version, area] if version.startswith("v") else [area, version]
        return "/".join(["/crm", *middle, *parts])

    def objects(self, *parts: str) -> str:
        return self._path("objects", self.version, *parts)

    def owners(self) -> str:
        return self._path("owners", self.version)

    def pipelines(self, object_type: str) -> str:
        return self._path("pipelines", self.version, object_type)

    def properties(self, object_type: str) -> str:
        return self._path("properties", self.version, object_type)

    def associations(self, from_type: str, to_type: str) -> str:
        version = self.associations_version if self.version.startswith("v") else self.version
        return self._path("associations", version, from_type, to_type, "batch", "read")


def modified_property(object_type: str) -> str:
    """The property that holds an object's modification instant."""
    return "lastmodifieddate" if object_type == "contacts" else "hs_lastmodifieddate"


def instant(value: Any) -> datetime | None:
    """An instant as HubSpot writes it (ISO 8601, or epoch milliseconds, as text or number), aware UTC; None when empty.

    Raises ValueError when it is neither.
    """
    if value is None or value == "":
        return None
    text = str(value)
    if text.lstrip("-").isdigit():
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=int(text))
    parsed = datetime.fromisoformat(text)
    return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)


def milliseconds(moment: datetime) -> int:
    """Epoch milliseconds, rounded down, as search filters want them."""
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def modified_at(object_type: str, item: Json) -> datetime:
    """The object's own modification instant. Raises ProtocolError when it has none that can be read."""
    value = (item.get("properties") or {}).get(modified_property(object_type)) or item.get("updatedAt")
    try:
        moment = instant(value)
    except ValueError:
        moment = None
    if moment is None:
        raise ProtocolError(f"hubspot {object_type} {item.get('id')} carries no modification instant")
    return moment


@dataclass
class Crm:
    """One HubSpot account, read page by page. The page sizes are parameters so that tests can use small ones."""

    client: Client
    paths: Paths = Paths()
    list_page: int = LIST_PAGE
    history_page: int = HISTORY_PAGE
    search_page: int = SEARCH_PAGE
    url_budget: int = URL_BUDGET
    _catalogues: dict[str, list[Json]] = field(default_factory=dict)

    def catalogue(self, object_type: str, stream: str | None = None) -> list[Json]:
        """The property definitions of a type; read once in a run."""
        if object_type not in self._catalogues:
            path = self.paths.properties(object_type)
            self._catalogues[object_type] = _results(self.client.get(path, stream=stream or object_type), path)
        return self._catalogues[object_type]

    def property_names(self, object_type: str) -> list[str]:
        """Every property of a type, custom ones included, in order of name."""
        names = {item["name"] for item in self.catalogue(object_type)}
        return sorted(names | {modified_property(object_type)})

    def objects(
        self,
        object_type: str,
        properties: list[str],
        *,
        history: list[str] | None = None,
        archived: bool = False,
        stream: str | None = None,
    ) -> Iterator[list[Json]]:
        """All live (or all archived) objects of a type, in pages."""
        stream = stream or object_type
        size = min(self.list_page, self.history_page) if history else self.list_page
        params: dict[str, Any] = {"limit": size, "archived": str(archived).lower()}
        if len("%2C".join([*properties, *(history or [])])) <= self.url_budget:
            params["properties"] = ",".join(properties)
            if history:
                params["propertiesWithHistory"] = ",".join(history)
            yield from self._pages(self.paths.objects(object_type), params, stream)
            return
        params["properties"] = modified_property(object_type)
        for page in self._pages(self.paths.objects(object_type), params, stream):
            ids = [str(item["id"]) for item in page]
            yield from self.read(object_type, ids, properties, history=history, archived=archived, stream=stream)

    def ids(self, object_type: str, stream: str | None = None) -> Iterator[list[str]]:
        """The ids of all live objects of a type, in pages."""
        for page in self.objects(object_type, [modified_property(object_type)], stream=stream):
            yield [str(item["id"]) for item in page]

    def read(
        self,
        object_type: str,
        ids: Iterable[str],
        properties: list[str],
        *,
        history: list[str] | None = None,
        archived: bool = False,
        stream: str | None = None,
    ) -> Iterator[list[Json]]:
        """The objects with these ids, in pages; ids that do not exist (any more) are left out."""
        path = self.paths.objects(object_type, "batch", "read")
        params = {"archived": "true"} if archived else None
        for chunk in _chunks(ids, self.history_page if history else BATCH):
            body: Json = {"properties": properties, "inputs": [{"id": id_} for id_ in chunk]}
            if history:
                body["propertiesWithHistory"] = history
            answer = self.client.post(path, json=body, stream=stream or object_type, params=params)
            _raise_on_failed_items(answer, path)
            yield _results(answer, path)

    def changed(
        self, object_type: str, since: datetime, properties: list[str], stream: str | None = None
    ) -> Iterator[list[Json]]:
        """Live objects modified at or after an instant, oldest first, in pages without repeats of the same version.

        Every page is a query of its own that starts where the last one ended, so neither the limit of 10,000 results
        nor objects that move to the end while we read can hide anything. A page whose rows all share one instant is
        left by walking that instant in order of id.
        """
        stream = stream or object_type
        name = modified_property(object_type)
        asked = sorted({*properties, name})
        anchor = milliseconds(since)
        seen_at_anchor: set[str] = set()
        while True:
            at_or_after = [{"propertyName": name, "operator": "GTE", "value": str(anchor)}]
            page, has_more = self._search(object_type, at_or_after, name, asked, stream)
            instants = [milliseconds(modified_at(object_type, item)) for item in page]
            if instants != sorted(instants) or (instants and instants[0] < anchor):
                raise ProtocolError(f"hubspot {object_type}: the search did not answer in order of {name}")
            yield [
                item
                for item, moment in zip(page, instants, strict=True)
                if moment > anchor or str(item["id"]) not in seen_at_anchor
            ]
            if not has_more or not page:
                return
            if instants[-1] > anchor:
                anchor = instants[-1]
                seen_at_anchor = {str(i["id"]) for i, m in zip(page, instants, strict=True) if m == anchor}
                continue
            seen_at_anchor |= {str(item["id"]) for item in page}
            for sharing in self._sharing(object_type, anchor, asked, stream):
                yield [item for item in sharing if str(item["id"]) not in seen_at_anchor]
            anchor, seen_at_anchor = anchor + 1, set()

    def _sharing(self, object_type: str, moment: int, asked: list[str], stream: str) -> Iterator[list[Json]]:
        name = modified_property(object_type)
        last_id: int | None = None
        while True:
            filters = [{"propertyName": name, "operator": "EQ", "value": str(moment)}]
            if last_id is not None:
                filters.append({"propertyName": "hs_object_id", "operator": "GT", "value": str(last_id)})
            page, has_more = self._search(object_type, filters, "hs_object_id", asked, stream)
            yield page
            if not has_more or not page:
                return
            numbers = [int(item["id"]) for item in page]
            if numbers != sorted(numbers) or numbers[-1] <= (last_id or -1):
                raise ProtocolError(f"hubspot {object_type}: the search did not answer in order of hs_object_id")
            last_id = numbers[-1]

    def _search(
        self, object_type: str, filters: list[Json], sort: str, properties: list[str], stream: str
    ) -> tuple[list[Json], bool]:
        body = {
            "filterGroups": [{"filters": filters}],
            "sorts": [{"propertyName": sort, "direction": "ASCENDING"}],
            "properties": properties,
            "limit": self.search_page,
        }
        path = self.paths.objects(object_type, "search")
        answer = self.client.post(path, json=body, stream=stream)
        return _results(answer, path), _next_after(answer) is not None

    def links(
        self, from_type: str, to_type: str, ids: Iterable[str], stream: str = "associations"
    ) -> Iterator[dict[str, list[Json]]]:
        """Associations of the given objects, `{from id: [to entry]}` for a hundred ids at a time.

        Every id that was asked for is a key; an id without associations (HubSpot lists it under `errors`) has none.
        """
        path = self.paths.associations(from_type, to_type)
        for chunk in _chunks(ids, BATCH):
            found: dict[str, list[Json]] = {id_: [] for id_ in chunk}
            inputs: list[Json] = [{"id": id_} for id_ in chunk]
            while inputs:
                answer = self.client.post(path, json={"inputs": inputs}, stream=stream)
                _raise_on_failed_items(answer, path)
                following = []
                for result in _results(answer, path):
                    from_id = str(result["from"]["id"])
                    found.setdefault(from_id, []).extend(result.get("to", []))
                    if (after := _next_after(result)) is not None:
                        following.append({"id": from_id, "after": after})
                if following and following == inputs:
                    raise ProtocolError(f"hubspot {path}: the same page of associations came twice")
                inputs = following
            yield found

    def owners(self) -> Iterator[list[Json]]:
        """All owners, the archived ones included, in pages."""
        for archived in ("false", "true"):
            yield from self._pages(self.paths.owners(), {"limit": OWNERS_PAGE, "archived": archived}, "owners")

    def pipelines(self, object_type: str, stream: str) -> list[Json]:
        """The pipelines of a type with their stages."""
        path = self.paths.pipelines(object_type)
        return _results(self.client.get(path, stream=stream), path)

    def _pages(self, path: str, params: dict[str, Any], stream: str) -> Iterator[list[Json]]:
        # Only the cursor is taken from the answer: its link may name any host.
        after: str | None = None
        while True:
            answer = self.client.get(path, params=params | ({"after": after} if after else {}), stream=stream)
            yield _results(answer, path)
            following = _next_after(answer)
            if following is None:
                return
            if following == after:
                raise ProtocolError(f"hubspot {path}: the cursor {after!r} leads back to itself")
            after = following


def _chunks(ids: Iterable[str], size: int) -> Iterator[list[str]]:
    remaining = iter(ids)
    while chunk := list(islice(remaining, size)):
        yield chunk


def _next_after(answer: Json) -> str | None:
    following = ((answer.get("paging") or {}).get("next") or {}).get("after")
    return None if following is None else str(following)


def _results(answer: Any, path: str) -> list[Json]:
    if not isinstance(answer, dict) or not isinstance(answer.get("results"), list):
        raise ProtocolError(f"hubspot {path}: the answer has no list of results")
    return answer["results"]


def _raise_on_failed_items(answer: Json, path: str) -> None:
    """A 207 is a success, and "not found" is an answer; an item that failed inside HubSpot is not."""
    for error in answer.get("errors") or []:
        if str(error.get("category", "")).upper() in RETRYABLE_ERRORS:
            raise ProtocolError(
                f"hubspot {path}: {error.get('category')} for part of the batch: {error.get('message')}"
            )
