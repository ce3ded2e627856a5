"""The ledger's files: one CSV a stream, its columns, and what may stand in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Literal

from ingestion.versions import Column, Stream, canonical_json

FieldKind = Literal["text", "choice", "currency", "month", "date", "decimal", "rate", "count"]

METRICS = ("mrr", "recognised_revenue", "new_mrr", "new_customers", "bookings")
COST_CATEGORIES = (
    "hosting",
    "support",
    "third_party",
    "customer_success",
    "sales_people",
    "marketing_people",
    "sales_tools",
    "marketing_tools",
    "programmes",
    "research_development",
    "general_administration",
)
SYSTEMS = ("hubspot", "encharge", "stripe")
RECORD_TYPES = ("contact", "company", "person", "customer")
_COLUMN_KINDS = {
    "text": "t",
    "choice": "t",
    "currency": "t",
    "month": "dt",
    "date": "dt",
    "decimal": "d",
    "rate": "d",
    "count": "i",
}


@dataclass(frozen=True, slots=True)
class Field:
    """A column of a ledger file. `is_key` columns identify a row; a `choice` is one of `choices`.

    A field that is not `is_required` may be left empty, and its column may be absent from the file.
    """

    name: str
    kind: FieldKind
    is_key: bool = False
    is_required: bool = True
    choices: tuple[str, ...] = ()


def _key(name: str, kind: FieldKind, choices: tuple[str, ...] = (), is_required: bool = True) -> Field:
    return Field(name, kind, True, is_required, choices)


FILES: Mapping[str, tuple[Field, ...]] = {
    "targets": (
        _key("metric", "choice", METRICS),
        _key("month", "month"),
        Field("amount", "decimal"),
        Field("currency", "currency", is_required=False),
    ),
    "costs": (
        _key("month", "month"),
        _key("category", "choice", COST_CATEGORIES),
        _key("vendor", "text", is_required=False),
        Field("amount", "decimal"),
        Field("currency", "currency"),
    ),
    "ad_spend": (
        _key("date", "date"),
        _key("channel", "text"),
        _key("campaign", "text", is_required=False),
        Field("amount", "decimal"),
        Field("currency", "currency"),
        Field("clicks", "count", is_required=False),
        Field("impressions", "count", is_required=False),
    ),
    "exchange_rates": (
        _key("date", "date"),
        _key("currency", "currency"),
        _key("to_currency", "currency"),
        Field("rate", "rate"),
    ),
    # days on which nobody works: what is written by hand, and the public holidays of the configured country
    "holidays": (
        _key("date", "date"),
        Field("name", "text"),
    ),
    "identity_overrides": (
        _key("action", "choice", ("join", "split")),
        _key("entity", "choice", ("person", "account")),
        _key("left_system", "choice", SYSTEMS),
        _key("left_type", "choice", RECORD_TYPES),
        _key("left_id", "text"),
        _key("right_system", "choice", SYSTEMS),
        _key("right_type", "choice", RECORD_TYPES),
        _key("right_id", "text"),
        Field("reason", "text", is_required=False),
    ),
}


def row_id(stream: str, row: Mapping[str, Any]) -> str:
    """The id of a ledger row: a hash of its key columns."""
    key = [row.get(field.name) or "" for field in FILES[stream] if field.is_key]
    return blake2b(canonical_json(key).encode(), digest_size=16).hexdigest()


def _stream(name: str, fields: tuple[Field, ...]) -> Stream:
    columns = tuple(Column(field.name, _COLUMN_KINDS[field.kind]) for field in fields)  # type: ignore[arg-type]
    return Stream(name, columns, id_path=lambda row: row_id(name, row))


STREAMS: tuple[Stream, ...] = tuple(_stream(name, fields) for name, fields in FILES.items())
