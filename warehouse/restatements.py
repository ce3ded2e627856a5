"""A past that is told anew: figures of closed months that differ from the version that people read until now.

The marts always say what is known now. What they said before is kept here, once for each change, in the build file and
in every version that is published from it:

| table | a row is |
|---|---|
| `meta.restatements` | one figure of a closed month that a run found changed, of an account or of the company |
| `meta.months_as_published` | one closed month and measure: as first published, what changed since, as known now |
"""

from __future__ import annotations

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

MEASURES = ("mrr", "recognised_revenue")
_TABLE = "fct_account_months"


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
    for measure in MEASURES:
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
            with before as (
                select account_key, month, {measure} as amount from published.journey.{_TABLE} where is_complete
            ),
            after as (
                select account_key, month, {measure} as amount from journey.{_TABLE}
                where month in (select month from before)
            ),
            compared as (
                select
                    coalesce(before.account_key, after.account_key) as account_key,
                    coalesce(before.month, after.month) as month,
                    coalesce(before.amount, 0) as amount_before,
                    coalesce(after.amount, 0) as amount_after
                from before
                full join after on before.account_key = after.account_key and before.month = after.month
            )
            select
                ?, cast(? as timestamp), ?, 'journey.{_TABLE}', month, '{measure}', {account} as who,
                sum(amount_before), sum(amount_after), {reason} as why
            from compared
            where amount_before <> amount_after
            group by all
            having sum(amount_before) <> sum(amount_after)
            order by month, who
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


def _sum_up(connection: duckdb.DuckDBPyConnection) -> None:
    """Closed months on both bases: as first published, and as known now."""
    connection.execute("delete from meta.months_as_published")
    for measure in MEASURES:
        connection.execute(
            f"""
            insert into meta.months_as_published
            with known as (
                select month, max(currency) as currency, sum({measure}) as amount
                from journey.{_TABLE} where is_complete group by month
            ),
            restated as (
                select
                    month, sum(amount_after - amount_before) as amount, count(distinct run_id) as runs,
                    max(run_id) as run_id
                from meta.restatements where measure = '{measure}' group by month
            )
            select
                known.month, '{measure}', known.currency, known.amount - coalesce(restated.amount, 0),
                coalesce(restated.amount, 0), known.amount, coalesce(restated.runs, 0), restated.run_id
            from known left join restated on known.month = restated.month
            order by known.month
            """
        )


def _has(connection: duckdb.DuckDBPyConnection, database: str, schema: str, table: str) -> bool:
    found = connection.execute(
        "select count(*) from information_schema.tables "
        f"where table_catalog = {database} and table_schema = ? and table_name = ?",
        [schema, table],
    ).fetchone()
    return bool(found and found[0])
