"""Stripe's REST API over the sandbox's billing objects: lists, retrieval, search, events, balance."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from sandbox.backend import Backend, Object
from sandbox.servers.stripe_objects import Objects
from sandbox.servers.stripe_query import (
    as_list,
    bounds,
    equals,
    error,
    event_types,
    expansion,
    flat,
    missing,
    newest_first,
    page_size,
    subscription_status,
    unknown_parameter,
    window_of,
)
from sandbox.servers.stripe_resources import RESOURCES, Resource, members, path_to
from sandbox.servers.stripe_search import search_test
from sandbox.servers.wire import API_KEY, ApiError, Json, nested_query, new_id, query_pairs

API_VERSION = "2025-09-30.clover"


def authorise(request: Request) -> Response | None:
    """Return the refusal of a request without the key, None when it may pass."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    key = value.strip()
    if scheme.lower() == "basic":
        try:
            key = base64.b64decode(key).decode().partition(":")[0]
        except ValueError:
            key = ""
    if not key:
        message = (
            "You did not provide an API key. You need to provide your API key in the Authorization header, using "
            "Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY')."
        )
        return error(401, message).response
    if key != API_KEY:
        shown = key[:3] + "*" * max(len(key) - 3, 3)
        return error(401, f"Invalid API Key provided: {shown}").response
    return None


def fault_response(status: int, retry_after: float | None) -> Response:
    """Return the answer of an injected fault, in Stripe's shape."""
    headers = {"Retry-After": f"{retry_after:g}"} if retry_after is not None else {}
    if status == 429:
        headers["Stripe-Rate-Limited-Reason"] = "endpoint-rate"
        failure = error(
            429, "Request rate limit exceeded. Learn more about rate limits here "
            "https://stripe.com/docs/rate-limits.", code="rate_limit",
        )  # fmt: skip
    elif status == 401:
        failure = error(401, "Invalid API Key provided: san****")
    elif status == 403:
        failure = error(403, "The provided key does not have the required permissions for this endpoint.")
    else:
        failure = error(status, "An unknown error occurred. Sorry about that.", type="api_error")
    failure.response.headers.update({**headers, "Request-Id": _request_id()})
    return failure.response


def _request_id() -> str:
    return "req_" + new_id().replace("-", "")[:14]


class Stripe:
    """The handlers, over one backend."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self.objects = Objects(backend)

    def routes(self) -> list[BaseRoute]:
        """Return the routes below the provider's base address."""
        return [
            Route("/v1/balance", self._answer(self.balance)),
            Route("/v1/account", self._answer(self.account)),
            Route("/v1/subscription_items", self._answer(self.subscription_items)),
            Route("/v1/subscription_items/{id}", self._answer(self.subscription_item)),
            Route("/v1/invoices/{id}/lines", self._answer(self.embedded("invoices", "lines"))),
            Route("/v1/credit_notes/{id}/lines", self._answer(self.embedded("credit_notes", "lines"))),
            Route("/v1/{stream}", self._answer(self.list)),
            Route("/v1/{stream}/search", self._answer(self.search)),
            Route("/v1/{stream}/{id:path}", self._answer(self.retrieve)),
        ]

    def _answer(self, handler: Callable[[Request], Object]) -> Callable[[Request], Any]:
        async def endpoint(request: Request) -> Response:
            try:
                response: Response = Json(handler(request))
            except ApiError as failure:
                response = failure.response
            response.headers["Request-Id"] = _request_id()
            response.headers["Stripe-Version"] = request.headers.get("stripe-version", API_VERSION)
            return response

        return endpoint

    # -- endpoints ---------------------------------------------------------------------------------------------

    def list(self, request: Request) -> Object:
        """A page of a type, newest first."""
        resource = self._resource(request)
        params = nested_query(query_pairs(request))
        limit, tree = page_size(params), expansion(params)
        rows = self.objects.collection(resource.stream)
        low, high = window_of(rows, params.pop("created", None))
        places: Sequence[int] = range(len(rows))
        checks: list[Callable[[Object], bool]] = []
        cursors = {name: params.pop(name, None) for name in ("starting_after", "ending_before")}
        for name, value in flat(params):
            if name in resource.links:
                index = rows.index(name, resource.links[name])
                found = index.get(value, [])
                places = found if len(found) < len(places) else places
                checks.append(equals(resource.links[name], value))
            elif name in resource.marks:
                checks.append(equals(resource.marks[name], value))
            else:
                checks.append(self._special(resource, name, value))
        if resource.stream == "subscriptions" and "status" not in params:
            checks.append(lambda row: row.get("status") != "canceled")
        page, more = newest_first(rows, places, checks, limit, (low, high), resource.name, **cursors)
        return {
            "object": "list",
            "data": [self.objects.present(row, tree) for row in page],
            "has_more": more,
            "url": f"/v1/{resource.stream}",
        }

    def retrieve(self, request: Request) -> Object:
        """One object; a deleted one is answered by its stub."""
        resource = self._resource(request)
        object_id = request.path_params["id"]
        params = nested_query(query_pairs(request))
        tree = expansion(params, "")
        row = self.objects.collection(resource.stream).get(object_id)
        if row is None or (row.get("deleted") and resource.stream not in {"customers", "products"}):
            raise missing(resource.name, object_id)
        return self.objects.present(row, tree)

    def search(self, request: Request) -> Object:
        """Stripe's search: `query`, `limit`, `page`."""
        resource = self._resource(request)
        if not resource.searchable:
            raise self._unknown_url(request)
        params = nested_query(query_pairs(request))
        limit, tree = page_size(params), expansion(params)
        query, after = params.pop("query", None), params.pop("page", "0")
        if not query:
            raise error(400, "Missing required param: query.", "query", "parameter_missing")
        for name in params:
            raise unknown_parameter(name)
        rows = self.objects.collection(resource.stream)
        test = search_test(query)
        found = self.backend.derived(
            ("stripe search", resource.stream, query),
            lambda: [row for row in reversed(rows.rows) if not row.get("deleted") and test(row)],
        )
        start = int(after) if str(after).isdigit() else 0
        end = start + limit
        more = end < len(found)
        return {
            "object": "search_result",
            "data": [self.objects.present(row, tree) for row in found[start:end]],
            "has_more": more,
            "next_page": str(end) if more else None,
            "total_count": len(found),
            "url": f"/v1/{resource.stream}/search",
        }

    def embedded(self, stream: str, name: str) -> Callable[[Request], Object]:
        """Return the endpoint that pages a list embedded in an object."""

        def endpoint(request: Request) -> Object:
            parent_id = request.path_params["id"]
            parent = self.objects.collection(stream).get(parent_id)
            if parent is None or parent.get("deleted"):
                raise missing(RESOURCES[stream].name, parent_id)
            params = nested_query(query_pairs(request))
            return self._forward_page(members(parent, name), params, f"/v1/{stream}/{parent_id}/{name}")

        return endpoint

    def subscription_items(self, request: Request) -> Object:
        """The items of one subscription."""
        params = nested_query(query_pairs(request))
        subscription_id = params.pop("subscription", None)
        if not subscription_id:
            raise error(400, "Missing required param: subscription.", "subscription", "parameter_missing")
        subscription = self.objects.collection("subscriptions").get(subscription_id)
        if subscription is None:
            raise missing("subscription", subscription_id, "subscription", 400)
        items = members(subscription, "items")
        return self._forward_page(items, params, f"/v1/subscription_items?subscription={subscription_id}")

    def subscription_item(self, request: Request) -> Object:
        """One subscription item."""
        item_id = request.path_params["id"]
        item = self.objects.lookup("subscription_items", item_id)
        if item is None:
            raise error(404, f"Invalid subscription_item id: {item_id}", "item", "resource_missing")
        return self.objects.present(item, expansion(nested_query(query_pairs(request)), ""))

    def balance(self, request: Request) -> Object:
        """The balances, by currency: what balance transactions have left available or pending."""

        def build() -> Object:
            now = self.backend.now.timestamp()
            totals: dict[str, dict[str, int]] = {"available": {}, "pending": {}}
            for row in self.objects.collection("balance_transactions").rows:
                part = totals["available" if (row.get("available_on") or 0) <= now else "pending"]
                currency = row.get("currency") or "usd"
                part[currency] = part.get(currency, 0) + (row.get("net") or 0)
            shown = {
                name: [
                    {"amount": amount, "currency": currency, "source_types": {"card": amount}}
                    for currency, amount in sorted(part.items())
                ]
                for name, part in totals.items()
            }
            return {"object": "balance", **shown, "livemode": False}

        return self.backend.derived("stripe balance", build)

    def account(self, request: Request) -> Object:
        """The account behind the key."""
        return {
            "id": "acct_sandbox", "object": "account", "country": "US", "default_currency": "usd",
            "charges_enabled": True, "details_submitted": True, "email": None, "metadata": {},
            "settings": {"dashboard": {"display_name": "Sandbox", "timezone": "Etc/UTC"}}, "type": "standard",
        }  # fmt: skip

    def not_found(self, request: Request) -> Response:
        """The answer to an address that does not exist."""
        return self._unknown_url(request).response

    def _forward_page(self, items: Sequence[Object], params: Object, url: str) -> Object:
        """A page of an embedded list, which keeps its own order."""
        limit, tree = page_size(params), expansion(params)
        after, before = params.pop("starting_after", None), params.pop("ending_before", None)
        for name in params:
            raise unknown_parameter(name)
        start, end = 0, len(items)
        places = {item.get("id"): place for place, item in enumerate(items)}
        for cursor, name in ((after, "starting_after"), (before, "ending_before")):
            if cursor is not None and cursor not in places:
                raise missing("line item", cursor, name, 400)
        if after is not None:
            start = places[after] + 1
        if before is not None:
            end = places[before]
            start = max(start, end - limit)
            more = start > 0
        else:
            more = start + limit < end
        data = [self.objects.present(item, tree) for item in items[start : min(end, start + limit)]]
        return {"object": "list", "data": data, "has_more": more, "url": url}

    def _resource(self, request: Request) -> Resource:
        resource = RESOURCES.get(request.path_params["stream"])
        if resource is None:
            raise self._unknown_url(request)
        return resource

    def _unknown_url(self, request: Request) -> ApiError:
        path = request.url.path.partition("/stripe")[2] or request.url.path
        message = f"Unrecognized request URL ({request.method}: {path}). Please see https://stripe.com/docs"
        return error(404, message)

    def _special(self, resource: Resource, name: str, value: Any) -> Callable[[Object], bool]:
        """Return the test of a filter that is more than an equality; unknown names are errors as at Stripe."""
        if resource.stream == "subscriptions":
            if name == "status":
                return subscription_status(value)
            if name in {"price", "plan"}:
                return lambda row: any(path_to("price")(item) == value for item in members(row, "items"))
        if resource.stream == "events" and name in {"type", "types"}:
            return event_types(value)
        if resource.stream == "products" and name == "ids":
            wanted = set(as_list(value))
            return lambda row: row["id"] in wanted
        if resource.stream == "prices" and name == "lookup_keys":
            keys = set(as_list(value))
            return lambda row: row.get("lookup_key") in keys
        base, _, bound = name.partition("[")
        if base in resource.ranges:
            low, high = bounds({bound.rstrip("]"): value} if bound else value, base)
            return lambda row: row.get(base) is not None and low <= row[base] < high
        raise unknown_parameter(name)
