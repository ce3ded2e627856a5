"""A past that is told anew: figures of closed months that differ from the version that people read until now.

The marts always say what is known now. What they said before is kept here, once for each change, in the build file and
in every version that is published from it:

| table | a row is |
|---|---|
| `meta.restatements` | one figure of a closed month that a run found changed, of an account or of the company |
| `meta.months_as_published` | one closed month and measure: as first published, what changed since, as known now |
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from warehouse import publish
from warehouse.build_file import open_build
from warehouse.connections import literal
from warehouse.settings import Settings

if TYPE_CHECKING:
    import duckdb

_TABLES = """
create schema if not exists meta;
create table if not exists meta.restatements (
    run_id varchar not null, as_of timestamp not null, compared_with varchar not null, table_name varchar not null,
    month date not null, measure varchar not null, account_key varchar, amount_before decimal(18, 4) not null,
    amount_after decimal(18, 4) not null, reason varchar not null
);
create table if not exists meta.months_as_published (
    month date not null, measure varchar not null, currency varchar not null, amount_published decimal(18, 4) not null,
    amount_restated decimal(18, 4) not null, amount decimal(18, 4) not null, restatements bigint not null,
    restated_by varchar, primary key (month, measure)
);
"""

_TABLE = "fct_account_months"


@dataclass(frozen=True)
class Figure:
    """What is compared: a query on one table of the star that gives measure, account, month and amount.

    `{journey}` stands for the schema, of the build file or of the published version.
    """

    table: str
    query: str
    is_money: bool


# a figure of a closed month changes only when the past is told anew: conversions count in the month in which they come
FIGURES = (
    Figure(
        _TABLE,
        "unpivot (select account_key, month, mrr, recognised_revenue from {journey}.fct_account_months) "
        "on mrr, recognised_revenue into name measure value amount",
        True,
    ),
    Figure(
        "fct_leads",
        "select 'leads' as measure, account_key, date_trunc('month', created_on)::date as month, count(*) as amount "
        "from {journey}.fct_leads group by all",
        False,
    ),
    Figure(
        "fct_leads",
        "select 'lead_conversions' as measure, account_key, date_trunc('month', converted_on)::date as month, "
        "count(*) as amount from {journey}.fct_leads where converted_on is not null group by all",
        False,
    ),
    Figure(
        "fct_stage_periods",
        "select concat(entity_type, '_entered_', stage) as measure, account_key, "
        "date_trunc('month', timezone('{zone}', timezone('UTC', entered_at)))::date as month, count(*) as amount "
        "from {journey}.fct_stage_periods where not is_skipped group by all",
        False,
    ),
    Figure(
        "fct_deal_snapshots",
        "select 'open_pipeline' as measure, account_key, date_trunc('month', snapshot_date)::date as month, "
        "sum(amount) as amount from {journey}.fct_deal_snapshots where snapshot_date = last_day(snapshot_date) "
        "group by all",
        True,
    ),
    Figure(
        "fct_deals",
        "select 'won_deals' as measure, account_key, date_trunc('month', closed_on)::date as month, "
        "sum(coalesce(amount, 0)) as amount from {journey}.fct_deals where is_won group by all",
        True,
    ),
)


def record(settings: Settings, run_id: str) -> int:
    """Compare the run that the build file holds with what is published, and note every closed month that changed.

    Returns the number of notes.

    Figures in another currency are not compared, nor those of a run about an earlier instant. A changed policy or time
    zone moves everything, and is noted by month for the company; anything else by account. A run that finds the same
    differences again, because the one before was not published, takes the place of its notes.
    """
    basis = publish.current(settings)
    with open_build(settings) as connection:
        connection.execute(_TABLES)
        if not _has(connection, "current_database()", "journey", _TABLE):
            return 0
        found = 0
        if basis is not None and publish.damage_of(basis) is None:
            connection.execute(f"attach {literal(basis.path)} as published (read_only)")
            connection.execute(
                "delete from meta.restatements where run_id = ? or compared_with = ?", [run_id, basis.run_id]
            )
            if _has(connection, "'published'", "journey", _TABLE):
                found = _compare(connection, run_id, basis.run_id)
            connection.execute("detach published")
        _sum_up(connection)
    return found


def _compare(connection: duckdb.DuckDBPyConnection, run_id: str, basis: str) -> int:
    """Note the differences to the attached version."""
    now = connection.execute("select as_of, currency, time_zone from meta.runs where run_id = ?", [run_id]).fetchone()
    then = connection.execute(
        "select as_of, currency, time_zone from published.meta.runs where run_id = ?", [basis]
    ).fetchone()
    if now is None or then is None or now[0] < then[0] or now[1] != then[1]:
        return 0
    policies = [
        connection.execute(f"select max(policy_version) from {where}journey.{_TABLE}").fetchone()
        for where in ("", "published.")
    ]
    for_all = "policy" if policies[0] != policies[1] else "reporting_convention" if now[2] != then[2] else None
    connection.execute("create or replace temp table moved_accounts as " + _MOVED_ACCOUNTS)
    databases = ("current_database()", "'published'")
    shared = [figure for figure in FIGURES if all(_has(connection, db, "journey", figure.table) for db in databases)]
    account, reason = (
        ("cast(null as varchar)", f"'{for_all}'")
        if for_all
        else (
            "account_key",
            "case when account_key in (select account_key from moved_accounts) then 'identity' else 'source' end",
        )
    )
    connection.execute(
        f"""
        insert into meta.restatements
        with closed as (
            select max(month) as last_month from published.journey.{_TABLE} where is_complete
        ),
        before as (
            {_figures(shared, "published.journey", then[2])}
        ),
        after as (
            {_figures(shared, "journey", now[2])}
        ),
        compared as (
            select
                coalesce(before.table_name, after.table_name) as table_name,
                coalesce(before.measure, after.measure) as measure,
                coalesce(before.account_key, after.account_key) as account_key,
                coalesce(before.month, after.month) as month,
                coalesce(before.amount, 0) as amount_before,
                coalesce(after.amount, 0) as amount_after
            from before
            full join after
                on
                    before.measure = after.measure
                    and before.account_key = after.account_key
                    and before.month = after.month
        )
        select
            ?, cast(? as timestamp), ?, table_name, month, measure, {account} as who,
            sum(amount_before), sum(amount_after), {reason} as why
        from compared
        where amount_before <> amount_after and month <= (select last_month from closed)
        group by all
        having sum(amount_before) <> sum(amount_after)
        order by measure, month, who
        """,
        [run_id, now[0], basis],
    )
    counted = connection.execute("select count(*) from meta.restatements where run_id = ?", [run_id]).fetchone()
    return int(counted[0]) if counted else 0


# accounts that stand for other records than before: found to be one, or two
_MOVED_ACCOUNTS = """
with now as (select account_key, source_system, source_type, source_id from journey.account_sources),
before as (select account_key, source_system, source_type, source_id from published.journey.account_sources)
select now.account_key from now inner join before using (source_system, source_type, source_id)
where now.account_key <> before.account_key
union
select before.account_key from now inner join before using (source_system, source_type, source_id)
where now.account_key <> before.account_key
"""


def _figures(figures: Sequence[Figure], journey: str, zone: str) -> str:
    """All figures of a schema as one query: table, measure, account, month, amount, whether it is money."""
    return " union all ".join(
        f"select 'journey.{figure.table}' as table_name, measure, account_key, month, "
        f"cast(amount as decimal(18, 4)) as amount, {figure.is_money} as is_money "
        f"from ({figure.query.format(journey=journey, zone=zone)})"
        for figure in figures
    )


def _sum_up(connection: duckdb.DuckDBPyConnection) -> None:
    """Closed months on both bases: as first published, and as known now. Counts have no currency."""
    here = [figure for figure in FIGURES if _has(connection, "current_database()", "journey", figure.table)]
    zone = connection.execute("select max_by(time_zone, started_at) from meta.runs").fetchone()
    connection.execute("delete from meta.months_as_published")
    connection.execute(
        f"""
        insert into meta.months_as_published
        with closed as (
            select max(month) as last_month, max(currency) as currency from journey.{_TABLE} where is_complete
        ),
        known as (
            select measure, month, bool_or(is_money) as is_money, sum(amount) as amount
            from ({_figures(here, "journey", zone[0] if zone else "UTC")})
            group by measure, month
        ),
        restated as (
            select
                measure, month, sum(amount_after - amount_before) as amount, count(distinct run_id) as runs,
                max(run_id) as run_id
            from meta.restatements group by measure, month
        )
        select
            coalesce(known.month, restated.month) as month, coalesce(known.measure, restated.measure) as measure,
            case when coalesce(known.is_money, false) then closed.currency else '' end,
            coalesce(known.amount, 0) - coalesce(restated.amount, 0), coalesce(restated.amount, 0),
            coalesce(known.amount, 0), coalesce(restated.runs, 0), restated.run_id
        from known
        full join restated on known.measure = restated.measure and known.month = restated.month
        inner join closed on coalesce(known.month, restated.month) <= closed.last_month
        order by measure, month
        """
    )


def _has(connection: duckdb.DuckDBPyConnection, database: str, schema: str, table: str) -> bool:
    found = connection.execute(
        "select count(*) from information_schema.tables "
        f"where table_catalog = {database} and table_schema = ? and table_name = ?",
        [schema, table],
    ).fetchone()
    return bool(found and found[0])
