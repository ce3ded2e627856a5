-- grain: one account and month at whose end there is metered usage, with its amount a month in the reporting currency
{{ config(schema='staging', meta=timed({
    'fct_subscription_periods':
        'usage_mrr_native <> 0 and (ends_on is null or ends_on > ' ~ run_date(':since') ~ ') and ' ~ day_turns()
})) }}

with months as (

    select
        account_key,
        currency,
        usage_mrr_native,
        starts_on,
        ends_on,
        {{ explode_dates(month_of('starts_on'), month_of('least(coalesce(ends_on, ' ~ as_of_date() ~ '), ' ~ as_of_date() ~ ')'), 'month') }} as month
    from {{ ref('fct_subscription_periods') }}
    where usage_mrr_native <> 0

),

dated as (

    select
        *,
        least({{ month_end('month') }}, {{ as_of_date() }}) as closes_on
    from months

),

closings as (

    select
        account_key,
        currency,
        month,
        closes_on,
        sum(usage_mrr_native) as usage_mrr_native
    from dated
    where closes_on >= starts_on and (ends_on is null or closes_on < ends_on)
    group by account_key, currency, month, closes_on

),

rated as (

    select
        closings.*,
        {{ require_rate('rates.rate', 'closings.currency', 'closings.closes_on') }} as rate
    from closings
    left join {{ ref('int_rate_days') }} as rates
        on closings.currency = rates.currency and closings.closes_on = rates.day

)

select
    account_key,
    month,
    sum({{ convert('usage_mrr_native', 'rate') }}) as usage_mrr
from rated
group by account_key, month
