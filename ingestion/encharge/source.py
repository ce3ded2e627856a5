"""Encharge into raw: people, segments, fields and tags by listing and comparing; engagement from what has landed.

Encharge tells neither when an object changed nor what was deleted, so everything is listed on every run and compared
with what is stored. Engagement cannot be asked for at all: it is pushed to the receiver (`ingestion.landing`) or
dropped as files, and loaded from the landing folder. A file leaves the inbox only after its events are stored for
good; a crash in between means that it is read again and nothing comes of it.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field

from ingestion.encharge.api import Encharge, Json
from ingestion.encharge.inbox import Inbox, LandedFile, Line, read_lines
from ingestion.extract import Context, Item, Page, Reader, Rejected, Removed, State
from ingestion.http import HttpClient
from warehouse.settings import Settings

EVENT_PAGE = 2_000
KEPT_TEXT = 10_000
log = logging.getLogger(__name__)


def build(settings: Settings, context: Context) -> list[Reader]:
    """The readers of an Encharge account and of its landing folder."""
    key = context.source.api_key.get_secret_value() if context.source.api_key else ""
    client = context.resources.enter_context(
        HttpClient("encharge", context.source.base_url, {"X-Encharge-Token": key}, [key])
    )
    return readers(Encharge(client), context, Inbox(settings.landing_dir / "encharge"))


def readers(account: Encharge, context: Context, inbox: Inbox) -> list[Reader]:
    """The readers of an account that is reached through `account`, and of one landing folder."""
    listing = Listing(account, context)
    events = Landed(inbox)
    return [
        Reader("people", ("people",), listing.people),
        Reader("segments", ("segments", "segment_people"), listing.segments),
        Reader("fields", ("fields",), listing.fields),
        Reader("tags", ("tags",), listing.tags),
        Reader("events", ("events",), events.read, events.archive),
    ]


@dataclass(frozen=True)
class Listing:
    """What is listed in full on every run; what is stored and no longer listed is removed."""

    account: Encharge
    context: Context

    def people(self, _: State) -> Iterator[Item]:
        """All people. One who is missing is believed to be deleted only when a second listing lacks them too."""
        found = self.account.people()
        yield Page("people", found)
        gone = self.context.live_ids("people") - {str(person["id"]) for person in found}
        if gone:
            gone -= {str(person["id"]) for person in self.account.people()}
        yield Removed("people", sorted(gone))

    def segments(self, _: State) -> Iterator[Item]:
        """All segments and who is in them."""
        segments = self.account.segments()
        yield from self._compared("segments", segments, [str(segment["id"]) for segment in segments])
        members: list[str] = []
        for segment in segments:
            segment_id = str(segment["id"])
            rows = [
                {"segment_id": segment_id, "person_id": person} for person in self.account.segment_people(segment_id)
            ]
            members.extend(f"{segment_id}:{row['person_id']}" for row in rows)
            yield Page("segment_people", rows)
        yield Removed("segment_people", sorted(self.context.live_ids("segment_people") - set(members)))

    def fields(self, _: State) -> Iterator[Item]:
        """The catalogue of person fields."""
        fields = self.account.fields()
        yield from self._compared("fields", fields, [str(item.get("name")) for item in fields])

    def tags(self, _: State) -> Iterator[Item]:
        """All tags."""
        tags = self.account.tags()
        yield from self._compared("tags", tags, [tag_id(tag) for tag in tags])

    def _compared(self, stream: str, rows: list[Json], ids: list[str]) -> Iterator[Item]:
        yield Page(stream, rows)
        yield Removed(stream, sorted(self.context.live_ids(stream) - set(ids)))


def tag_id(tag: Json) -> str:
    """A tag's name; its id where it has no name."""
    return str(next(tag[key] for key in ("tag", "name", "id") if tag.get(key) is not None))


@dataclass
class Landed:
    """The events in the landing folder. One instance serves one run: what it read is what it archives."""

    inbox: Inbox
    _files: list[LandedFile] = field(default_factory=list)

    def read(self, _: State) -> Iterator[Item]:
        """Every event that has landed so far; what the receiver is still writing to is closed first."""
        self.inbox.close_current()
        self._files = self.inbox.waiting()
        for file in self._files:
            events: list[Json] = []
            for line in read_lines(file.path):
                if (reason := problem(line)) is not None:
                    yield Rejected("events", f"{file.path.name} line {line.number}: {reason}", line.text[:KEPT_TEXT])
                    continue
                events.append(line.event or {})
                if len(events) >= EVENT_PAGE:
                    yield Page("events", events)
                    events = []
            if events:
                yield Page("events", events)

    def archive(self) -> None:
        """Move the files that were read out of the inbox; call it once their events are stored for good."""
        try:
            self.inbox.archive(self._files)
        except OSError as error:
            log.error("encharge: loaded files stay in the inbox and will be read again: %s", error)
        self._files = []


def problem(line: Line) -> str | None:
    """Why a line of a landed file is no event, or None when it is one."""
    if line.event is None:
        return line.reason or "not a JSON object"
    missing = [name for name in ("type", "createdAt") if line.event.get(name) in (None, "")]
    return f"{' and '.join(missing)} missing" if missing else None
