-- grain: one month, with the customers and recurring revenue at its ends and what became of its opening cohort
{{ config(schema='staging') }}

with months as (

    select * from {{ ref('int_metric_months') }}

),

states as (

    select
        month,
        sum(case when is_customer_at_start then 1 else 0 end) as customers_start,
        sum(case when is_customer then 1 else 0 end) as customers_end,
        sum(case when is_customer_at_start then mrr_opening else 0 end) as mrr_opening,
        sum(case when is_customer_at_start then least(mrr_opening, mrr_constant) else 0 end) as mrr_kept,
        sum(case when is_customer_at_start then mrr_constant else 0 end) as mrr_kept_and_grown,
        sum(recognised_revenue) as recognised_revenue
    from {{ ref('fct_account_months') }}
    group by month

),

moves as (

    select
        {{ month_of('moved_on') }} as month,
        count(distinct case when movement = 'new' then account_key end) as customers_new,
        count(distinct case when movement = 'reactivation' then account_key end) as customers_reactivated,
        count(distinct case when movement = 'churn' then account_key end) as customers_churned
    from {{ ref('fct_mrr_movements') }}
    group by 1

)

select
    months.month,
    coalesce(states.customers_start, 0) as customers_start,
    coalesce(moves.customers_new, 0) as customers_new,
    coalesce(moves.customers_reactivated, 0) as customers_reactivated,
    coalesce(moves.customers_churned, 0) as customers_churned,
    coalesce(states.customers_end, 0) as customers_end,
    coalesce(states.mrr_opening, 0) as mrr_opening,
    coalesce(states.mrr_kept, 0) as mrr_kept,
    coalesce(states.mrr_kept_and_grown, 0) as mrr_kept_and_grown,
    {{ round_money('coalesce(states.recognised_revenue, 0)') }} as recognised_revenue
from months
left join states on months.month = states.month
left join moves on months.month = moves.month
