-- grain: one account, day and movement of its MRR
{{ config(meta=carried(by='account_key', keyed=['int_account_moves', 'fct_subscription_periods', 'int_movement_causes'])) }}

with named as (

    select * from {{ ref('int_account_moves') }}

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
            when movement = 'churn' and cause = 'usage' then cause
            when movement = 'churn' then coalesce(churn_reason, 'unknown')
            when movement = 'reactivation' and left_because = 'collection_paused' then 'resumed'
            when movement = 'reactivation' and left_because = 'free' then 'discount_ended'
            when movement = 'reactivation' then 'returned'
            else coalesce(cause, 'unknown')
        end
    as string) as reason,
    cast('{{ policy_version() }}' as string) as policy_version
from explained
