"""`python -m tests.benchmarks.growth`: how the build of all models grows with the company, from 1,000 accounts on.

A company of N accounts is written straight into the raw ledger by SQL (subscriptions of two years and more, invoices,
charges, balance transactions, contacts, deals, email events), and every model is built on it, without tests. The
exponent between two sizes is log(cost ratio) / log(size ratio): 1 grows with the rows, 2 with their square. The fixed
costs of dbt flatten it between the small sizes, so the last step says most. Figures are reported, never asserted.
"""

from __future__ import annotations

import argparse
import json
import math
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from resource import RUSAGE_SELF, getrusage

import duckdb

from tests.dbt.raw_tables import create_raw, insert_raw
from warehouse.dbt_nights import carrying, made_views
from warehouse.dbt_overhead import kept_templates, lighten, settled
from warehouse.engine import DuckDB
from warehouse.settings import DBT_PROJECT, REPOSITORY, Settings, prepare_process, process_environment
from warehouse.transform import close_connections

SIZES = (1_000, 10_000, 100_000)
AS_OF = "2026-06-15 00:00:00"
FIRST_DAY = "2023-07-01"
EVENTS_AN_ACCOUNT = 24
# a model below this many seconds at the larger size says nothing about growth
SLOW_SECONDS = 2.0

# one row an account: when it came, what it buys, when it left (NULL: it stays)
ACCOUNTS = """
create temp table accounts as
select
    i,
    lpad(cast(i as varchar), 7, '0') as k,
    (timestamp '{first_day}' + interval (i % 900) day + interval (i % 24) hour) as start_at,
    ['eur', 'usd', 'usd', 'gbp'][1 + i % 4] as currency,
    i % 6 = 0 as is_yearly,
    1 + i % 7 as quantity,
    [4900, 9900, 29900][1 + i % 3] as unit_amount,
    case when i % 4 = 3 then 4 + i % 13 end as stays_months,
    ['DE', 'US', 'FR', 'GB', 'NL'][1 + i % 5] as country,
    ['ORGANIC_SEARCH', 'PAID_SEARCH', 'EMAIL_MARKETING', 'REFERRALS', 'DIRECT_TRAFFIC'][1 + i % 5] as origin
from range({accounts}) as numbers(i)
"""

# one row a billing cycle that began before the run's instant; a seat more after half a year
CYCLES = """
create temp table cycles as
with billed as (
    select
        *,
        case when is_yearly then 12 else 1 end as step,
        unnest(range(0, 48, case when is_yearly then 12 else 1 end)) as age
    from accounts
)
select
    *,
    printf('%s_%02d', k, age) as c,
    start_at + to_months(cast(age as integer)) as period_start,
    start_at + to_months(cast(age + step as integer)) as period_end,
    quantity + case when age >= 6 then 1 else 0 end as seats,
    unit_amount * (case when is_yearly then 10 else 1 end) * (quantity + case when age >= 6 then 1 else 0 end) as amount
from billed
where
    start_at + to_months(cast(age as integer)) < timestamp '{as_of}'
    and (stays_months is null or age < stays_months)
"""

PRICE = "'price_' || unit_amount || '_' || currency || (case when is_yearly then '_y' else '_m' end)"
INTERVAL = "case when is_yearly then 'year' else 'month' end"
YEARLY_PRICE = "unit_amount * case when is_yearly then 10 else 1 end"
LEFT_AT = "start_at + to_months(cast(stays_months as integer))"
IS_GONE = f"stays_months is not null and {LEFT_AT} < timestamp '{AS_OF}'"

# stream -> (id, modified_at, the other columns, where from)
STREAMS: Mapping[str, tuple[str, str, str, str]] = {
    "stripe.customers": (
        "'cus_' || k",
        "start_at",
        "'Company ' || k as name, 'billing@c' || k || '.example' as email, country, currency, "
        "'co_' || k as hubspot_company_id, start_at as created_at",
        "accounts",
    ),
    "stripe.prices": (
        "id",
        f"timestamp '{FIRST_DAY}'",
        "* exclude (id), 'prod_1' as product_id, 'recurring' as type, 1 as interval_count, 'licensed' as usage_type, "
        "'per_unit' as billing_scheme, true as is_active",
        f"(select distinct {PRICE} as id, currency, {YEARLY_PRICE} as unit_amount, "
        f"{YEARLY_PRICE} as unit_amount_decimal, {INTERVAL} as interval from accounts)",
    ),
    "stripe.subscriptions": (
        "'sub_' || k",
        f"case when {IS_GONE} then {LEFT_AT} else start_at end",
        f"'cus_' || k as customer_id, case when {IS_GONE} then 'canceled' else 'active' end as status, currency, "
        "'charge_automatically' as collection_method, start_at as created_at, start_at, "
        f"case when {IS_GONE} then {LEFT_AT} end as ended_at, case when {IS_GONE} then {LEFT_AT} end as canceled_at, "
        "false as cancel_at_period_end, '[]' as discount_ids",
        "accounts",
    ),
    "stripe.subscription_items": (
        "'si_' || k",
        "start_at",
        f"'sub_' || k as subscription_id, {PRICE} as price_id, 'prod_1' as product_id, currency, "
        f"{YEARLY_PRICE} as unit_amount, {YEARLY_PRICE} as unit_amount_decimal, {INTERVAL} as interval, "
        "1 as interval_count, 'licensed' as usage_type, max(seats) as quantity, '[]' as discount_ids, "
        "start_at as created_at",
        "cycles group by all",
    ),
    "stripe.invoices": (
        "'in_' || c",
        "period_start",
        "'cus_' || k as customer_id, 'sub_' || k as subscription_id, 'paid' as status, currency, amount as subtotal, "
        "amount as total, amount as total_excluding_tax, 0 as tax, 0 as discount, amount as amount_due, "
        "amount as amount_paid, 0 as amount_remaining, 1 as attempt_count, period_start as created_at, "
        "period_start as finalized_at, period_start as paid_at",
        "cycles",
    ),
    "stripe.invoice_lines": (
        "'il_' || c",
        "period_start",
        "'in_' || c as invoice_id, 'cus_' || k as customer_id, 'sub_' || k as subscription_id, "
        f"'si_' || k as subscription_item_id, {PRICE} as price_id, 'prod_1' as product_id, amount, "
        "0 as discount_amount, '[]' as discount_amounts, 0 as tax_amount, 0 as inclusive_tax_amount, currency, "
        "seats as quantity, false as is_proration, period_start as period_start_at, period_end as period_end_at",
        "cycles",
    ),
    "stripe.invoice_payments": (
        "'inpay_' || c",
        "period_start",
        "'in_' || c as invoice_id, 'ch_' || c as charge_id, amount as amount_paid, 'paid' as status, currency, "
        "period_start as created_at",
        "cycles",
    ),
    "stripe.charges": (
        "'ch_' || c",
        "period_start",
        "'cus_' || k as customer_id, amount, amount as amount_captured, 0 as amount_refunded, currency, "
        "'succeeded' as status, true as is_paid, false as is_disputed, 'txn_' || c as balance_transaction_id, "
        "period_start as created_at",
        "cycles",
    ),
    "stripe.balance_transactions": (
        "'txn_' || c",
        "period_start",
        "'charge' as type, 'charge' as reporting_category, amount, amount * 29 // 1000 + 30 as fee, "
        "amount - (amount * 29 // 1000 + 30) as net, currency, 'ch_' || c as source_id, 'available' as status, "
        "period_start as created_at, period_start + interval 2 day as available_at",
        "cycles",
    ),
    "hubspot.companies": (
        "'co_' || k",
        "start_at",
        "'Company ' || k as name, 'c' || k || '.example' as domain, country, 'customer' as lifecycle_stage, "
        "'own_' || (i % 12) as owner_id, 10 + i % 900 as employee_count, 'cus_' || k as stripe_customer_id, "
        "start_at - interval 60 day as created_at",
        "accounts",
    ),
    "hubspot.contacts": (
        "'ct_' || k || '_' || n",
        "start_at",
        "'p' || n || '@c' || k || '.example' as email, 'P' || n as first_name, 'K' || k as last_name, country, "
        "'customer' as lifecycle_stage, 'own_' || (i % 12) as owner_id, 'co_' || k as company_id, "
        "origin as analytics_source, start_at - interval 60 day as created_at",
        "accounts, range(2) as people(n)",
    ),
    "hubspot.deals": (
        "'deal_' || k",
        "start_at",
        "'Deal ' || k as name, unit_amount * quantity / 100 as amount, upper(currency) as currency, "
        "'default' as pipeline_id, 'closedwon' as stage_id, 'own_' || (i % 12) as owner_id, 1 as probability, "
        "origin as analytics_source, start_at - interval 40 day as created_at, start_at as close_at",
        "accounts",
    ),
    "hubspot.associations": (
        "'deal_' || k || ':co_' || k",
        "start_at",
        "'deals' as from_type, 'deal_' || k as from_id, 'companies' as to_type, 'co_' || k as to_id, "
        "'HUBSPOT_DEFINED' as category, 5 as type_id",
        "accounts",
    ),
    "hubspot.property_history": (
        "'contacts:ct_' || k || '_' || n || ':lifecyclestage:' || s",
        "start_at",
        "'contacts' as object_type, 'ct_' || k || '_' || n as object_id, 'lifecyclestage' as property, "
        "['lead', 'marketingqualifiedlead', 'opportunity', 'customer'][1 + s] as value, "
        "start_at - to_days(cast(45 - 15 * s as integer)) as changed_at, 'CRM_UI' as source_type",
        "accounts, range(2) as people(n), range(4) as stages(s)",
    ),
    "encharge.people": (
        "'ep_' || k || '_' || n",
        "start_at",
        "'p' || n || '@c' || k || '.example' as email, 'P' || n as first_name, 'K' || k as last_name, country, "
        "10 * n as lead_score, false as is_unsubscribed, start_at - interval 60 day as created_at",
        "accounts, range(2) as people(n)",
    ),
    "encharge.events": (
        "'ev_' || k || '_' || e",
        "occurred_at",
        "* exclude (k, e), 'ep_' || k || '_' || (e % 2) as person_id, "
        "'p' || (e % 2) || '@c' || k || '.example' as email, 'email_' || (e % 9) as email_id",
        "(select k, e, ['emailSent', 'emailOpened', 'emailClicked', 'pageVisited'][1 + e % 4] as event_type, "
        "start_at + to_days(cast(e * 11 - 50 as integer)) as occurred_at "
        f"from accounts, range({EVENTS_AN_ACCOUNT}) as events(e) "
        f"where start_at + to_days(cast(e * 11 - 50 as integer)) < timestamp '{AS_OF}')",
    ),
}


@dataclass(frozen=True)
class Cost:
    """What one build took: CPU seconds of the process, its peak memory, and the wall seconds of each model."""

    accounts: int
    raw_rows: int
    cpu_seconds: float
    peak_mib: float
    models: Mapping[str, float]


def fill(path: Path, accounts: int) -> int:
    """Write a company into a new warehouse file; returns the number of raw rows."""
    with duckdb.connect(str(path)) as connection:
        connection.execute("set timezone = 'UTC'")
        create_raw(connection)
        _fill_ledger(connection)
        make_accounts(connection, accounts, AS_OF)
        return sum(
            insert(connection, stream, key, modified_at, columns, origin, AS_OF)
            for stream, (key, modified_at, columns, origin) in STREAMS.items()
        )


def make_accounts(connection: duckdb.DuckDBPyConnection, accounts: int, as_of: str) -> None:
    """The temporary tables that the streams are made from: `accounts`, and `cycles` as billed until `as_of`."""
    connection.execute(ACCOUNTS.format(first_day=FIRST_DAY, accounts=accounts))
    connection.execute(CYCLES.format(as_of=as_of))


def insert(
    connection: duckdb.DuckDBPyConnection,
    stream: str,
    key: str,
    modified_at: str,
    columns: str,
    origin: str,
    extracted_at: str,
) -> int:
    """Append versions to a raw stream; returns how many rows it has then."""
    source, name = stream.split(".")
    connection.execute(
        f'insert into raw_{source}."{name}" by name select {key} as id, {modified_at} as modified_at, {columns}, '
        f"false as is_deleted, md5({key}) as content_hash, md5({key} || {modified_at}) as version_hash, "
        f"timestamp '{extracted_at}' as extracted_at, '{{}}' as payload, '1' as _dlt_load_id from {origin}"
    )
    return connection.execute(f'select count(*) from raw_{source}."{name}"').fetchone()[0]


def _fill_ledger(connection: duckdb.DuckDBPyConnection) -> None:
    """Rates, costs and spend by month, and the stage of won deals: as many for a company of any size."""
    months = [f"{year}-{month:02d}-01" for year in range(2023, 2027) for month in range(1, 13)]
    months = [month for month in months if "2023-03" <= month < "2026-07"]
    rates = [
        {"id": f"{month}{code}", "date": month, "currency": code, "to_currency": "USD", "rate": rate}
        for month in months
        for code, rate in (("EUR", "1.08"), ("GBP", "1.27"))
    ]
    costs = [
        {"id": f"{month}{kind}", "month": month, "category": kind, "vendor": "v", "amount": 9000, "currency": "USD"}
        for month in months
        for kind in ("hosting", "support", "sales_people", "programmes", "general_administration")
    ]
    spend = [
        {
            "id": f"{month}{channel}",
            "date": month,
            "channel": channel,
            "campaign": "c",
            "amount": 700,
            "currency": "USD",
        }
        for month in months
        for channel in ("paid_search", "paid_social")
    ]
    for stream, rows in (("exchange_rates", rates), ("costs", costs), ("ad_spend", spend)):
        insert_raw(connection, "ledger", stream, rows)
    # deals are closed only where their pipeline says so
    won = {"object_type": "deals", "pipeline_id": "default", "stage_id": "closedwon", "label": "Closed won"}
    won |= {"id": "deals:default:closedwon", "display_order": 1, "probability": "1", "is_closed": True}
    insert_raw(connection, "hubspot", "pipeline_stages", [won])


def build(folder: Path, accounts: int) -> Cost:
    """Fill a warehouse, and build every model on it in this process."""
    path = folder / "warehouse.duckdb"
    rows = fill(path, accounts)
    seconds, models = build_models(path, AS_OF)
    return Cost(
        accounts=accounts,
        raw_rows=rows,
        cpu_seconds=seconds,
        peak_mib=getrusage(RUSAGE_SELF).ru_maxrss / 1024,
        models=models,
    )


def build_models(path: Path, as_of: str, *flags: str) -> tuple[float, dict[str, float]]:
    """Build every model in this process, without tests: CPU seconds after parsing, and wall seconds by model."""
    prepare_process({"THROUGHLINE_WAREHOUSE_PATH": str(path)})
    from dbt.cli.main import dbtRunner

    lighten()
    folder = str(path.parent)
    common = ["--project-dir", str(DBT_PROJECT), "--profiles-dir", str(DBT_PROJECT), "--target-path", folder]
    common += ["--log-level", "none", "--log-level-file", "none"]
    manifest = dbtRunner().invoke(["parse", *common]).result
    before = _cpu()
    engine = DuckDB(Settings(data_dir=path.parent, carried_from_rows=0, _env_file=None))
    night = engine.carried_from(as_of, is_whole="--full-refresh" in flags)
    common += ["--vars", json.dumps({"as_of": as_of})]
    arguments = ["build", "--exclude-resource-type", "unit_test", "--exclude-resource-type", "test", "--no-write-json"]
    arguments += [*flags, *common]
    with carrying(night), settled(), kept_templates(path.parent):
        outcome = dbtRunner(manifest=manifest).invoke(arguments)
    if not outcome.success:
        bad = [r for r in outcome.result or () if str(r.status) == "error"] if outcome.exception is None else []
        raise SystemExit("\n".join(f"{r.node.name}: {r.message}" for r in bad) or str(outcome.exception))
    # what is still in memory is written when the file is closed
    close_connections()
    engine.stand_at(as_of, night, made_views(result.node for result in outcome.result))
    return _cpu() - before, {result.node.name: result.execution_time for result in outcome.result}


def _cpu() -> float:
    usage = getrusage(RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def measured(accounts: int) -> Cost:
    """One size in a process of its own, so that memory is its own."""
    folder = Path(tempfile.mkdtemp(prefix="growth-"))
    try:
        done = subprocess.run(
            [sys.executable, "-m", "tests.benchmarks.growth", "--one", str(accounts), "--folder", str(folder)],
            cwd=REPOSITORY,
            env=process_environment({}),
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        )
        found = re.search(r"^cost (.*)$", done.stdout, re.MULTILINE)
        if done.returncode or not found:
            raise SystemExit(f"the build of {accounts} accounts failed:\n{done.stdout[-3000:]}")
        return Cost(**json.loads(found[1]))
    finally:
        shutil.rmtree(folder)


def exponent(small: float, large: float, ratio: float) -> float:
    """By which power of the size a cost has grown."""
    return math.log(large / small) / math.log(ratio)


def report(costs: Sequence[Cost]) -> str:
    """The figures in Markdown, and the models that grew faster than the rows."""
    lines = ["| accounts | raw rows | CPU s | exponent | peak MiB |", "|---:|---:|---:|---:|---:|"]
    for number, cost in enumerate(costs):
        power = ""
        if number:
            before = costs[number - 1]
            power = f"{exponent(before.cpu_seconds, cost.cpu_seconds, cost.raw_rows / before.raw_rows):.2f}"
        lines.append(
            f"| {cost.accounts:,} | {cost.raw_rows:,} | {cost.cpu_seconds:.1f} | {power} | {cost.peak_mib:,.0f} |"
        )
    if len(costs) > 1:
        small, large = costs[-2:]
        ratio = large.raw_rows / small.raw_rows
        slow = sorted(
            (seconds, exponent(max(small.models[name], 0.01), seconds, ratio), name)
            for name, seconds in large.models.items()
            if seconds >= SLOW_SECONDS
        )
        lines += ["", "| slowest models at the largest size | wall s | exponent |", "|---|---:|---:|"]
        lines += [f"| {name} | {seconds:.1f} | {power:.2f} |" for seconds, power, name in reversed(slow[-15:])]
        steep = [f"{name} ({power:.2f})" for _, power, name in slow if power > 1.1]
        lines += ["", f"models above 1.1, by wall time: {', '.join(steep) or 'none'}"]
    return "\n".join(lines)


def main() -> None:
    """Build each size, and print the table."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, metavar="ACCOUNTS")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print("cost", json.dumps(build(options.folder, options.one).__dict__))
        return
    costs = []
    for accounts in options.sizes:
        costs.append(measured(accounts))
        print(f"{accounts} accounts done", file=sys.stderr, flush=True)
    print(report(costs))


if __name__ == "__main__":
    main()
