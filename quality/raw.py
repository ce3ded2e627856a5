"""The raw ledger: nothing lost, nothing untyped in bulk, sources alive."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from quality.frames import Expected, Frame, Scope, between, is_zero

# what a stream holds in the ledger, whatever its source
LEDGER_TYPES = {
    "id": "VARCHAR",
    "modified_at": "TIMESTAMP WITH TIME ZONE",
    "is_deleted": "BOOLEAN",
    "content_hash": "VARCHAR",
    "version_hash": "VARCHAR",
    "extracted_at": "TIMESTAMP WITH TIME ZONE",
    "payload": "VARCHAR",
}

# streams in which something happens every few days at any company, and the days of silence that are suspicious
PULSES = {"raw_hubspot.contacts": 14, "raw_encharge.events": 4, "raw_stripe.invoices": 35}

# a handful of rejected objects never stops a run, however small the stream
QUARANTINE_SLACK = 10

EXPECTATIONS: tuple[Expected, ...] = (
    between("volume", "rows_lost", "error", "the ledger only grows: no version that was there is missing", None, 0),
    between("growth", "growth", "warning", "a run adds at most ten times of what was there", None, 10),
    is_zero("keys", "rows_without_key", "error", "every version has an id, hashes, instants and its payload"),
    is_zero("instants", "implausible_instants", "error", "modification instants lie between 2000 and the next day"),
    is_zero("types", "mistyped_columns", "error", "the ledger's own columns have their declared types"),
    between("quarantine", "quarantined_over_limit", "error", "rejected objects stay under the limit", None, 0),
    between("rejected", "quarantined", "warning", "no object was rejected", None, 0),
    between("freshness", "hours_since_load", "warning", "a configured source was read in the last 26 hours", None, 26),
)


def raw_frames(streams: Mapping[str, Sequence[str]]) -> tuple[Frame, ...]:
    """The suites of the raw layer for the given streams by source."""
    tables = tuple(f"raw_{source}.{stream}" for source, names in streams.items() for stream in names)
    pulses = tuple(table for table in tables if table in PULSES)
    frames = [Frame("raw_streams", "raw", tables, partial(_streams, tables), EXPECTATIONS, ("table_name",))]
    if pulses:
        silence = between("silence", "days_over", "warning", "something has happened in the source of late", None, 0)
        frames.append(
            Frame("raw_pulses", "raw", pulses, lambda scope: _pulses(pulses, scope), (silence,), ("table_name",))
        )
    return tuple(frames)


def _streams(tables: Sequence[str], scope: Scope) -> str:
    counted = " union all ".join(_counted(table, scope) for table in tables)
    types = ", ".join(f"('{name}', '{kind}')" for name, kind in LEDGER_TYPES.items())
    return f"""
        with counted as ({counted}),
        declared(column_name, data_type) as (values {types}),
        mistyped as (
            select c.table_schema || '.' || c.table_name as table_name,
                count(*) filter (where c.data_type <> d.data_type) as mistyped_columns
            from information_schema.columns as c
            inner join declared as d on c.column_name = d.column_name
            where c.table_schema like 'raw\\_%' escape '\\'
            group by all
        ),
        before as (
            select r.table_name, r.rows as rows_before from meta.row_counts as r
            where r.run_id = (select max_by(run_id, started_at) from meta.runs where status = 'passed')
        )
        select
            c.table_name,
            c.rows,
            greatest(b.rows_before - c.rows, 0) as rows_lost,
            case when b.rows_before > 1000 then (c.rows - b.rows_before) / b.rows_before end as growth,
            c.rows_without_key,
            c.implausible_instants,
            coalesce(m.mistyped_columns, 0) as mistyped_columns,
            c.quarantined,
            greatest(c.quarantined - greatest({QUARANTINE_SLACK}, {scope.quarantine_limit} * c.rows), 0)
                as quarantined_over_limit,
            case when f.is_configured then date_diff('minute', f.loaded_at, timezone('UTC', now())) / 60.0 end
                as hours_since_load
        from counted as c
        left join mistyped as m on c.table_name = m.table_name
        left join before as b on c.table_name = b.table_name
        left join meta.freshness as f on c.table_name = 'raw_' || f.source || '.' || f.stream
    """


def _counted(table: str, scope: Scope) -> str:
    schema, stream = table.split(".")
    return f"""
        select '{table}' as table_name, count(*) as rows,
            count(*) filter (where id is null or version_hash is null or content_hash is null
                or modified_at is null or extracted_at is null or payload is null) as rows_without_key,
            count(*) filter (where modified_at < timestamptz '2000-01-01 00:00:00+00'
                or modified_at > extracted_at + interval 1 day) as implausible_instants,
            (
                -- an object that was rejected once and is stored by now has been put right
                select count(distinct coalesce(q.id, q.payload)) from {schema}.quarantine as q
                where q.stream = '{stream}' and not exists (select 1 from {table} as t where t.id = q.id)
            ) as quarantined
        from {table}
    """


def _pulses(tables: Sequence[str], scope: Scope) -> str:
    selects = " union all ".join(
        f"""
        select '{table}' as table_name, case when bool_or(f.is_configured) then
            greatest(date_diff('hour', max(t.modified_at), timestamptz '{scope.as_of:%Y-%m-%d %H:%M:%S}+00') / 24.0
                - {PULSES[table]}, 0) end as days_over
        from {table} as t
        inner join meta.freshness as f on f.source = '{table.split(".")[0].removeprefix("raw_")}'
            and f.stream = '{table.split(".")[1]}'
        """
        for table in tables
    )
    return selects
