"""A Stripe of a few dozen objects that answers over httpx's mock transport, in the new or in the older shape."""

import json
from collections.abc import Callable
from copy import deepcopy
from typing import Any
from urllib.parse import parse_qsl

import httpx

Object = dict[str, Any]
KEY = "sk_test_secret"
EMBEDDED = 10


class FakeStripe:
    """Objects by collection in order of creation; every change appends an event."""

    def __init__(self) -> None:
        self.now = 1_780_000_000
        self.rows: dict[str, dict[str, Object]] = {}
        self.lines: dict[str, list[Object]] = {}
        self.items: dict[str, list[Object]] = {}
        self.discounts: dict[str, Object] = {}
        self.events: list[Object] = []
        self.requests: list[tuple[str, dict[str, list[str]]]] = []
        self.before: Callable[[str, dict[str, list[str]]], httpx.Response | None] | None = None

    def put(self, collection: str, item: Object, event: str | None = None) -> Object:
        """Create or change an object."""
        item = {"created": self.now, **item}
        self.rows.setdefault(collection, {})[item["id"]] = item
        if event:
            self.announce(event, item)
        return item

    def announce(self, kind: str, item: Object) -> None:
        """Add an event about an object, as it is now."""
        event = {"id": f"evt_{len(self.events)}", "object": "event", "type": kind, "created": self.now}
        self.events.append({**event, "data": {"object": deepcopy(item)}})

    def delete(self, collection: str, key: str, event: str | None) -> None:
        """Remove an object for good."""
        item = self.rows[collection].pop(key)
        if event:
            self.announce(event, item)

    def invoice(self, key: str, lines: int, event: str | None = "invoice.created", **fields: Any) -> Object:
        """An invoice with so many lines."""
        self.lines[key] = [
            {
                "id": f"il_{key}_{n}", "object": "line_item", "amount": 100 + n, "currency": "usd", "invoice": key,
                "discount_amounts": [], "discounts": [], "period": {"start": self.now, "end": self.now + 86_400},
                "parent": {"subscription_item_details": {"subscription": "sub_1", "subscription_item": "si_1",
                                                         "proration": False}},
                "pricing": {"price_details": {"price": "price_1", "product": "prod_1"}, "unit_amount_decimal": "1.5"},
                "quantity": 1, "taxes": [],
            }
            for n in range(lines)
        ]  # fmt: skip
        body = {"id": key, "object": "invoice", "customer": "cus_1", "status": "open", "currency": "usd", "total": 5}
        return self.put("invoices", {**body, "discounts": [], "total_taxes": [], **fields}, event)

    def subscription(self, key: str, items: int, event: str | None = None, **fields: Any) -> Object:
        """A subscription with so many items."""
        self.items[key] = [
            {
                "id": f"si_{key}_{n}", "object": "subscription_item", "subscription": key, "quantity": 1,
                "created": self.now, "current_period_start": self.now, "discounts": [],
                "current_period_end": self.now + 100 + n,
                "price": {"id": "price_1", "product": "prod_1", "currency": "usd", "unit_amount": 500,
                          "unit_amount_decimal": "500", "recurring": {"interval": "month", "interval_count": 1,
                                                                      "usage_type": "licensed"}},
            }
            for n in range(items)
        ]  # fmt: skip
        body = {"id": key, "object": "subscription", "customer": "cus_1", "status": "active", "discounts": []}
        return self.put("subscriptions", {**body, **fields}, event)

    def client(self) -> httpx.MockTransport:
        return httpx.MockTransport(self._answer)

    # --- answering --------------------------------------------------------------------------------------------------

    def _answer(self, request: httpx.Request) -> httpx.Response:
        query: dict[str, list[str]] = {}
        for name, value in parse_qsl(request.url.query.decode()):
            query.setdefault(name, []).append(value)
        path = request.url.path.removeprefix("/stripe/v1/")
        self.requests.append((path, query))
        if request.headers.get("authorization") != f"Bearer {KEY}":
            return _error(401, "Invalid API Key provided")
        if self.before and (answer := self.before(path, query)) is not None:
            return answer
        match path.split("/"):
            case ["events"]:
                wanted = set(query["types[]"])
                return self._list([event for event in self.events if event["type"] in wanted], query)
            case ["subscription_items"]:
                return self._list(self.items[query["subscription"][0]], query, oldest_first=True)
            case ["invoices", key, "lines"]:
                return self._list(self.lines[key], query, oldest_first=True)
            case [collection]:
                filters = {name: query[name][0] for name in ("invoice", "charge") if name in query}
                rows = list(self.rows.get(collection, {}).values())
                if collection == "subscriptions" and query.get("status") != ["all"]:
                    rows = [row for row in rows if row["status"] != "canceled"]
                rows = [row for row in rows if all(row.get(name) == value for name, value in filters.items())]
                return self._list(rows, query)
            case [collection, key]:
                row = self.rows.get(collection, {}).get(key)
                if row is None:
                    return _error(404, f"No such object: '{key}'", "resource_missing", "id")
                return _json(self._shown(row, [f"data.{path}" for path in query.get("expand[]", [])]))
        return _error(404, "Unrecognized request URL")

    def _list(self, rows: list[Object], query: dict[str, list[str]], oldest_first: bool = False) -> httpx.Response:
        low = int(query.get("created[gte]", ["0"])[0])
        rows = [row for row in rows if row.get("created", low) >= low]
        rows = rows if oldest_first else rows[::-1]
        after = query.get("starting_after", [None])[0]
        if after is not None:
            ids = [row["id"] for row in rows]
            if after not in ids:
                return _error(400, f"No such object: '{after}'", "resource_missing", "starting_after")
            rows = rows[ids.index(after) + 1 :]
        limit = int(query.get("limit", ["10"])[0])
        expand = query.get("expand[]", [])
        shown = [self._shown(row, expand) for row in rows[:limit]]
        return _json({"object": "list", "data": shown, "has_more": len(rows) > limit, "url": "/v1/x"})

    def _shown(self, row: Object, expand: list[str]) -> Object:
        row = deepcopy(row)
        for field, held in (("lines", self.lines), ("items", self.items)):
            if row["id"] in held and row.get("object") in ("invoice", "subscription"):
                entries = deepcopy(held[row["id"]])
                for entry in entries:
                    self._expand(entry, f"data.{field}.data.discounts" in expand)
                row[field] = {"object": "list", "data": entries[:EMBEDDED], "has_more": len(entries) > EMBEDDED}
        self._expand(row, "data.discounts" in expand)
        return row

    def _expand(self, row: Object, wanted: bool) -> None:
        if wanted and row.get("discounts"):
            row["discounts"] = [deepcopy(self.discounts[key]) for key in row["discounts"]]


def _json(body: Any, status: int = 200) -> httpx.Response:
    return httpx.Response(status, content=json.dumps(body), headers={"Content-Type": "application/json"})


def _error(status: int, message: str, code: str | None = None, param: str | None = None) -> httpx.Response:
    return _json({"error": {"type": "invalid_request_error", "message": message, "code": code, "param": param}}, status)
