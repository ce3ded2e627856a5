-- grain: one account, currency and month in which the committed or the at-risk part of its MRR changed
{{ config(schema='staging', meta=carried(
    by='account_key', keyed=['fct_subscription_periods'], due={'fct_subscription_periods': day_has_come('ends_on')}
)) }}

with periods as (

    select * from {{ ref('fct_subscription_periods') }}
    where mrr_native <> 0

),

-- as steps, like the MRR that they are a part of
steps as (

    select
        account_key,
        currency,
        {{ month_of('starts_on') }} as month,
        committed_mrr_native as committed,
        at_risk_mrr_native as at_risk
    from periods
    union all
    select
        account_key,
        currency,
        {{ month_of('ends_on') }} as month,
        -committed_mrr_native as committed,
        -at_risk_mrr_native as at_risk
    from periods
    where ends_on <= {{ as_of_date() }}

)

select
    account_key,
    currency,
    month,
    {{ money('sum(committed)') }} as committed_step,
    {{ money('sum(at_risk)') }} as at_risk_step
from steps
group by account_key, currency, month
