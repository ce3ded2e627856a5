-- grain: one account, plan and month with its MRR at the month's end, and the change of it that exchange rates made
{{ config(schema='staging', meta=carried(
    by='account_key',
    keyed=['int_plan_days', 'int_account_currency_months'],
    due={'int_plan_days': month_turns()}
)) }}

with days as (

    select
        *,
        {{ month_of('day') }} as month
    from {{ ref('int_plan_days') }}

),

changes as (

    select
        account_key,
        currency,
        plan,
        month,
        sum(step_native) as step_native,
        sum(amount) as amount
    from days
    group by account_key, currency, plan, month

),

spans as (

    select
        account_key,
        currency,
        plan,
        min(month) as first_month
    from days
    group by account_key, currency, plan

),

spine as (

    select
        account_key,
        currency,
        plan,
        {{ explode_dates('first_month', month_of(as_of_date()), 'month') }} as month
    from spans

),

natives as (

    select
        spine.account_key,
        spine.currency,
        spine.plan,
        spine.month,
        coalesce(changes.amount, 0) as amount,
        sum(coalesce(changes.step_native, 0)) over (
            partition by spine.account_key, spine.currency, spine.plan order by spine.month
            rows between unbounded preceding and current row
        ) as mrr_native
    from spine
    left join changes
        on
            spine.account_key = changes.account_key and spine.currency = changes.currency
            and spine.plan = changes.plan and spine.month = changes.month

),

running as (

    select
        *,
        {{ to_parts('mrr_native') }} as weight,
        {{ whole('sum(' ~ to_parts('mrr_native') ~ ') over (
            partition by account_key, currency, month order by plan rows between unbounded preceding and current row
        )') }} as upto,
        {{ whole('sum(' ~ to_parts('mrr_native') ~ ') over (partition by account_key, currency, month)') }} as whole
    from natives

),

-- the account's MRR in reporting currency, split so that its plans sum to it
closed as (

    select
        running.account_key,
        running.currency,
        running.plan,
        running.month,
        running.amount,
        coalesce({{ from_parts(
            int_div(to_parts('months.mrr_close') ~ ' * running.upto', 'greatest(running.whole, 1)') ~ ' - '
            ~ int_div(to_parts('months.mrr_close') ~ ' * (running.upto - running.weight)', 'greatest(running.whole, 1)')
        ) }}, 0) as mrr
    from running
    left join {{ ref('int_account_currency_months') }} as months
        on
            running.account_key = months.account_key and running.currency = months.currency
            and running.month = months.month

),

compared as (

    select
        *,
        coalesce(lag(mrr) over (partition by account_key, currency, plan order by month), 0) as mrr_before
    from closed

)

select
    account_key,
    plan,
    month,
    {{ money('sum(mrr)') }} as mrr,
    {{ money('sum(mrr - mrr_before - amount)') }} as mrr_fx
from compared
group by account_key, plan, month
