"""How many objects a second one core serves: the sandbox must not be what a load waits for."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

KEYS = {"Authorization": "Bearer sandbox", "X-Encharge-Token": "sandbox"}
Page = tuple[int, str | None]


def stripe_page(page: Any) -> Page:
    return len(page["data"]), f"&starting_after={page['data'][-1]['id']}" if page["has_more"] else None


def hubspot_page(page: Any) -> Page:
    return len(page["results"]), f"&after={page['paging']['next']['after']}" if "paging" in page else None


LISTS: dict[str, Callable[[Any], Page]] = {
    "/stripe/v1/invoices?limit=100&expand[]=data.discounts": stripe_page,
    "/stripe/v1/balance_transactions?limit=100": stripe_page,
    "/hubspot/crm/v3/objects/contacts?limit=50&propertiesWithHistory=lifecyclestage&associations=deals": hubspot_page,
    "/hubspot/crm/v3/objects/calls?limit=100": hubspot_page,
}


@pytest.fixture(scope="module")
def process() -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "sandbox", "--port", "0", "--accounts", "1000", "--date", "2025-06-30"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        yield running
        running.terminate()


@pytest.mark.benchmark
def test_objects_served_per_second_of_processor_time(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    begun = time.monotonic()
    assert process.stdout.readline() == "ready\n"
    print(f"\n1,000 accounts ready after {time.monotonic() - begun:.1f} s")
    address = process.stdout.readline().partition("=")[2].split("/")[2]
    connection = http.client.HTTPConnection(address)

    def busy() -> float:
        """Processor seconds that the server has used."""
        fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / 100

    for path, read in LISTS.items():
        count, cursor = 0, ""
        before, begun = busy(), time.monotonic()
        while cursor is not None:
            connection.request("GET", path + cursor, headers=KEYS)
            found, cursor = read(json.loads(connection.getresponse().read()))
            count += found
        seconds, wall = max(busy() - before, 0.01), time.monotonic() - begun
        print(f"{path.partition('?')[0]}: {count} objects, {count / seconds:,.0f}/CPU s, {count / wall:,.0f}/s in all")
        assert count
