-- grain: one month and segment, with what happened in the month and the customers of its end
{{ config(schema='staging', meta=carried(
    by='month',
    keyed={
        'fct_account_months': 'month',
        'int_account_month_segments': 'month',
        'fct_mrr_movements': month_of('moved_on'),
    }
)) }}

with turns as (

    select
        account_key,
        {{ month_of('moved_on') }} as month,
        max(case when movement = 'new' then 1 else 0 end) as is_new,
        max(case when movement = 'reactivation' then 1 else 0 end) as is_reactivated,
        max(case when movement = 'churn' then 1 else 0 end) as is_churned
    from {{ ref('fct_mrr_movements') }}
    where movement in ('new', 'reactivation', 'churn')
    group by 1, 2

),

months as (

    select
        months.*,
        coalesce(turns.is_new, 0) as is_new,
        coalesce(turns.is_reactivated, 0) as is_reactivated,
        coalesce(turns.is_churned, 0) as is_churned,
        {{ segment_columns('segments') }},
        months.is_customer_at_start and segments.plan_open <> segments.plan as is_moved
    from {{ ref('fct_account_months') }} as months
    inner join {{ ref('int_account_month_segments') }} as segments
        on months.account_key = segments.account_key and months.month = segments.month
    left join turns on months.account_key = turns.account_key and months.month = turns.month

)

select
    month,
    {{ segment_type() }} as segment_type,
    {{ segment() }} as segment,
    sum(is_new) as customers_new,
    sum(is_reactivated) as customers_reactivated,
    sum(is_churned) as customers_churned,
    sum(case when is_customer then 1 else 0 end) as customers_end,
    sum(case when is_moved then 1 else 0 end) as customers_moved_in,
    -- who came in the month and was no customer at its start
    sum(case when not is_customer_at_start and is_new + is_reactivated > 0 then 1 else 0 end) as arrivals,
    sum(mrr_new) as mrr_new,
    sum(mrr_expansion) as mrr_expansion,
    sum(mrr_contraction) as mrr_contraction,
    sum(mrr_churn) as mrr_churn,
    sum(mrr_reactivation) as mrr_reactivation,
    sum(mrr_fx) as mrr_fx,
    sum(case when is_moved then mrr_opening else 0 end) as mrr_moved_in,
    sum(mrr) as mrr_end,
    sum(recognised_revenue) as recognised_revenue
from months
group by {{ segment_sets(['month']) }}  -- noqa: PRS
