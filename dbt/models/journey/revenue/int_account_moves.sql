-- grain: one account, day and step (1 what happened, 2 what exchange rates did), with its movement
{{ config(schema='staging', meta=carried(
    by='account_key',
    keyed=['int_account_currency_months', 'int_account_currency_days', 'int_account_stays'],
    due={
        'int_account_currency_months': 'mrr_close <> mrr_close_constant and ' ~ month_was_open()
    }
)) }}

with months as (

    select
        account_key,
        currency,
        month,
        -- the day of their MRR is worked out here: as a column of theirs it would make every account again on each day
        least({{ month_end('month') }}, {{ as_of_date() }}) as valued_on,
        rate_open,
        mrr_close,
        mrr_close_constant
    from {{ ref('int_account_currency_months') }}

),

-- both sides of a change at the month's opening rate: exchange rates have rows of their own
changes as (

    select
        days.account_key,
        days.day as moved_on,
        1 as step,
        sum(
            {{ convert('days.mrr_after_native', 'months.rate_open') }} - {{ convert('days.mrr_before_native', 'months.rate_open') }}
        ) as amount
    from {{ ref('int_account_currency_days') }} as days
    inner join months
        on
            days.account_key = months.account_key and days.currency = months.currency
            and {{ month_of('days.day') }} = months.month
    group by days.account_key, days.day

),

revaluations as (

    select
        account_key,
        valued_on as moved_on,
        2 as step,
        sum(mrr_close - mrr_close_constant) as amount
    from months
    group by account_key, valued_on

),

stays as (

    select * from {{ ref('int_account_stays') }}

),

-- a customer on a plan that has become free may leave without a change of MRR
departures as (

    select
        stays.account_key,
        stays.ends_on as moved_on,
        1 as step,
        cast(0 as decimal(18, 4)) as amount
    from stays
    left join changes on stays.account_key = changes.account_key and stays.ends_on = changes.moved_on
    where stays.ends_on is not null and coalesce(changes.amount, 0) = 0

),

unioned as (

    select * from changes
    where amount <> 0
    union all
    select * from revaluations
    where amount <> 0
    union all
    select * from departures

),

running as (

    select
        *,
        sum(amount) over (
            partition by account_key order by moved_on, step rows between unbounded preceding and current row
        ) as mrr_after
    from unioned

),

named as (

    select
        running.*,
        running.mrr_after - running.amount as mrr_before,
        case
            when running.step = 2 then 'fx'
            when beginnings.stay_number = 1 then 'new'
            when beginnings.stay_number > 1 then 'reactivation'
            when endings.account_key is not null then 'churn'
            when running.amount > 0 then 'expansion'
            else 'contraction'
        end as movement
    from running
    left join stays as beginnings
        on running.step = 1 and running.account_key = beginnings.account_key and running.moved_on = beginnings.starts_on
    left join stays as endings
        on running.step = 1 and running.account_key = endings.account_key and running.moved_on = endings.ends_on

)

select
    account_key,
    moved_on,
    step,
    movement,
    {{ money('amount') }} as amount,
    {{ money('mrr_before') }} as mrr_before,
    {{ money('mrr_after') }} as mrr_after
from named
