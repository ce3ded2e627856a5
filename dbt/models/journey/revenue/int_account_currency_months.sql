-- grain: one account, currency and month from the first change on, with the MRR at its ends in native and reporting currency
{{ config(schema='staging') }}

with days as (

    select
        *,
        {{ month_of('day') }} as month
    from {{ ref('int_account_currency_days') }}

),

spans as (

    select
        account_key,
        currency,
        min(month) as first_month
    from days
    group by account_key, currency

),

spine as (

    select
        account_key,
        currency,
        {{ explode_dates('first_month', month_of(as_of_date()), 'month') }} as month
    from spans

),

changes as (

    select
        account_key,
        currency,
        month,
        sum(mrr_after_native - mrr_before_native) as step
    from days
    group by account_key, currency, month

),

part_steps as (

    select * from {{ ref('int_account_currency_parts') }}

),

closed as (

    select
        spine.account_key,
        spine.currency,
        spine.month,
        changes.account_key is not null as is_changed,
        coalesce(changes.step, 0) as step,
        sum(coalesce(changes.step, 0)) over (
            partition by spine.account_key, spine.currency order by spine.month
            rows between unbounded preceding and current row
        ) as mrr_close_native,
        sum(coalesce(part_steps.committed_step, 0)) over (
            partition by spine.account_key, spine.currency order by spine.month
            rows between unbounded preceding and current row
        ) as committed_close_native,
        sum(coalesce(part_steps.at_risk_step, 0)) over (
            partition by spine.account_key, spine.currency order by spine.month
            rows between unbounded preceding and current row
        ) as at_risk_close_native
    from spine
    left join changes
        on spine.account_key = changes.account_key and spine.currency = changes.currency and spine.month = changes.month
    left join part_steps
        on
            spine.account_key = part_steps.account_key and spine.currency = part_steps.currency
            and spine.month = part_steps.month

),

-- a month that has nothing in a currency needs no rate of it
dated as (

    select
        *,
        mrr_close_native - step as mrr_open_native,
        {{ date_add('month', -1) }} as opens_on,
        least({{ month_end('month') }}, {{ as_of_date() }}) as closes_on
    from closed
    where is_changed or mrr_close_native <> 0

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
