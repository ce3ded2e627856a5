-- grain: one account, currency and month from the first change on, with the MRR at its end in that currency
{{ config(schema='staging', meta=carried(
    by='account_key',
    keyed=['int_account_currency_days', 'int_account_currency_parts'],
    due={'int_account_currency_days': month_turns()}
)) }}

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

)

select * from closed
-- a month that has nothing in a currency needs no rate of it
where is_changed or mrr_close_native <> 0
