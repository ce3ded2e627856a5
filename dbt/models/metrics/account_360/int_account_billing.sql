-- grain: one account with billing, and where it stands at the run's instant
{{ config(schema='staging', meta=timed({'fct_account_months': month_turns()})) }}

with today as (

    select
        account_key,
        mrr,
        mrr_at_risk,
        mrr_committed
    from {{ ref('fct_account_months') }}
    where month = {{ month_of(as_of_date()) }}

),

moves as (

    select
        account_key,
        min(case when movement = 'new' then moved_on end) as customer_since,
        max(case when movement = 'churn' then moved_on end) as last_churned_on
    from {{ ref('fct_mrr_movements') }}
    group by account_key

),

revenue as (

    select
        account_key,
        sum(recognised_revenue) as lifetime_revenue
    from {{ ref('fct_account_months') }}
    group by account_key

),

cash as (

    select
        account_key,
        min(case when kind = 'charge' then occurred_on end) as first_payment_on,
        max(case when kind = 'charge' then occurred_on end) as last_payment_on,
        sum(net) as lifetime_cash
    from {{ ref('fct_cash') }}
    group by account_key

),

accounts as (

    select account_key from {{ ref('fct_account_months') }}
    union
    select account_key from {{ ref('fct_cash') }}

)

select
    accounts.account_key,
    coalesce(today.mrr, 0) as mrr,
    coalesce(today.mrr_at_risk, 0) as at_risk_mrr,
    coalesce(today.mrr_committed, 0) as committed_mrr,
    moves.customer_since,
    case when coalesce(today.mrr, 0) = 0 then moves.last_churned_on end as churned_on,
    coalesce(revenue.lifetime_revenue, 0) as lifetime_revenue,
    coalesce(cash.lifetime_cash, 0) as lifetime_cash,
    cash.first_payment_on,
    cash.last_payment_on
from accounts
left join today on accounts.account_key = today.account_key
left join moves on accounts.account_key = moves.account_key
left join revenue on accounts.account_key = revenue.account_key
left join cash on accounts.account_key = cash.account_key
