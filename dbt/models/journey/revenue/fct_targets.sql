-- grain: one goal of a metric and month
{{ config(meta=timed({
    'stg_ledger__targets': day_turns() ~ ' and ' ~ month_end('month') ~ ' > ' ~ run_date(':since')
})) }}

with targets as (

    select
        *,
        {{ month_of('month') }} as target_month,
        least({{ month_end('month') }}, {{ as_of_date() }}) as rated_on
    from {{ ref('stg_ledger__targets') }}
    where not is_deleted

),

-- a goal without a currency is a count
rated as (

    select
        targets.*,
        case
            when coalesce(targets.currency, '') = '' then cast(1 as decimal(18, 12))
            else {{ require_rate('rates.rate', 'targets.currency', 'targets.rated_on') }}
        end as rate
    from targets
    left join {{ ref('int_rate_days') }} as rates on targets.currency = rates.currency and targets.rated_on = rates.day

)

select
    cast({{ key(['target_id']) }} as string) as target_key,
    cast(target_id as string) as target_id,
    cast(metric as string) as metric,
    cast(target_month as date) as month,
    cast(nullif(currency, '') as string) as currency,
    {{ money('amount') }} as amount_native,
    {{ convert('amount', 'rate') }} as amount
from rated
