"""dbt's events in a process that does not log them."""

from __future__ import annotations

import pytest
from dbt_common.events import event_manager_client
from dbt_common.events.functions import fire_event
from dbt_common.events.types import Note

from warehouse import dbt_events


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The messages of the notes that a listener gets."""
    dbt_events.hush()
    found: list[str] = []
    manager = event_manager_client.get_event_manager()
    monkeypatch.setattr(manager, "loggers", [])
    monkeypatch.setattr(manager, "callbacks", [lambda message: found.append(message.data.msg)])
    return found


def test_an_event_that_nobody_asks_for_is_not_told(heard: list[str]) -> None:
    fire_event(Note(msg="compiled"))
    assert heard == []


def test_an_event_that_a_listener_asks_for_is_told(heard: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dbt_events, "HEARD", ("Note",))
    fire_event(Note(msg="compiled"))
    assert heard == ["compiled"]


def test_a_warning_is_told(heard: list[str]) -> None:
    from dbt_common.events.base_types import EventLevel

    fire_event(Note(msg="deprecated"), level=EventLevel.WARN)
    assert heard == ["deprecated"]


def test_everything_is_told_where_it_is_logged(heard: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    class Logger:
        def filter(self, message: object) -> bool:
            return False

    monkeypatch.setattr(event_manager_client.get_event_manager(), "loggers", [Logger()])
    fire_event(Note(msg="compiled"))
    assert heard == ["compiled"]


def test_an_event_says_what_it_was_made_of_when_it_is_asked() -> None:
    dbt_events.hush()
    note = Note(msg="compiled")
    assert note.msg == "compiled"
    assert note.to_dict() == {"msg": "compiled"}
