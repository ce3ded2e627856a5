-- grain: one account, day and movement of its MRR
with months as (

    select * from {{ ref('int_account_currency_months') }}

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
        closes_on as moved_on,
        2 as step,
        sum(mrr_close - mrr_close_constant) as amount
    from months
    group by account_key, closes_on

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

),

period_ends as (

    select
        account_key,
        ends_on,
        status_reason,
        row_number() over (
            partition by account_key, ends_on order by mrr_native desc, subscription_period_key
        ) as weight_rank
    from {{ ref('fct_subscription_periods') }}
    where (mrr_native > 0 or state = 'free') and ends_on is not null

),

explained as (

    select
        named.*,
        causes.cause,
        case when named.movement = 'churn' then period_ends.status_reason end as churn_reason,
        lag(named.moved_on) over (partition by named.account_key, named.movement in ('churn', 'reactivation', 'new')
            order by named.moved_on, named.step) as left_on,
        lag(case when named.movement = 'churn' then period_ends.status_reason end) over (
            partition by named.account_key, named.movement in ('churn', 'reactivation', 'new')
            order by named.moved_on, named.step
        ) as left_because
    from named
    left join period_ends
        on named.account_key = period_ends.account_key and named.moved_on = period_ends.ends_on and period_ends.weight_rank = 1
    left join {{ ref('int_movement_causes') }} as causes
        on
            named.account_key = causes.account_key and named.moved_on = causes.day
            and case when named.amount > 0 then 1 else -1 end = causes.direction

)

select
    cast({{ key(['account_key', 'moved_on', 'movement']) }} as string) as movement_key,
    cast(account_key as string) as account_key,
    cast(moved_on as date) as moved_on,
    cast(movement as string) as movement,
    {{ money('amount') }} as amount,
    {{ money('mrr_before') }} as mrr_before,
    {{ money('mrr_after') }} as mrr_after,
    cast('{{ var("currency") | upper }}' as string) as currency,
    cast(case when movement = 'reactivation' then {{ days_between('left_on', 'moved_on') }} end as integer) as gap_days,
    cast(
        case
            when movement = 'fx' then 'exchange_rate'
            when movement = 'new' and cause = 'trial_converted' then cause
            when movement = 'new' then 'first_subscription'
            when movement = 'churn' then coalesce(churn_reason, 'unknown')
            when movement = 'reactivation' and left_because = 'collection_paused' then 'resumed'
            when movement = 'reactivation' and left_because = 'free' then 'discount_ended'
            when movement = 'reactivation' then 'returned'
            else coalesce(cause, 'unknown')
        end
    as string) as reason,
    cast('{{ policy_version() }}' as string) as policy_version
from explained
