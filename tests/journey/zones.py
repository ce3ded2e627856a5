"""What another reporting time zone may change, and what not."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from tests.dbt.conftest import DbtWarehouse

# key, instant and day of facts that have both
DATED = (
    "select 'deal created', deal_id, created_at, created_on from journey.fct_deals",
    "select 'deal closed', deal_id, closed_at, closed_on from journey.fct_deals where closed_at is not null",
    "select 'lead', person_key, people.lead_created_at, leads.created_on from journey.fct_leads as leads "
    "inner join journey.dim_people as people using (person_key)",
    "select 'hand-off', handoff_key, assigned_at, assigned_on from journey.fct_handoffs",
    "select 'cash', balance_transaction_id, raw.created_at at time zone 'UTC', occurred_on from journey.fct_cash "
    "inner join raw_stripe.balance_transactions as raw on balance_transaction_id = raw.id",
    "select 'invoice', invoice_line_id, coalesce(raw.finalized_at, raw.created_at) at time zone 'UTC', invoiced_on "
    "from journey.fct_invoice_lines as lines inner join raw_stripe.invoices as raw on lines.invoice_id = raw.id",
)
# all-time totals, with a name for each
TOTALS = (
    "select event_type, count(*), max(occurred_at) from journey.fct_journey_events "
    # a change of recurring revenue happens at a day's beginning, and stages by billing follow it
    "where event_type not in ('stage_entered', 'subscription_changed') group by 1",
    "select event_key, occurred_at, channel_key from journey.fct_journey_events "
    "where event_type not in ('stage_entered', 'subscription_changed')",
    "select 'deals', count(*), sum(amount) from journey.fct_deals",
    "select 'cash', sum(net), sum(fee) from journey.fct_cash",
    "select source_id, sum(amount) from journey.fct_revenue group by 1",
    "select account_key, sum(amount) from journey.fct_mrr_movements group by 1 having sum(amount) <> 0",
    "select 'leads', count(*) from journey.fct_leads",
    "select deal_id, stage, entered_at, exited_at from journey.fct_deal_stage_periods",
    "select person_key, stage, entered_at from journey.fct_stage_periods where entity_type = 'person'",
)


def days_are_not_local(dbt: DbtWarehouse, zone: str) -> list[str]:
    """Facts whose day is not the one that clocks in the zone showed."""
    found = []
    for query in DATED:
        rows = dbt.rows(query)
        if not rows:
            found.append(f"too poor: {query}")
        for kind, key, instant, day in rows:
            if local_day(instant, zone) != day:
                found.append(f"{kind} {key}: {instant} is on {day} in {zone}")
    return found


def local_day(instant: datetime, zone: str) -> date:
    return instant.replace(tzinfo=UTC).astimezone(ZoneInfo(zone)).date()


def all_time_totals(dbt: DbtWarehouse) -> list[list[tuple[Any, ...]]]:
    return [sorted(dbt.rows(query)) for query in TOTALS]


def revenue_by_month(dbt: DbtWarehouse) -> dict[tuple[str, date], Decimal]:
    rows = dbt.rows("select source_id, month, sum(amount) from journey.fct_revenue group by all")
    return {(source, month): amount for source, month, amount in rows}


def revenue_moves_too_far(one: dict[tuple[str, date], Decimal], other: dict[tuple[str, date], Decimal]) -> list[str]:
    """Lines of which more than a day's worth moved out of a month.

    A line is spread over whole days: at the edge of a month at most one of them moves.
    """
    months: dict[str, set[date]] = {}
    for source, month in (*one, *other):
        months.setdefault(source, set()).add(month)
    found = []
    for source, in_months in months.items():
        running, total = Decimal(0), sum((abs(one.get((source, month), Decimal(0))) for month in in_months), Decimal(0))
        for month in sorted(in_months):
            running += one.get((source, month), Decimal(0)) - other.get((source, month), Decimal(0))
            # cumulated: the months before an edge hold at most a day more or less
            if len(in_months) > 2 and abs(running) > total / 28:
                found.append(f"{source} {month}: {running} of {total} moved")
        if running:
            found.append(f"{source}: {running} of {total} lost")
    return found
