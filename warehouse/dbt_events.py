"""dbt's events, made only when somebody listens.

dbt tells of each statement, connection and compiled node. Each telling is a protobuf message filled from a dictionary,
field by field, whether or not anything logs it: a third of dbt's own time in a build. With logging off, as in every run
here, two kinds of events have a listener.
"""

from __future__ import annotations

from functools import cache
from typing import Any

# the events that the listener of a build reads
HEARD = ("NodeFinished", "LogStartLine")


@cache
def hush() -> None:
    """Keep dbt in this process from making messages that nobody reads; warnings and errors are told as ever."""
    from dbt_common.events import event_manager_client
    from dbt_common.events.base_types import BaseEvent, EventLevel
    from dbt_common.events.event_manager import EventManager

    fill = BaseEvent.__init__

    def remember(event: BaseEvent, *args: Any, **fields: Any) -> None:
        event.__dict__["unfilled"] = (args, fields)

    def message_of(event: BaseEvent) -> Any:
        if "unfilled" in event.__dict__:
            args, fields = event.__dict__.pop("unfilled")
            fill(event, *args, **fields)
        return event.__dict__["message"]

    def keep_message(event: BaseEvent, message: Any) -> None:
        event.__dict__["message"] = message

    class Listener(EventManager):
        def fire_event(self, e: BaseEvent, level: EventLevel | None = None, *args: Any, **options: Any) -> None:
            is_trouble = (level or e.level_tag()) in (EventLevel.WARN, EventLevel.ERROR)
            if self.loggers or is_trouble or type(e).__name__ in HEARD:
                super().fire_event(e, level, *args, **options)

    BaseEvent.__init__ = remember
    BaseEvent.pb_msg = property(message_of, keep_message)
    event_manager_client.ctx_set_event_manager(Listener())
