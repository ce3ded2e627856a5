"""Who hears of a failed run: the log, or a webhook where one is set."""

from __future__ import annotations

import json
import logging
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Protocol

from warehouse.settings import Settings

log = logging.getLogger("throughline")


class Notifier(Protocol):
    """Anything that takes a failure in one line."""

    def __call__(self, title: str, text: str) -> None:
        """Deliver it, or raise NotDelivered."""


class NotDelivered(Exception):
    """The message did not arrive; the reason is in the text."""


def to_log(title: str, text: str) -> None:
    """Write it to the log, for whatever collects logs."""
    log.error("%s: %s", title, text)


@dataclass(frozen=True)
class Webhook:
    """POST it as JSON: `{"title", "text"}`, which chat tools show as they are."""

    url: str
    timeout: float = 10.0

    def __call__(self, title: str, text: str) -> None:
        """Deliver it, or raise NotDelivered."""
        body = json.dumps({"title": title, "text": f"{title}: {text}"}).encode()
        request = urllib.request.Request(self.url, data=body, headers={"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=self.timeout):
                return
        except (urllib.error.URLError, TimeoutError) as error:
            raise NotDelivered(f"THROUGHLINE_NOTIFY_WEBHOOK_URL could not be reached: {error}") from error


def notifier(settings: Settings) -> Notifier:
    """The notifier that the settings ask for."""
    return Webhook(settings.notify_webhook_url) if settings.notify_webhook_url else to_log


def notify(settings: Settings, title: str, text: str) -> None:
    """Tell of a failure. A webhook that does not answer is noted in the log and breaks nothing."""
    try:
        notifier(settings)(title, text)
    except NotDelivered as error:
        to_log(title, text)
        log.error("%s", error)
