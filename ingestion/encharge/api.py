"""Reading Encharge: listings by offset that shift while they are read. No state and no tables here."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from ingestion.http import NotFound, SourceError

Json = dict[str, Any]

PAGE = 100
OVERLAP = 10
ATTEMPTS = 5
log = logging.getLogger(__name__)


class Client(Protocol):
    """What this module needs of `ingestion.http.HttpClient`: parsed JSON, or an error that names the endpoint."""

    def get(self, path: str, params: dict[str, Any] | None = None, stream: str | None = None) -> Any: ...


class UnstableListing(SourceError):
    """A listing kept shifting while it was read, so that nobody can say whether it is complete."""


class _Shifted(Exception):
    """Two neighbouring pages did not overlap."""


@dataclass
class Encharge:
    """One Encharge account. Every page starts a few places before the last one ended.

    The first object of a page must then be one that is known already. If it is not, objects before it were removed
    while we read and others may have slipped past, so the listing starts over. There is no total and no cursor to
    lean on, and a person who slipped past would be taken for deleted.
    """

    client: Client
    page: int = PAGE
    overlap: int = OVERLAP
    attempts: int = ATTEMPTS

    def people(self, stream: str = "people") -> list[Json]:
        """All people, each once, as they stood when last seen in this listing."""
        return self._listing("/people/all", stream, {"ignoreAnonymous": "false"})

    def segments(self) -> list[Json]:
        """All segments."""
        return _rows(self.client.get("/segments", stream="segments"), "/segments", "segments", "items")

    def segment_people(self, segment_id: str) -> list[str]:
        """Ids of the people in a segment; none when the segment was deleted a moment ago."""
        try:
            people = self._listing(f"/segments/{segment_id}/people", "segment_people", {})
        except NotFound:
            return []
        return [str(person["id"]) for person in people]

    def fields(self) -> list[Json]:
        """The catalogue of person fields."""
        return _rows(self.client.get("/fields", stream="fields"), "/fields", "items", "fields")

    def tags(self) -> list[Json]:
        """All tags; a tag given as bare text becomes an object."""
        rows = _rows(self.client.get("/tags-management", stream="tags"), "/tags-management", "tags", "items")
        return [{"tag": row} if isinstance(row, str) else row for row in rows]

    def _listing(self, path: str, stream: str, params: dict[str, Any]) -> list[Json]:
        for attempt in range(1, self.attempts + 1):
            found: dict[str, Json] = {}
            try:
                for page in self._pages(path, stream, params, found):
                    found.update((str(item["id"]), item) for item in page)
            except _Shifted:
                log.warning("encharge %s: the listing shifted while it was read; attempt %d", stream, attempt + 1)
                continue
            return list(found.values())
        raise UnstableListing(
            f"encharge {stream}: GET {path} shifted in each of {self.attempts} attempts; "
            "run again when less is changing there"
        )

    def _pages(self, path: str, stream: str, params: dict[str, Any], found: dict[str, Json]) -> Iterator[list[Json]]:
        offset = 0
        while True:
            asked = params | {"limit": self.page, "offset": offset, "sort": "createdAt", "order": "asc"}
            rows = _rows(self.client.get(path, params=asked, stream=stream), path, "people", "items")
            ids = [str(row["id"]) for row in rows]
            is_end = all(id_ in found for id_ in ids)
            if offset > 0 and (not ids or ids[0] not in found):
                raise _Shifted
            yield rows
            if is_end:
                return
            # A page may be shorter than asked for, so only a page without news ends the listing.
            offset += len(rows) - max(1, min(self.overlap, len(rows) // 2))


def _rows(answer: Any, path: str, *names: str) -> list[Any]:
    """The list in an answer: the answer itself, or the first of the names that holds one. Raises SourceError."""
    if isinstance(answer, list):
        return answer
    if isinstance(answer, dict):
        for name in names:
            if isinstance(answer.get(name), list):
                return answer[name]
    raise SourceError(f"encharge {path}: the answer has no list of {names[0]}")
