-- grain: one subscription and month with MRR, and what its days at that pace come to
{{ config(schema='staging', meta=carried(
    by=['subscription_id', 'month'],
    keyed=['int_mrr_months'],
    lookups={'int_rate_days': {'whole': true, 'on': 'day', 'through': {'int_mrr_months': [date_add('month', -1), month_end('month')]}}},
    due={'int_mrr_months': month_was_open()}
)) }}

with dated as (

    select
        *,
        least(coalesce({{ date_add('ends_on', -1) }}, {{ as_of_date() }}), {{ as_of_date() }}) as last_day,
        least({{ month_end('month') }}, {{ as_of_date() }}) as closes_on
    from {{ ref('int_mrr_months') }}

),

counted as (

    select
        *,
        last_day >= closes_on as is_in_force,
        {{ days_between('greatest(month, starts_on)', 'least(closes_on, last_day)') }} + 1 as days_in_force
    from dated

),

summed as (

    select
        subscription_id,
        account_key,
        currency,
        month,
        closes_on,
        {{ days_between('month', month_end('month')) }} + 1 as days_in_month,
        {{ days_between('month', 'closes_on') }} + 1 as days_shown,
        sum(case when is_in_force then mrr_native else 0 end) as close_native,
        sum({{ to_parts('mrr_native') }} * days_in_force) as parts_in_force,
        sum({{ to_parts('used_native') }} * days_in_force) as used_parts_in_force,
        max(mrr_native - used_native) as peak_native
    from counted
    group by subscription_id, account_key, currency, month, closes_on

),

rated as (

    select
        summed.*,
        -- what ended within the month needs no rate of its last day
        {{ require_rate(
            'coalesce(case when summed.close_native <> 0 then closing.rate end, opening.rate, closing.rate)',
            'summed.currency', 'summed.closes_on'
        ) }} as rate,
        {{ from_parts(divide_half_up(
            to_parts('summed.close_native') ~ ' * ' ~ whole('summed.days_shown'), 'summed.days_in_month'
        )) }} as shown_native,
        {{ from_parts(divide_half_up('summed.parts_in_force', 'summed.days_in_month')) }} as pace_native,
        {{ from_parts(divide_half_up('summed.used_parts_in_force', 'summed.days_in_month')) }} as used_pace_native
    from summed
    left join {{ ref('int_rate_days') }} as closing
        on summed.currency = closing.currency and summed.closes_on = closing.day
    left join {{ ref('int_rate_days') }} as opening
        on summed.currency = opening.currency and {{ date_add('summed.month', -1) }} = opening.day

)

select
    subscription_id,
    account_key,
    currency,
    month,
    rate,
    peak_native,
    pace_native - used_pace_native as licensed_pace_native,
    {{ convert('close_native', 'rate') }} as mrr_close,
    {{ convert('shown_native', 'rate') }} as shown,
    {{ convert('pace_native', 'rate') }} as pace,
    {{ convert('used_pace_native', 'rate') }} as used_pace
from rated
