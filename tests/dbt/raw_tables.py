"""The raw ledger's tables, made empty or filled with rows given as dicts, for tests of the dbt project.

`create_raw(connection)` makes every table of every source; `insert_raw(connection, "stripe", "customers", rows)` fills
one. `COLUMNS` is what the models read; a test compares it with `ingestion.<source>.schema.STREAMS`, what the connectors
write.
"""

from __future__ import annotations

import hashlib
import importlib
import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

import duckdb
import pyarrow as pa

SOURCES = ("hubspot", "encharge", "stripe", "ledger")

TYPES = {
    "t": "VARCHAR",
    "i": "BIGINT",
    "d": "DECIMAL(38,12)",
    "b": "BOOLEAN",
    "ts": "TIMESTAMPTZ",
    "dt": "DATE",
    "j": "VARCHAR",
}

LEDGER_COLUMNS = {
    "id": "VARCHAR",
    "modified_at": "TIMESTAMPTZ",
    "is_deleted": "BOOLEAN",
    "content_hash": "VARCHAR",
    "version_hash": "VARCHAR",
    "extracted_at": "TIMESTAMPTZ",
    "payload": "VARCHAR",
    "_dlt_load_id": "VARCHAR",
}

QUARANTINE_COLUMNS = {
    "stream": "VARCHAR",
    "id": "VARCHAR",
    "reason": "VARCHAR",
    "payload": "VARCHAR",
    "extracted_at": "TIMESTAMPTZ",
    "_dlt_load_id": "VARCHAR",
}

_ENGAGEMENT = "occurred_at ts, owner_id t, direction t, status t, subject t, duration_ms i, created_at ts"

COLUMNS: dict[str, dict[str, str]] = {
    "hubspot": {
        "contacts": "email t, first_name t, last_name t, company_name t, job_title t, country t, lifecycle_stage t, "
        "lead_status t, owner_id t, company_id t, analytics_source t, analytics_source_data_1 t, utm_source t, "
        "utm_medium t, utm_campaign t, additional_emails t, merged_ids t, created_at ts",
        "companies": "name t, domain t, country t, industry t, employee_count i, lifecycle_stage t, owner_id t, "
        "parent_company_id t, stripe_customer_id t, additional_domains t, merged_ids t, created_at ts",
        "deals": "name t, amount d, currency t, pipeline_id t, stage_id t, deal_type t, owner_id t, probability d, "
        "analytics_source t, merged_ids t, created_at ts, close_at ts",
        "tickets": "subject t, content t, pipeline_id t, stage_id t, priority t, owner_id t, created_at ts, "
        "closed_at ts",
        "calls": _ENGAGEMENT,
        "emails": _ENGAGEMENT,
        "meetings": _ENGAGEMENT,
        "notes": _ENGAGEMENT,
        "tasks": _ENGAGEMENT,
        "owners": "email t, first_name t, last_name t, user_id t, team t, created_at ts",
        "pipelines": "object_type t, pipeline_id t, label t",
        "pipeline_stages": "object_type t, pipeline_id t, stage_id t, label t, display_order i, is_closed b, "
        "probability d",
        "properties": "object_type t, name t, label t, type t, field_type t, is_hubspot_defined b, options j",
        "associations": "from_type t, from_id t, to_type t, to_id t, category t, type_id i, label t",
        "property_history": "object_type t, object_id t, property t, value t, changed_at ts, source_type t, "
        "source_id t, updated_by_user_id t",
    },
    "encharge": {
        "people": "email t, first_name t, last_name t, company_name t, country t, user_id t, lead_score i, "
        "is_unsubscribed b, hubspot_contact_id t, stripe_customer_id t, utm_source t, utm_medium t, utm_campaign t, "
        "referrer t, tags j, created_at ts",
        "segments": "name t, created_at ts",
        "segment_people": "segment_id t, person_id t",
        "fields": "name t, title t, type t",
        "tags": "",
        "events": "event_type t, occurred_at ts, person_id t, email t, anonymous_id t, email_id t, email_name t, "
        "email_subject t, campaign_id t, campaign_name t, url t, referrer t, page_title t, form_name t, "
        "score_value i, score_change i, tag t, user_agent t, is_automated b, reason t",
    },
    "stripe": {
        "customers": "email t, name t, description t, country t, currency t, hubspot_company_id t, metadata j, "
        "balance i, created_at ts",
        "products": "name t, is_active b, metadata j, created_at ts",
        "prices": "product_id t, currency t, type t, unit_amount i, unit_amount_decimal d, interval t, "
        "interval_count i, usage_type t, billing_scheme t, nickname t, is_active b, created_at ts",
        "coupons": "name t, percent_off d, amount_off i, currency t, duration t, duration_in_months i, is_valid b, "
        "created_at ts",
        "discounts": "coupon_id t, customer_id t, subscription_id t, subscription_item_id t, invoice_id t, "
        "start_at ts, end_at ts",
        "subscriptions": "customer_id t, status t, currency t, collection_method t, created_at ts, start_at ts, "
        "trial_start_at ts, trial_end_at ts, current_period_start_at ts, current_period_end_at ts, cancel_at ts, "
        "canceled_at ts, cancel_at_period_end b, ended_at ts, pause_behavior t, pause_resumes_at ts, discount_ids j, "
        "cancellation_reason t, cancellation_feedback t, metadata j",
        "subscription_items": "subscription_id t, price_id t, product_id t, currency t, unit_amount i, "
        "unit_amount_decimal d, interval t, interval_count i, usage_type t, quantity i, discount_ids j, "
        "created_at ts, current_period_start_at ts, current_period_end_at ts",
        "invoices": "customer_id t, subscription_id t, number t, status t, billing_reason t, currency t, subtotal i, "
        "total i, total_excluding_tax i, tax i, discount i, amount_due i, amount_paid i, amount_remaining i, "
        "attempt_count i, created_at ts, finalized_at ts, paid_at ts, voided_at ts, uncollectible_at ts, due_at ts, "
        "period_start_at ts, period_end_at ts",
        "invoice_lines": "invoice_id t, customer_id t, subscription_id t, subscription_item_id t, invoice_item_id t, "
        "price_id t, product_id t, amount i, discount_amount i, discount_amounts j, tax_amount i, "
        "inclusive_tax_amount i, currency t, quantity i, unit_amount_decimal d, is_proration b, description t, "
        "period_start_at ts, period_end_at ts",
        "invoice_payments": "invoice_id t, charge_id t, payment_intent_id t, amount_paid i, status t, currency t, "
        "created_at ts",
        "charges": "customer_id t, invoice_id t, payment_intent_id t, amount i, amount_captured i, amount_refunded i, "
        "currency t, status t, is_paid b, is_disputed b, failure_code t, failure_message t, balance_transaction_id t, "
        "created_at ts",
        "refunds": "charge_id t, payment_intent_id t, amount i, currency t, status t, reason t, "
        "balance_transaction_id t, created_at ts",
        "credit_notes": "invoice_id t, customer_id t, status t, type t, reason t, currency t, subtotal i, total i, "
        "amount i, tax i, refund_ids j, lines j, created_at ts, voided_at ts",
        "disputes": "charge_id t, payment_intent_id t, amount i, currency t, status t, reason t, created_at ts, "
        "balance_transaction_ids j",
        "balance_transactions": "type t, reporting_category t, amount i, fee i, net i, currency t, exchange_rate d, "
        "source_id t, description t, status t, created_at ts, available_at ts, fee_details j",
    },
    "ledger": {
        "targets": "metric t, month dt, amount d, currency t",
        "costs": "month dt, category t, vendor t, amount d, currency t",
        "ad_spend": "date dt, channel t, campaign t, amount d, currency t, clicks i, impressions i",
        "exchange_rates": "date dt, currency t, to_currency t, rate d",
        "holidays": "date dt, name t",
        "identity_overrides": "action t, entity t, left_system t, left_type t, left_id t, right_system t, "
        "right_type t, right_id t, reason t",
    },
}


def columns(source: str, stream: str) -> dict[str, str]:
    """The typed columns of a raw stream and their DuckDB types, without those every stream has."""
    pairs = (pair.split() for pair in COLUMNS[source][stream].split(",") if pair.strip())
    return {name: TYPES[kind] for name, kind in pairs}


def create_raw(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the schema and the empty tables of every source."""
    for source in SOURCES:
        connection.execute(f"create schema if not exists raw_{source}")
        for stream in COLUMNS[source]:
            _create(connection, source, stream, LEDGER_COLUMNS | columns(source, stream))
        _create(connection, source, "quarantine", QUARANTINE_COLUMNS)


def _create(connection: duckdb.DuckDBPyConnection, source: str, table: str, table_columns: Mapping[str, str]) -> None:
    listed = ", ".join(f'"{name}" {kind}' for name, kind in table_columns.items())
    connection.execute(f'create or replace table raw_{source}."{table}" ({listed})')


def insert_raw(
    connection: duckdb.DuckDBPyConnection,
    source: str,
    stream: str,
    rows: Iterable[Mapping[str, Any]],
    extracted_at: str | datetime = "2025-12-31 00:00:00+00",
) -> None:
    """Insert versions of a stream. A row needs `id`; what it leaves out is NULL, or for the ledger's own columns:

    extracted_at = the argument; modified_at = the row's created_at, else its extracted_at; is_deleted = false;
    payload = '{}'; version_hash = a hash over the row, so that two equal rows are one version and would break the key.
    Lists and dicts become JSON text. Instants are UTC unless they carry a zone. Raises KeyError for an unknown column.
    """
    known = LEDGER_COLUMNS | columns(source, stream)
    names = list(known)
    table: list[list[str | None]] = []
    for row in rows:
        unknown = set(row) - set(known)
        if unknown:
            raise KeyError(f"raw_{source}.{stream} has no column {', '.join(sorted(unknown))}")
        values = {name: _value(value) for name, value in row.items()}
        values.setdefault("extracted_at", str(extracted_at))
        values.setdefault("modified_at", values.get("created_at") or values["extracted_at"])
        values.setdefault("is_deleted", False)
        values.setdefault("payload", "{}")
        values.setdefault("_dlt_load_id", "1")
        digest = hashlib.blake2b(repr(sorted(values.items())).encode(), digest_size=16).hexdigest()
        values.setdefault("content_hash", digest)
        values.setdefault("version_hash", digest)
        table.append([None if values.get(name) is None else str(values[name]) for name in names])
    if not table:
        return
    # one statement: row by row, thousands of rows take longer than the models
    incoming = pa.table([pa.array(column, pa.string()) for column in zip(*table, strict=True)], names)
    connection.register("incoming", incoming)
    casts = ", ".join(f'cast("{name}" as {known[name]})' for name in names)
    listed = ", ".join(f'"{name}"' for name in names)
    connection.execute(f'insert into raw_{source}."{stream}" ({listed}) select {casts} from incoming')
    connection.unregister("incoming")


def _value(value: Any) -> Any:
    if isinstance(value, (dict, list)):
        return json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)
    return str(value) if isinstance(value, (Decimal, datetime)) else value


def streams(source: str) -> tuple[Any, ...]:
    """The streams that a connector declares: each has a `name` and `columns` with `name` and `kind`."""
    return tuple(importlib.import_module(f"ingestion.{source}.schema").STREAMS)
