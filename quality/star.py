"""The star schema: keys are keys, references lead somewhere, values are plausible, nothing has shrunk overnight."""

from __future__ import annotations

from quality.frames import Frame, Scope, between, is_zero

# table -> the column that identifies a row
KEYS = {
    "journey.dim_accounts": "account_key",
    "journey.dim_account_history": "account_history_key",
    "journey.dim_people": "person_key",
    "journey.dim_owners": "owner_key",
    "journey.dim_campaigns": "campaign_key",
    "journey.dim_channels": "channel_key",
    "journey.dim_plans": "plan_key",
    "journey.fct_journey_events": "event_key",
    "journey.fct_deals": "deal_key",
    "journey.fct_handoffs": "handoff_key",
    "journey.fct_subscription_periods": "subscription_period_key",
    "journey.fct_mrr_movements": "movement_key",
    "journey.fct_account_months": "account_month_key",
}

# fact -> its columns that lead to a dimension; a missing reference is the dimension's row `unknown`, never null
REFERENCES = {
    "journey.fct_journey_events": {
        "account_key": "journey.dim_accounts",
        "person_key": "journey.dim_people",
        "channel_key": "journey.dim_channels",
        "campaign_key": "journey.dim_campaigns",
        "owner_key": "journey.dim_owners",
    },
    "journey.fct_deals": {
        "account_key": "journey.dim_accounts",
        "person_key": "journey.dim_people",
        "owner_key": "journey.dim_owners",
        "channel_key": "journey.dim_channels",
    },
    "journey.fct_handoffs": {
        "account_key": "journey.dim_accounts",
        "person_key": "journey.dim_people",
        "owner_key": "journey.dim_owners",
    },
    "journey.fct_subscription_periods": {"account_key": "journey.dim_accounts", "plan_key": "journey.dim_plans"},
    "journey.fct_mrr_movements": {"account_key": "journey.dim_accounts"},
    "journey.fct_account_months": {"account_key": "journey.dim_accounts"},
}

# table -> (expectation, condition that a row must never meet)
RANGES = {
    "journey.fct_journey_events": "occurred_at < timestamp '2000-01-01' or occurred_at > {as_of} + interval 1 day",
    "journey.fct_stage_periods": "exited_at < entered_at",
    "journey.fct_account_months": "mrr < 0",
    "journey.fct_subscription_periods": "mrr_native < 0 or quantity < 0 or ends_on < starts_on",
    "journey.fct_mrr_movements": "(amount = 0 and movement <> 'churn') "
    "or (movement in ('churn', 'contraction') and amount > 0) "
    "or (movement in ('new', 'expansion', 'reactivation') and amount < 0)",
    "journey.fct_handoffs": "wall_clock_minutes < 0",
}


def star_frames() -> tuple[Frame, ...]:
    """The suites of the star schema."""
    return (
        Frame(
            "star_keys",
            "star",
            tuple(KEYS),
            _keys,
            (
                is_zero("key is known", "null_keys", "error", "no row is without its key"),
                is_zero("key is unique", "repeated_keys", "error", "no two rows share a key"),
                between("volume", "share_kept", "warning", "the table keeps at least half of its rows", 0.5),
            ),
            ("table_name",),
        ),
        Frame(
            "star_dimensions",
            "star",
            tuple(table for table in KEYS if ".dim_" in table),
            _unknown_rows,
            (between("unknown member", "unknown_rows", "error", "the dimension has its row for `unknown`", 1, 1),),
            ("table_name",),
        ),
        Frame(
            "star_references",
            "star",
            tuple(REFERENCES),
            _references,
            (is_zero("references", "orphans", "error", "every key of a dimension is one of its rows"),),
            ("table_name",),
        ),
        Frame(
            "star_ranges",
            "star",
            tuple(RANGES),
            _ranges,
            (is_zero("plausible", "implausible_rows", "error", "dates are in order and amounts have their sign"),),
            ("table_name",),
        ),
    )


def _keys(scope: Scope) -> str:
    counted = " union all ".join(
        f"select '{table}' as table_name, count(*) as rows, count(*) - count({key}) as null_keys, "
        f"count({key}) - count(distinct {key}) as repeated_keys from {table}"
        for table, key in KEYS.items()
    )
    return f"""
        with counted as ({counted}),
        before as (
            select table_name, rows as rows_before from meta.row_counts
            where run_id = (select max_by(run_id, started_at) from meta.runs where status = 'passed')
        )
        select c.*, case when b.rows_before >= 100 then c.rows / b.rows_before end as share_kept
        from counted as c left join before as b on c.table_name = b.table_name
    """


def _unknown_rows(scope: Scope) -> str:
    return " union all ".join(
        f"select '{table}' as table_name, count(*) filter (where {key} = 'unknown') as unknown_rows from {table}"
        for table, key in KEYS.items()
        if ".dim_" in table
    )


def _references(scope: Scope) -> str:
    return " union all ".join(
        f"select '{fact}' as table_name, sum(orphans) as orphans from ("
        + " union all ".join(
            f"select count(*) as orphans from {fact} as f anti join {dimension} as d on f.{column} = d.{column}"
            for column, dimension in references.items()
        )
        + ")"
        for fact, references in REFERENCES.items()
    )


def _ranges(scope: Scope) -> str:
    as_of = f"timestamp '{scope.as_of:%Y-%m-%d %H:%M:%S}'"
    return " union all ".join(
        f"select '{table}' as table_name, count(*) filter (where {condition.format(as_of=as_of)}) as implausible_rows "
        f"from {table}"
        for table, condition in RANGES.items()
    )
