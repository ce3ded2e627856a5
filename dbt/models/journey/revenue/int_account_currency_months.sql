-- grain: one account, currency and month from the first change on, with the MRR at its ends in native and reporting currency
{{ config(schema='staging', meta=carried(
    by=['account_key', 'currency', 'month'],
    keyed=['int_account_currency_steps'],
    lookups={
        'int_rate_days': {
            'whole': true, 'on': 'day', 'through': {'int_account_currency_steps': [date_add('month', -1), month_end('month')]}
        }
    },
    due={'int_account_currency_steps': month_was_open()}
)) }}

with dated as (

    select
        *,
        mrr_close_native - step as mrr_open_native,
        {{ date_add('month', -1) }} as opens_on,
        least({{ month_end('month') }}, {{ as_of_date() }}) as closes_on
    from {{ ref('int_account_currency_steps') }}

),

rated as (

    select
        dated.*,
        -- a currency that comes up before the first rates do has no opening rate, and nothing that needs one
        {{ require_rate(
            'coalesce(opening.rate, case when dated.mrr_close_native = dated.step then closing.rate end)',
            'dated.currency', 'dated.opens_on'
        ) }} as rate_open,
        case
            when dated.mrr_close_native = 0 then cast(0 as decimal(18, 12))
            else {{ require_rate('closing.rate', 'dated.currency', 'dated.closes_on') }}
        end as rate_close
    from dated
    left join {{ ref('int_rate_days') }} as opening
        on dated.currency = opening.currency and dated.opens_on = opening.day
    left join {{ ref('int_rate_days') }} as closing
        on dated.currency = closing.currency and dated.closes_on = closing.day

)

select
    account_key,
    currency,
    month,
    closes_on,
    rate_open,
    {{ money('mrr_open_native') }} as mrr_open_native,
    {{ money('mrr_close_native') }} as mrr_close_native,
    {{ convert('mrr_close_native', 'rate_open') }} as mrr_close_constant,
    {{ convert('mrr_close_native', 'rate_close') }} as mrr_close,
    {{ convert('committed_close_native', 'rate_close') }} as committed_close,
    {{ convert('at_risk_close_native', 'rate_close') }} as at_risk_close
from rated
