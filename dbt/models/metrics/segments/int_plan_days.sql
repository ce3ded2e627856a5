-- grain: one account, currency, plan and day on which its MRR in that plan changed, with the change at the month's opening rate
{{ config(schema='staging', meta=carried(
    by='account_key',
    keyed=['fct_subscription_periods', 'int_account_currency_months', 'int_account_currency_days'],
    lookups={'dim_plans': {'whole': true, 'on': 'plan_key', 'through': {'fct_subscription_periods': 'plan_key'}}},
    due={'fct_subscription_periods': day_has_come('ends_on')}
)) }}

with plans as (

    select
        plan_key,
        case when plan_key = 'unknown' then 'unknown' else product end as product
    from {{ ref('dim_plans') }}

),

periods as (

    select
        periods.*,
        plans.product as plan
    from {{ ref('fct_subscription_periods') }} as periods
    inner join plans on periods.plan_key = plans.plan_key
    where periods.mrr_native <> 0

),

steps as (

    select
        account_key,
        currency,
        plan,
        starts_on as day,
        mrr_native as step
    from periods
    union all
    select
        account_key,
        currency,
        plan,
        ends_on as day,
        -mrr_native as step
    from periods
    where ends_on <= {{ as_of_date() }}

),

days as (

    select
        account_key,
        currency,
        plan,
        day,
        sum(step) as step
    from steps
    group by account_key, currency, plan, day
    having sum(step) <> 0

),

converted as (

    select
        days.*,
        months.rate_open,
        {{ convert('days.step', 'months.rate_open') }} as amount
    from days
    inner join {{ ref('int_account_currency_months') }} as months
        on
            days.account_key = months.account_key and days.currency = months.currency
            and {{ month_of('days.day') }} = months.month

),

-- what the account's MRR in the currency changed by, as the movements have it
wholes as (

    select
        days.account_key,
        days.currency,
        days.day,
        {{ convert('days.mrr_after_native', 'months.rate_open') }} - {{ convert('days.mrr_before_native', 'months.rate_open') }}
            as amount
    from {{ ref('int_account_currency_days') }} as days
    inner join {{ ref('int_account_currency_months') }} as months
        on
            days.account_key = months.account_key and days.currency = months.currency
            and {{ month_of('days.day') }} = months.month

),

ranked as (

    select
        *,
        row_number() over (partition by account_key, currency, day order by abs(amount) desc, plan) as place,
        sum(amount) over (partition by account_key, currency, day) as amounts
    from converted

)

select
    ranked.account_key,
    ranked.currency,
    ranked.plan,
    ranked.day,
    {{ money('ranked.step') }} as step_native,
    -- the greatest change takes what rounding leaves
    {{ money('ranked.amount + case when ranked.place = 1 then coalesce(wholes.amount, 0) - ranked.amounts else 0 end') }} as amount
from ranked
left join wholes
    on
        ranked.account_key = wholes.account_key and ranked.currency = wholes.currency
        and ranked.day = wholes.day
