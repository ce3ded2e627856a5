-- grain: one account, currency and day on which its MRR in that currency changed, with the MRR before and after
{{ config(schema='staging', meta=carried(
    by='account_key', keyed=['fct_subscription_periods'], due={'fct_subscription_periods': day_has_come('ends_on')}
)) }}

with periods as (

    select * from {{ ref('fct_subscription_periods') }}
    where mrr_native <> 0

),

steps as (

    select
        account_key,
        currency,
        starts_on as day,
        mrr_native as step
    from periods
    union all
    select
        account_key,
        currency,
        ends_on as day,
        -mrr_native as step
    from periods
    where ends_on <= {{ as_of_date() }}

),

days as (

    select
        account_key,
        currency,
        day,
        sum(step) as step
    from steps
    group by account_key, currency, day
    having sum(step) <> 0

),

summed as (

    select
        *,
        sum(step) over (
            partition by account_key, currency order by day rows between unbounded preceding and current row
        ) as mrr_after
    from days

)

select
    account_key,
    currency,
    day,
    {{ money('mrr_after - step') }} as mrr_before_native,
    {{ money('mrr_after') }} as mrr_after_native
from summed
