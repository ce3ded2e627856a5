-- grain: one account and month in which it had MRR, with its main plan at the month's end or on its last day with MRR before
{{ config(schema='staging', meta=carried(
    by=['account_key', 'month'],
    keyed=['int_account_currency_months'],
    lookups={
        'fct_subscription_periods': {'on': 'account_key', 'through': {'int_account_currency_months': 'account_key'}},
        'dim_plans': {'whole': true, 'on': 'plan_key', 'through': {'fct_subscription_periods': 'plan_key'}},
    },
    due={'int_account_currency_months': month_was_open()}
)) }}

with plans as (

    select
        plan_key,
        case when plan_key = 'unknown' then 'unknown' else product end as product
    from {{ ref('dim_plans') }}

),

periods as (

    select
        periods.account_key,
        periods.currency,
        periods.starts_on,
        -- the last day of it that is over or running
        least(coalesce({{ date_add('periods.ends_on', -1) }}, {{ as_of_date() }}), {{ as_of_date() }}) as last_day,
        periods.mrr_native,
        plans.product as plan
    from {{ ref('fct_subscription_periods') }} as periods
    inner join plans on periods.plan_key = plans.plan_key
    where periods.mrr_native > 0

),

months as (

    select
        *,
        {{ explode_dates(month_of('starts_on'), month_of('last_day'), 'month') }} as month
    from periods
    where starts_on <= last_day

),

held as (

    select
        months.account_key,
        months.month,
        months.plan,
        least({{ month_end('months.month') }}, months.last_day) as held_to,
        {{ convert('months.mrr_native', 'rates.rate_open') }} as mrr
    from months
    inner join {{ ref('int_account_currency_months') }} as rates
        on
            months.account_key = rates.account_key and months.currency = rates.currency
            and months.month = rates.month

),

latest as (

    select
        *,
        max(held_to) over (partition by account_key, month) as last_held_to
    from held

),

summed as (

    select
        account_key,
        month,
        plan,
        sum(mrr) as mrr
    from latest
    where held_to = last_held_to
    group by account_key, month, plan

),

ranked as (

    select
        *,
        row_number() over (partition by account_key, month order by mrr desc, plan) as place
    from summed

)

select
    account_key,
    month,
    plan
from ranked
where place = 1
