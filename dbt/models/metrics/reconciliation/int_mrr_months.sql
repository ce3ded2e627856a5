-- grain: one item's period with MRR and month that it touches, up to the run's
{{ config(schema='staging', meta=carried(
    by='subscription_id',
    keyed=['fct_subscription_periods'],
    due={
        'fct_subscription_periods':
            'starts_on > ' ~ run_date(':since') ~ ' or (' ~ month_turns()
            ~ ' and (ends_on is null or ends_on > ' ~ run_date(':since') ~ '))'
    }
)) }}

with periods as (

    select
        subscription_id,
        account_key,
        currency,
        mrr_native,
        -- by policy what was used counts as well
        case when usage_mrr_native <> 0 then mrr_native else 0 end as used_native,
        starts_on,
        ends_on,
        least(coalesce({{ date_add('ends_on', -1) }}, {{ as_of_date() }}), {{ as_of_date() }}) as last_day
    from {{ ref('fct_subscription_periods') }}
    where mrr_native <> 0 and starts_on <= {{ as_of_date() }}

)

select
    subscription_id,
    account_key,
    currency,
    mrr_native,
    used_native,
    starts_on,
    ends_on,
    {{ explode_dates(month_of('starts_on'), month_of('last_day'), 'month') }} as month
from periods
