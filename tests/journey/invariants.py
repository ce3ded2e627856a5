"""What holds of any journey, checked in plain Python from the rows of the published tables.

Each function returns what is wrong, in words; nothing is right.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

from tests.dbt.conftest import DbtWarehouse
from tests.journey.zones import local_day

Row = dict[str, Any]
FUNNEL = ("visitor", "subscriber", "lead", "mql", "sql", "opportunity", "customer")
RANK = {stage: rank for rank, stage in enumerate(FUNNEL)} | {"at_risk": 6, "churned": 6, "won_back": 6}
UNKNOWN = "unknown"


# --- 5: segments give the total ---------------------------------------------------------------------------------------

# of each mart: what tells its rows apart beside the segment, and the measures that sum over segments
SEGMENTED: dict[str, tuple[tuple[str, ...], str]] = {
    "unit_economics_by_segment_monthly": (
        ("month",),
        "customers_start customers_new customers_reactivated customers_churned customers_end mrr_start mrr_new "
        "mrr_expansion mrr_contraction mrr_churn mrr_reactivation mrr_fx mrr_end mrr_kept mrr_kept_and_grown "
        "recognised_revenue payment_fees cost_of_revenue",
    ),
    "lead_conversion_monthly": (("month",), "leads_created_in_month leads_converted_in_month n"),
    "lead_conversion_cohorts": (
        ("cohort_month", "within_days", "is_mature"),
        "leads leads_at_customers leads_converted n",
    ),
    "win_rates": (
        ("basis", "month"),
        "deals_won deals_lost deals_open amount_won amount_lost amount_open n",
    ),
    "pipeline_velocity": (("month",), "opportunities deals_won amount_won days_won n"),
    "pipeline_waterfall": (
        ("month",),
        "deals_opening deals_created deals_reopened deals_won deals_lost deals_closing amount_opening amount_created "
        "amount_reopened amount_won amount_lost amount_changed amount_closing",
    ),
    "sales_cycles": (("month",), "deals_won days_won deals_lost days_lost n"),
    "stage_conversion": (
        ("entity_type", "pipeline", "stage", "cohort_month", "is_reentry"),
        "entered skipped came_back moved_forward regressed left_funnel still_open n",
    ),
    "lead_handoffs": (
        ("month",),
        "assignments answered unanswered waiting within_sla sla_pending within_business_sla n",
    ),
    "retention_cohorts": (
        ("cohort_month", "age_months"),
        "n accounts_active accounts_never_left mrr_start mrr_end mrr_kept",
    ),
}
# a ratio of a segment, weighted by its denominator, is the total's
RATIOS = (
    ("unit_economics_by_segment_monthly", "customer_churn_rate", "customers_start"),
    ("unit_economics_by_segment_monthly", "arpa", "customers_end"),
    ("unit_economics_by_segment_monthly", "gross_revenue_retention", "mrr_start"),
    ("unit_economics_by_segment_monthly", "net_revenue_retention", "mrr_start"),
    ("lead_conversion_cohorts", "conversion_rate", "leads"),
    ("win_rates", "win_rate", "n"),
    ("pipeline_velocity", "win_rate", "opportunities"),
    ("stage_conversion", "conversion_rate", "n"),
    ("lead_handoffs", "within_sla_share", "assignments"),
    ("lead_handoffs", "unanswered_share", "assignments"),
)
# the company's own mart, and its columns that the segments' `all` rows repeat
COMPANY = (
    *("customers_start", "customers_new", "customers_reactivated", "customers_churned", "customers_end", "mrr_start"),
    *("mrr_end", "mrr_new", "recognised_revenue", "payment_fees", "cost_of_revenue", "ad_spend"),
    *("sales_marketing_cost", "gross_revenue_retention", "net_revenue_retention", "customer_churn_rate"),
)


def segments_give_the_total(dbt: DbtWarehouse) -> list[str]:
    found = []
    for mart, (keys, listed) in SEGMENTED.items():
        rows = dbt.dicts(f"select * from metrics.{mart}")
        types = {row["segment_type"] for row in rows} - {"close_month"}
        if len(types) < 2 or "all" not in types:
            found.append(f"{mart}: too poor, {types}")
        found += sums_differ(mart, rows, keys, listed.split(), types - {"all"})
        for name, ratio, weight in RATIOS:
            if name == mart:
                found += ratios_differ(mart, rows, keys, ratio, weight)
    company = {row["month"]: row for row in dbt.dicts("select * from metrics.unit_economics_monthly")}
    for row in dbt.dicts("select * from metrics.unit_economics_by_segment_monthly where segment_type = 'all'"):
        for column in COMPANY:
            if not same(row[column], company[row["month"]][column]):
                found.append(f"{row['month']} {column}: {row[column]} of segments, {company[row['month']][column]}")
    return found


def sums_differ(mart: str, rows: list[Row], keys: tuple[str, ...], measures: list[str], types: set[str]) -> list[str]:
    """Where the segments of a type do not sum to the row of all."""
    totals: dict[tuple[Any, ...], Row] = {}
    sums: dict[tuple[Any, ...], Counter[str]] = defaultdict(Counter)
    for row in rows:
        key = tuple(row[column] for column in keys)
        if row["segment"] is None:
            return [f"{mart}: a segment without a name"]
        if row["segment_type"] == "all":
            totals[key] = row
        else:
            sums[row["segment_type"], *key].update({measure: row[measure] or 0 for measure in measures})
    found = [f"{mart} {key}: no row of all" for key in {key[1:] for key in sums} - set(totals)]
    for key, total in totals.items():
        for kind in sorted(types):
            for measure in measures:
                # costs that nobody keeps are unknown for every segment
                if sums[kind, *key][measure] != (total[measure] or 0):
                    found.append(f"{mart} {key} {kind} {measure}: {sums[kind, *key][measure]}, all {total[measure]}")
    return found


def ratios_differ(mart: str, rows: list[Row], keys: tuple[str, ...], ratio: str, weight: str) -> list[str]:
    totals: dict[tuple[Any, ...], Row] = {}
    sums: dict[tuple[Any, ...], float] = defaultdict(float)
    for row in rows:
        key = tuple(row[column] for column in keys)
        if row["segment_type"] == "all":
            totals[key] = row
        else:
            sums[row["segment_type"], *key] += float(row[ratio] or 0) * float(row[weight])
    # an average of money is rounded to the cent, and so is each segment's
    tolerance = 0.01 if ratio == "arpa" else 1e-6
    return [
        f"{mart} {key} {ratio}: {weighted} weighted, all {totals[key[1:]][ratio]}"
        for key, weighted in sums.items()
        if totals[key[1:]][ratio] is not None
        and key[0] != "close_month"
        and abs(weighted / float(totals[key[1:]][weight]) - float(totals[key[1:]][ratio])) > tolerance
    ]


def same(one: Any, other: Any) -> bool:
    """Amounts to the cent, and so ratios to a millionth."""
    if one is None or other is None:
        return one is other
    if isinstance(one, Decimal):
        return abs(one - Decimal(other)) < Decimal("0.01")
    return abs(float(one) - float(other)) <= 1e-6 * max(1.0, abs(float(other)))


# --- 6: in exactly one stage at every instant -------------------------------------------------------------------------


def everybody_is_in_one_stage(dbt: DbtWarehouse, as_of: datetime) -> list[str]:
    stays: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in dbt.dicts("select * from journey.fct_stage_periods"):
        stays[row["entity_type"], row["entity_key"]].append(row)
    everybody = {
        (entity, key)
        for entity, table in (("account", "dim_accounts"), ("person", "dim_people"))
        for (key,) in dbt.rows(f"select {entity}_key from journey.{table} where {entity}_key <> 'unknown'")
    }
    found = [f"{one}: in no stage" for one in everybody - set(stays)]
    found += [f"{one}: not in the dimension" for one in set(stays) - everybody]
    for one, rows in stays.items():
        found += [f"{one}: {what}" for what in wrong_stays(rows, as_of)]
    return found


def wrong_stays(rows: list[Row], as_of: datetime) -> list[str]:
    found = []
    stayed = sorted((row for row in rows if not row["is_skipped"]), key=lambda row: row["entered_at"])
    if not stayed:
        return ["only skipped stages"]
    for before, after in pairwise(stayed):
        if before["exited_at"] != after["entered_at"]:
            found.append(
                f"left {before['stage']} at {before['exited_at']}, in {after['stage']} at {after['entered_at']}"
            )
        if after["previous_stage"] != before["stage"] or after["stage"] == before["stage"]:
            found.append(f"{after['stage']} comes after {after['previous_stage']}, not {before['stage']}")
        if after["is_regression"] != (RANK[after["stage"]] < RANK[before["stage"]]):
            found.append(f"{before['stage']} to {after['stage']}: regression is {after['is_regression']}")
    if stayed[-1]["exited_at"] is not None or stayed[0]["is_regression"]:
        found.append(f"first {stayed[0]}, last {stayed[-1]}")
    lengths = [(row["exited_at"] or as_of) - row["entered_at"] for row in stayed]
    if min(lengths[:-1], default=timedelta(1)) <= timedelta(0) or lengths[-1] < timedelta(0):
        found.append(f"a stay of no length: {lengths}")
    if sum(lengths, timedelta(0)) != as_of - stayed[0]["entered_at"]:
        found.append("stays do not sum to the whole")
    # whoever is in a stage has been in every one before it, or jumped over it then
    expected, reached = set(), -1
    for row in stayed:
        rank = RANK[row["stage"]]
        expected |= {(FUNNEL[jumped], row["entered_at"]) for jumped in range(reached + 1, rank)}
        reached = max(reached, rank)
    skipped = [(row["stage"], row["entered_at"]) for row in rows if row["is_skipped"]]
    if set(skipped) != expected or len(skipped) != len(expected):
        found.append(f"skipped {sorted(skipped)}, not {sorted(expected)}")
    if any(row["exited_at"] != row["entered_at"] or row["is_regression"] for row in rows if row["is_skipped"]):
        found.append("a skipped stage takes time, or is a regression")
    return found


def stages_differ_from_billing(dbt: DbtWarehouse, zone: str) -> list[str]:
    """An account that pays is a customer, in whatever words, and one that has left is churned: on the same days."""
    moved: dict[str, dict[str, set[date]]] = defaultdict(lambda: defaultdict(set))
    for account, day, movement in dbt.rows("select account_key, moved_on, movement from journey.fct_mrr_movements"):
        moved[account][movement].add(day)
    entered: dict[str, dict[str, set[date]]] = defaultdict(lambda: defaultdict(set))
    before: dict[str, str] = {}
    found = []
    for account, stage, at in dbt.rows(
        "select entity_key, stage, entered_at from journey.fct_stage_periods "
        "where entity_type = 'account' and not is_skipped order by entity_key, entered_at"
    ):
        # back from at risk is no beginning
        if not (before.get(account) == "at_risk" and stage in ("customer", "won_back")):
            entered[account][stage].add(local_day(at, zone))
        begins = moved[account]["new"] | moved[account]["reactivation"]
        if (
            stage == "at_risk"
            and before.get(account) not in ("customer", "won_back")
            and local_day(at, zone) not in begins
        ):
            found.append(f"{account} at risk at {at} after {before.get(account)}")
        before[account] = stage
    if not entered or not any("churn" in movements for movements in moved.values()):
        found.append("too poor: nobody left")
    for account, movements in moved.items():
        for movement, stage in (("churn", "churned"), ("new", "customer"), ("reactivation", "won_back")):
            days, moves = entered[account][stage], movements[movement]
            # somebody who is at risk from the first moment begins so
            at_once = set() if stage == "churned" else entered[account]["at_risk"]
            if not days <= moves <= days | at_once:
                found.append(f"{account} {stage} on {sorted(days)}, {movement} on {sorted(moves)}")
    return found


# --- 7: funnels fall, conversion rises --------------------------------------------------------------------------------


def funnels_fall_and_conversion_rises(dbt: DbtWarehouse) -> list[str]:
    found = []
    for (entity, cohort), steps in grouped(
        dbt.rows("select entity_type, cohort_month, stage_rank, reached, entered from metrics.funnel_cohorts"), 2
    ):
        reached = [row[3] for row in sorted(steps, key=lambda row: row[2])]
        if any(after > before for before, after in pairwise(reached)) or reached[0] != steps[0][4]:
            found.append(f"funnel of {entity} {cohort}: {reached} of {steps[0][4]}")
    for key, windows in grouped(
        dbt.rows(
            "select cohort_month, segment_type, segment, within_days, leads_converted, leads "
            "from metrics.lead_conversion_cohorts"
        ),
        3,
    ):
        converted = [row[4] for row in sorted(windows, key=lambda row: row[3])]
        if any(after < before for before, after in pairwise(converted)) or converted[-1] > windows[0][5]:
            found.append(f"conversion of {key}: {converted} of {windows[0][5]}")
    for key, ages in grouped(
        dbt.rows(
            "select cohort_type, cohort_start, segment_type, segment, age_days, share_converted "
            "from metrics.lead_conversion_survival"
        ),
        4,
    ):
        shares = [row[5] for row in sorted(ages, key=lambda row: row[4])]
        if any(after < before for before, after in pairwise(shares)) or not 0 <= shares[0] <= shares[-1] <= 1:
            found.append(f"curve of {key}: {shares}")
    return found


def grouped(rows: Iterable[tuple[Any, ...]], width: int) -> Iterable[tuple[tuple[Any, ...], list[tuple[Any, ...]]]]:
    """Rows by their first columns."""
    groups: dict[tuple[Any, ...], list[tuple[Any, ...]]] = defaultdict(list)
    for row in rows:
        groups[row[:width]].append(row)
    return groups.items()


def conversions_differ(dbt: DbtWarehouse) -> list[str]:
    """A lead converts on the day on which its account began to pay, if that is not before it came."""
    began = dict(
        dbt.rows("select account_key, min(moved_on) from journey.fct_mrr_movements where movement = 'new' group by 1")
    )
    found, days = [], []
    for row in dbt.dicts("select * from journey.fct_leads"):
        paid = began.get(row["account_key"]) if row["account_key"] != UNKNOWN else None
        is_later = paid is not None and paid >= row["created_on"]
        expected = (paid, (paid - row["created_on"]).days) if is_later else (None, None)
        if (row["converted_on"], row["days_to_convert"]) != expected:
            found.append(f"lead {row['person_key']}: {row['converted_on']}, {row['days_to_convert']}, not {expected}")
        if is_later:
            days.append((row["created_on"].replace(day=1), row["days_to_convert"]))
    if len(days) < 3:
        found.append(f"too poor: {len(days)} leads convert")
    for cohort, within, converted in dbt.rows(
        "select cohort_month, within_days, leads_converted from metrics.lead_conversion_cohorts "
        "where segment_type = 'all'"
    ):
        counted = sum(1 for month, day in days if month == cohort and day <= within)
        if counted != converted:
            found.append(f"cohort {cohort}, {within} days: {converted}, not {counted}")
    return found


# --- 8: open pipeline -------------------------------------------------------------------------------------------------


def pipeline_rolls_forward(dbt: DbtWarehouse, zone: str) -> list[str]:
    """Day by day in total, by owner, channel and pipeline; what is open is also counted from the deals' own stays."""
    found = []
    days = dbt.dicts("select * from metrics.pipeline_daily order by day")
    open_before = {"deals": 0, "amount": Decimal(0)}
    for number, row in enumerate(days):
        if number and row["day"] - days[number - 1]["day"] != timedelta(1):
            found.append(f"{row['day']} does not follow {days[number - 1]['day']}")
        for measure in ("deals", "amount"):
            changed = row["amount_changed"] if measure == "amount" else 0
            expected = open_before[measure] + row[f"{measure}_created"] + row[f"{measure}_reopened"] + changed
            expected -= row[f"{measure}_won"] + row[f"{measure}_lost"]
            if row[f"{measure}_open"] != expected:
                found.append(f"{row['day']} {measure} open: {row[f'{measure}_open']}, not {expected}")
            open_before[measure] = row[f"{measure}_open"]
    found += snapshots_differ(dbt, {row["day"]: row for row in days}, zone)
    found += flows_differ(dbt)
    found += waterfall_breaks(dbt)
    found += closings_differ(dbt)
    return found


def closings_differ(dbt: DbtWarehouse) -> list[str]:
    """A deal was closed when it last came to the kind of end it is at: from an open stage, or from the other end."""
    closed: dict[str, datetime | None] = {}
    before: dict[str, bool | None] = {}
    for key, entered, is_closed, is_won in dbt.rows(
        "select deal_key, entered_at, is_closed, is_won from journey.fct_deal_stage_periods where is_from_history "
        "order by deal_key, entered_at"
    ):
        end = is_won if is_closed else None
        if end is None or before.get(key) != end:
            closed[key] = entered if is_closed else None
        before[key] = end
    found = []
    for key, created, closed_at in dbt.rows("select deal_key, created_at, closed_at from journey.fct_deals"):
        expected = closed.get(key, closed_at)
        if closed_at != (expected and max(expected, created)):
            found.append(f"deal {key} closed at {closed_at}, not {expected}")
    return found


def snapshots_differ(dbt: DbtWarehouse, days: Mapping[date, Row], zone: str) -> list[str]:
    """Deals that were open at the end of a day, from their stays, beside the snapshots and the daily mart."""
    snapshots = dict(
        (row[0], row[1:])
        for row in dbt.rows("select snapshot_date, count(*), sum(amount) from journey.fct_deal_snapshots group by 1")
    )
    found = [
        f"{day}: {row['deals_open']} open for {row['amount_open']}, snapshots say {snapshots.get(day)}"
        for day, row in days.items()
        if (row["deals_open"], row["amount_open"]) != snapshots.get(day, (0, 0))
    ]
    counted: Counter[date] = Counter()
    for created, entered, exited, is_closed, is_first in dbt.rows(
        "select d.created_at, p.entered_at, p.exited_at, p.is_closed, p.previous_stage_id is null "
        "from journey.fct_deal_stage_periods as p inner join journey.fct_deals as d using (deal_key)"
    ):
        if is_closed and not (is_first and entered > created):
            continue
        # an open deal is open from its creation on, and one that was closed at its first sight was open before
        day = local_day(min(created, entered) if is_first else entered, zone)
        end = entered if is_closed else exited
        while day <= max(days, default=day) and (end is None or day < local_day(end, zone)):
            counted[day] += 1
            day += timedelta(1)
    found += [
        f"{day}: {row['deals_open']} open, by their stays {counted[day]}"
        for day, row in days.items()
        if row["deals_open"] != counted[day]
    ]
    return found


def flows_differ(dbt: DbtWarehouse) -> list[str]:
    """By owner, channel, account and pipeline: what has flowed in and out so far is what the snapshots show."""
    found = []
    for name, column in {
        "owner": "d.owner_key",
        "channel": "d.channel_key",
        "account": "d.account_key",
        "pipeline": "d.pipeline",
    }.items():
        flows: dict[Any, dict[date, list[Any]]] = defaultdict(lambda: defaultdict(lambda: [0, Decimal(0)]))
        for key, day, deals, amount in dbt.rows(
            f"select {column}, f.changed_on, sum(f.deals), sum(f.amount) from staging.int_deal_flows as f "
            "inner join journey.fct_deals as d using (deal_key) group by all"
        ):
            flows[key][day] = [deals, amount]
        shown = {
            (key, day): (deals, amount)
            for key, day, deals, amount in dbt.rows(
                f"select {column}, s.snapshot_date, count(*), sum(s.amount) from journey.fct_deal_snapshots as s "
                "inner join journey.fct_deals as d using (deal_key) group by all"
            )
        }
        last = max((day for _, day in shown), default=date.min)
        for key, by_day in flows.items():
            deals, amount, day = 0, Decimal(0), min(by_day)
            while day <= last:
                deals, amount = deals + by_day[day][0], amount + by_day[day][1]
                if (deals, amount) != shown.get((key, day), (0, 0)):
                    found.append(f"{name} {key} {day}: flows say {deals}, {amount}; open {shown.get((key, day))}")
                day += timedelta(1)
    return found


def waterfall_breaks(dbt: DbtWarehouse) -> list[str]:
    found = []
    closing: dict[tuple[str, str], Row] = {}
    for row in dbt.dicts("select * from metrics.pipeline_waterfall order by month"):
        key = (row["segment_type"], row["segment"])
        for measure in ("deals", "amount"):
            expected = row[f"{measure}_opening"] + sum(
                row[f"{measure}_{flow}"] for flow in ("created", "reopened", "moved_in")
            )
            expected -= sum(row[f"{measure}_{flow}"] for flow in ("won", "lost", "moved_out"))
            expected += row["amount_changed"] if measure == "amount" else 0
            before = closing[key][f"{measure}_closing"] if key in closing else 0
            if row[f"{measure}_closing"] != expected or row[f"{measure}_opening"] != before:
                found.append(f"waterfall {key} {row['month']} {measure}: {row}")
        closing[key] = row
    return found


# --- 12: merges and deletions reach every table, and totals stay ------------------------------------------------------

# lives tell apart by their records' ids: "w12.co0" is of life w12
LIFE, REST = "regexp_extract({id}, '([a-z][0-9]+)[.]', 1)", "regexp_extract({id}, '[.](.*)', 1)"
LIVES = f"""
    with lives as (
        select account_key, {LIFE.format(id="min(source_id)")} as life
        from journey.account_sources group by account_key
    )
"""
BY_ACCOUNT = "inner join lives using (account_key) group by all"
# of each measure: a life, something to tell its parts apart, and the amount
TOTALS = {
    "mrr": f"select life, month, sum(mrr) from journey.fct_account_months {BY_ACCOUNT}",
    "at risk": f"select life, month, sum(mrr_at_risk) from journey.fct_account_months {BY_ACCOUNT}",
    "recognised": f"select life, month, sum(recognised_revenue) from journey.fct_account_months {BY_ACCOUNT}",
    "revenue": f"select life, month, sum(amount) from journey.fct_revenue {BY_ACCOUNT}",
    "cash": f"select life, occurred_on, sum(net) from journey.fct_cash {BY_ACCOUNT}",
    "movements": f"select life, date_trunc('month', moved_on), sum(amount) from journey.fct_mrr_movements {BY_ACCOUNT}",
    "deals": f"select {LIFE}, {REST}, sum(amount) from journey.fct_deals group by all".replace("{id}", "deal_id"),
    "tickets": f"select {LIFE}, 1, count(*) from journey.fct_tickets group by all".replace("{id}", "ticket_id"),
    # an activity of two records that became one person is one event
    "events": f"select {LIFE}, event_type || {REST}, count(distinct source_id) from journey.fct_journey_events "
    "where source_id like '%.%' group by all".replace("{id}", "source_id"),
    # what two accounts did to recurring revenue changes its name when they become one: new is then an expansion
    "billing events": "select life, event_type, count(distinct source_id) from "
    "(from journey.fct_journey_events where source_system = 'stripe' and event_type <> 'subscription_changed') "
    f"{BY_ACCOUNT}",
}


def totals_of_lives(dbt: DbtWarehouse) -> dict[str, dict[str, dict[Any, Any]]]:
    """measure -> life -> key -> amount, without what is nothing."""
    found: dict[str, dict[str, dict[Any, Any]]] = {}
    for measure, query in TOTALS.items():
        found[measure] = defaultdict(dict)
        for life, key, amount in dbt.rows(LIVES + query):
            if amount != 0:
                found[measure][life][key] = amount
    return found


def totals_move(dbt: DbtWarehouse, pairs: Mapping[str, str], gone: Mapping[str, set[str]]) -> list[str]:
    """Where a life (by name) and its cleaned-up twin differ in total, apart from what was deleted in the twin."""
    found = []
    for measure, by_life in totals_of_lives(dbt).items():
        if not by_life:
            found.append(f"{measure}: too poor")
        for life, twin in pairs.items():
            before, after = dict(by_life.get(life, {})), by_life.get(twin, {})
            for key in [key for key in before if isinstance(key, str)]:
                if key.endswith(tuple(gone[twin])):
                    del before[key]
            if before != after:
                keys = [key for key in sorted({*before, *after}, key=str) if before.get(key) != after.get(key)]
                found.append(
                    f"{measure} of {life}: " + ", ".join(f"{k}: {before.get(k)}, then {after.get(k)}" for k in keys[:5])
                )
    return found


def stray_keys(dbt: DbtWarehouse) -> list[str]:
    """Columns of published tables with a key or id of an account or person that is not, or no longer, there."""
    found = []
    live = {
        f"{entity}_{part}": values_of(dbt, f"journey.{table}", f"{entity}_{part}")
        for entity, table in (("account", "dim_accounts"), ("person", "dim_people"))
        for part in ("key", "id")
    }
    aliases = set().union(*(values_of(dbt, f"journey.{one}_aliases", "alias_id") for one in ("account", "person")))
    if len(aliases) < 5:
        found.append(f"too poor: {len(aliases)} ids that stand for another")
    columns: dict[str, list[str]] = defaultdict(list)
    for schema, table, column in dbt.rows(
        "select table_schema, table_name, column_name from information_schema.columns "
        "where table_schema in ('journey', 'metrics', 'insights') and data_type = 'VARCHAR'"
    ):
        # these are there to tell old ids and records
        if not table.endswith(("_aliases", "_sources")) and table not in ("identity_evidence", "identity_review"):
            columns[f'{schema}."{table}"'].append(column)
    for table, names in columns.items():
        (lists,) = dbt.rows(f"select {', '.join(f'list(distinct {name})' for name in names)} from {table}")
        for column, values in zip(names, (set(one or ()) for one in lists), strict=True):
            if column in live and not values <= live[column]:
                found.append(f"{table}.{column}: {len(values - live[column])} that the dimension lacks")
            if column == "entity_key" and not values <= live["account_key"] | live["person_key"]:
                found.append(f"{table}.{column}: entities that no dimension has")
            if values & aliases:
                found.append(f"{table}.{column}: ids that stand for another, {sorted(values & aliases)[:3]}")
    return found


def values_of(dbt: DbtWarehouse, table: str, column: str) -> set[Any]:
    return {value for (value,) in dbt.rows(f'select distinct "{column}" from {table} where "{column}" is not null')}


# --- grains -----------------------------------------------------------------------------------------------------------


def keys_repeat(dbt: DbtWarehouse) -> list[str]:
    """Tables of the journey whose own key, their first column, is not one of a row."""
    found = []
    for table, key in dbt.rows(
        "select table_name, column_name from information_schema.columns where table_schema = 'journey' "
        "and ordinal_position = 1 and ends_with(column_name, '_key')"
    ):
        rows, keys = dbt.rows(f'select count(*), count(distinct "{key}") from journey."{table}"')[0]
        if rows != keys:
            found.append(f"{table}: {rows} rows, {keys} keys")
    return found
