-- grain: one account with billing, and where it stands at the run's instant
{{ config(schema='staging') }}

with today as (

    select
        account_key,
        mrr
    from {{ ref('fct_account_months') }}
    where month = {{ month_of(as_of_date()) }}

),

subscriptions as (

    select
        subscription_id,
        status,
        cancel_at_period_end or cancel_at is not null as is_ending
    from {{ ref('stg_stripe__subscriptions') }}

),

live as (

    select
        periods.account_key,
        {{ convert('periods.mrr_native', require_rate('rates.rate', 'periods.currency', as_of_date())) }} as mrr,
        coalesce(subscriptions.status, '') = 'past_due' as is_past_due,
        coalesce(subscriptions.is_ending, false) as is_ending
    from {{ ref('fct_subscription_periods') }} as periods
    left join subscriptions on periods.subscription_id = subscriptions.subscription_id
    left join {{ ref('int_rate_days') }} as rates
        on periods.currency = rates.currency and rates.day = {{ as_of_date() }}
    where
        periods.mrr_native > 0 and periods.starts_on <= {{ as_of_date() }}
        and (periods.ends_on is null or periods.ends_on > {{ as_of_date() }})

),

standing as (

    select
        account_key,
        sum(case when is_past_due then mrr else 0 end) as at_risk_mrr,
        sum(case when is_ending then 0 else mrr end) as committed_mrr
    from live
    group by account_key

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
    coalesce(standing.at_risk_mrr, 0) as at_risk_mrr,
    coalesce(standing.committed_mrr, 0) as committed_mrr,
    moves.customer_since,
    case when coalesce(today.mrr, 0) = 0 then moves.last_churned_on end as churned_on,
    coalesce(revenue.lifetime_revenue, 0) as lifetime_revenue,
    coalesce(cash.lifetime_cash, 0) as lifetime_cash,
    cash.first_payment_on,
    cash.last_payment_on
from accounts
left join today on accounts.account_key = today.account_key
left join standing on accounts.account_key = standing.account_key
left join moves on accounts.account_key = moves.account_key
left join revenue on accounts.account_key = revenue.account_key
left join cash on accounts.account_key = cash.account_key
