"""The marts: figures close to the cent, months follow each other, ratios are ratios."""

from __future__ import annotations

from quality.frames import Frame, Scope, between, is_zero, known, one_of

ECONOMICS = "metrics.unit_economics_monthly"
ROLLFORWARD = "metrics.mrr_rollforward"
MOVEMENTS = "metrics.mrr_movements_monthly"
RECONCILIATION = "metrics.revenue_reconciliation"
WATERFALL = "metrics.pipeline_waterfall"
COHORTS = "metrics.lead_conversion_cohorts"


def mart_frames() -> tuple[Frame, ...]:
    """The suites of the marts. They are small: a row a month, checked row by row."""
    return (
        Frame(
            "unit_economics",
            "marts",
            (ECONOMICS,),
            _economics,
            (
                is_zero("one row a month", "month_gap", "error", "months follow each other without gap or repetition"),
                known("policy is named", "policy_version", "error", "every row names the policy it follows"),
                between("churn rate", "customer_churn_rate", "error", "a share of the customers", 0, 1),
                between("lead conversion", "lead_conversion_rate", "error", "a share of the leads", 0, 1),
                between("gross margin", "gross_margin", "error", "at most the whole revenue", None, 1),
                between("gross retention", "gross_revenue_retention", "error", "a share of the opening MRR", 0, 1),
                is_zero("net and gross retention", "grr_over_nrr", "error", "gross is never above net retention"),
                is_zero(
                    "customers add up",
                    "customer_gap",
                    "error",
                    "who stayed and nobody but who was there, came new or came back is a customer at the end",
                ),
                between("amounts", "smallest_amount", "error", "MRR, costs and customers are never negative", 0),
            ),
            ("month",),
        ),
        Frame(
            "unit_economics_currency",
            "marts",
            (ECONOMICS,),
            lambda scope: f"select month, currency = '{scope.currency}' as is_reporting_currency from {ECONOMICS}",
            (one_of("currency", "is_reporting_currency", "error", "money is in the reporting currency", [True]),),
            ("month",),
        ),
        Frame(
            "rollforward",
            "marts",
            (ROLLFORWARD,),
            _rollforward,
            (
                is_zero("closes", "difference", "error", "opening + movements = closing, to the cent"),
                is_zero("opens where it closed", "opening_gap", "error", "a month opens with what the last one closed"),
                is_zero("equals the headline", "headline_gap", "error", "closing MRR is that of unit economics"),
            ),
            ("month",),
        ),
        Frame(
            "movements",
            "marts",
            (MOVEMENTS,),
            _movements,
            (is_zero("sum", "difference", "error", "movements of a month sum to those of the roll-forward"),),
            ("month",),
        ),
        Frame(
            "reconciliation",
            "marts",
            (RECONCILIATION,),
            lambda scope: (
                f"select month, source, measure, reason, cast(difference as double) as difference from {RECONCILIATION}"
            ),
            (is_zero("agrees", "difference", "error", "billing, facts and marts show the same revenue"),),
            ("month", "source", "measure", "reason"),
        ),
        Frame(
            "pipeline",
            "marts",
            (WATERFALL,),
            _pipeline,
            (
                is_zero("pipeline foots", "footing", "error", "opening, what came and what went give the closing"),
                is_zero(
                    "pipeline opens where it closed", "opening_gap", "error", "a month opens with the last closing"
                ),
                between("pipeline is not negative", "smallest", "error", "nothing leaves that was not there", 0),
            ),
            ("month",),
        ),
        Frame(
            "lead_cohorts",
            "marts",
            (COHORTS,),
            _cohorts,
            (
                between("cohort conversion", "highest_rate", "error", "a share of the leads of the month", 0, 1),
                is_zero("immature cohorts", "shown_too_early", "error", "no rate before the window of all is over"),
            ),
            ("month",),
        ),
    )


def _economics(scope: Scope) -> str:
    return f"""
        select
            month,
            policy_version,
            date_diff('month', lag(month) over (order by month), month) - 1 as month_gap,
            -- customers who come and go within the month may outnumber those of its start
            cast(case when customers_churned <= customers_start then customer_churn_rate end as double)
                as customer_churn_rate,
            cast(lead_conversion_rate as double) as lead_conversion_rate,
            cast(gross_margin as double) as gross_margin,
            cast(gross_revenue_retention as double) as gross_revenue_retention,
            cast(coalesce(gross_revenue_retention > net_revenue_retention + 1e-9, false) as integer) as grr_over_nrr,
            greatest(
                customers_end - customers_start - customers_new - customers_reactivated,
                customers_start - customers_churned - customers_end,
                0
            ) as customer_gap,
            cast(least(mrr_start, mrr_end, cost_of_revenue, sales_marketing_cost, customers_start, customers_end)
                as double) as smallest_amount
        from {ECONOMICS}
        order by month
    """


def _rollforward(scope: Scope) -> str:
    return f"""
        select
            r.month,
            cast(r.difference as double) as difference,
            cast(r.mrr_opening - lag(r.mrr_closing) over (order by r.month) as double) as opening_gap,
            cast(r.mrr_closing - u.mrr_end as double) as headline_gap
        from {ROLLFORWARD} as r
        left join {ECONOMICS} as u on r.month = u.month
        order by r.month
    """


def _movements(scope: Scope) -> str:
    return f"""
        with moved as (select month, sum(amount) as amount from {MOVEMENTS} group by month)
        select r.month, cast(r.mrr_closing - r.mrr_opening - coalesce(m.amount, 0) as double) as difference
        from {ROLLFORWARD} as r left join moved as m on r.month = m.month
        order by r.month
    """


def _pipeline(scope: Scope) -> str:
    return f"""
        select
            month,
            deals_opening + deals_created + deals_reopened - deals_won - deals_lost - deals_closing
                + cast(
                    amount_opening + amount_created + amount_reopened - amount_won - amount_lost + amount_changed
                    - amount_closing
                as double) as footing,
            cast(amount_opening - lag(amount_closing) over (order by month) as double) as opening_gap,
            cast(least(deals_opening, deals_closing, deals_created, deals_won, deals_lost) as double) as smallest
        from {WATERFALL}
        where segment_type = 'all'
        order by month
    """


def _cohorts(scope: Scope) -> str:
    return f"""
        select
            cohort_month as month,
            max(conversion_rate) as highest_rate,
            sum(case when not is_mature and conversion_rate is not null then 1 else 0 end) as shown_too_early
        from {COHORTS}
        where segment_type = 'all'
        group by cohort_month
        order by cohort_month
    """
