-- grain: one account, with its first month with a subscription or revenue
{{ config(schema='staging', meta=carried(
    by='account_key', keyed=['fct_subscription_periods', 'fct_revenue'], due={}
)) }}

with starts as (

    select
        account_key,
        {{ month_of('starts_on') }} as month
    from {{ ref('fct_subscription_periods') }}
    union all
    select
        account_key,
        month
    from {{ ref('fct_revenue') }}
    where not is_future

)

select
    account_key,
    min(month) as first_month
from starts
group by account_key
