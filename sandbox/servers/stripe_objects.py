"""Stripe's objects as its API shows them: references as ids unless expanded, embedded lists cut short."""

from __future__ import annotations

from typing import Any

from sandbox.backend import Backend, Collection, Object
from sandbox.servers.stripe_query import NO_TREE, Tree
from sandbox.servers.stripe_resources import FIELD_STREAMS, PREFIX_STREAMS, RESOURCES, members

EMBEDDED = 10  # members of a list inside an object, before it has to be paged


class Objects:
    """The stored objects of a backend, and how they are shown."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend

    def collection(self, stream: str) -> Collection:
        """Return the stored objects of a type."""
        return self.backend.collection("stripe", stream)

    def present(self, row: Object, tree: Tree = NO_TREE) -> Object:
        """Return an object as the API shows it: references as ids unless expanded, embedded lists cut short."""
        out = dict(row)
        kind = out.get("object")
        if out.get("deleted") is True and kind:
            return {"id": out.get("id"), "object": kind, "deleted": True}
        if kind == "invoice":
            out["lines"] = self._embedded(row, "lines", "invoices", tree)
        elif kind == "subscription":
            out["items"] = self._embedded(row, "items", "subscriptions", tree)
        elif kind == "credit_note":
            out["lines"] = self._embedded(row, "lines", "credit_notes", tree)
        elif kind == "subscription_item" and isinstance(out.get("price"), str):
            out["price"] = self._reference("price", out["price"], NO_TREE)
        elif kind == "price" and "tiers" not in tree:
            out.pop("tiers", None)
        elif kind == "event":
            payload = row.get("data") or {}
            if isinstance(payload.get("object"), dict):
                out["data"] = {**payload, "object": self.present(payload["object"])}
        elif kind == "discount" and isinstance(row.get("source"), dict) and "source" not in tree:
            coupon = row["source"].get("coupon")
            if isinstance(coupon, dict):
                out["source"] = {**row["source"], "coupon": coupon.get("id")}
        discounts = out.get("discounts")
        if discounts and "discounts" not in tree:
            out["discounts"] = [entry["id"] if isinstance(entry, dict) else entry for entry in discounts]
        if isinstance(out.get("discount"), dict) and "discount" not in tree:
            out["discount"] = self.present(out["discount"])
        for name, subtree in tree.items():
            if name in out and not (name in {"lines", "items"} and kind in {"invoice", "subscription", "credit_note"}):
                out[name] = self._expanded(name, out[name], subtree)
        if kind == "invoice" and "payments" in tree and "payments" not in row:
            out["payments"] = self._related("invoice_payments", "invoice", row["id"])
        if kind == "charge" and "refunds" in tree and "refunds" not in row:
            out["refunds"] = self._related("refunds", "charge", row["id"])
        return out

    def _expanded(self, name: str, value: Any, tree: Tree) -> Any:
        if isinstance(value, str):
            return self._reference(name, value, tree)
        if isinstance(value, list):
            return [self._expanded(name, entry, tree) for entry in value]
        if isinstance(value, dict):
            if value.get("object") == "list":
                inner = tree.get("data", NO_TREE)
                return {**value, "data": [self.present(entry, inner) for entry in value.get("data", [])]}
            return self.present(value, tree)
        return value

    def _reference(self, name: str, object_id: str, tree: Tree) -> Any:
        """Return the object an id leads to, or the id where it leads nowhere."""
        if name in {"discount", "discounts"}:
            found = self._discounts().get(object_id)
        else:
            found = self.lookup(FIELD_STREAMS.get(name, ""), object_id)
            if found is None:
                found = self.lookup(PREFIX_STREAMS.get(object_id.partition("_")[0], ""), object_id)
        return object_id if found is None else self.present(found, tree)

    def lookup(self, stream: str, object_id: str) -> Object | None:
        """Return the object of a type with this id, or None."""
        if stream == "subscription_items":
            items = self.backend.derived(
                "stripe items",
                lambda: {
                    item["id"]: item
                    for row in self.collection("subscriptions").rows
                    for item in members(row, "items")
                    if "id" in item
                },
            )
            return items.get(object_id)
        return self.collection(stream).get(object_id) if stream in RESOURCES else None

    def _discounts(self) -> dict[str, Object]:
        """Every discount by id, gathered from where they are stored."""

        def build() -> dict[str, Object]:
            found: dict[str, Object] = {}

            def gather(row: Object) -> None:
                for entry in [*(row.get("discounts") or []), row.get("discount")]:
                    if isinstance(entry, dict) and "id" in entry:
                        found[entry["id"]] = entry

            for stream in ("customers", "subscriptions", "invoices", "invoiceitems"):
                for row in self.collection(stream).rows:
                    gather(row)
                    for name in ("items", "lines"):
                        for part in members(row, name):
                            gather(part)
            return found

        return self.backend.derived("stripe discounts", build)

    def _embedded(self, row: Object, name: str, stream: str, tree: Tree) -> Object:
        every = members(row, name)
        inner = tree.get(name, NO_TREE).get("data", NO_TREE)
        path = f"/v1/{stream}/{row.get('id')}/{name}"
        if stream == "subscriptions":
            path = f"/v1/subscription_items?subscription={row.get('id')}"
        return {
            "object": "list",
            "data": [self.present(entry, inner) for entry in every[:EMBEDDED]],
            "has_more": len(every) > EMBEDDED,
            "total_count": len(every),
            "url": path,
        }

    def _related(self, stream: str, name: str, object_id: str) -> Object:
        rows = self.collection(stream)
        places = rows.index(name, RESOURCES[stream].links[name]).get(object_id, [])
        found = [self.present(rows.rows[place]) for place in reversed(places)]
        url = f"/v1/{stream}?{name}={object_id}"
        return {"object": "list", "data": found[:EMBEDDED], "has_more": len(found) > EMBEDDED, "url": url}
