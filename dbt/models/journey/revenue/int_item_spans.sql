-- grain: one item and the days [segment_starts_on, segment_ends_on) on which nothing about its subscription changes
{{ config(schema='staging', meta=carried(
    by='subscription_id',
    keyed=['int_item_states', 'int_subscription_standings'],
    lookups={
        'int_item_suspensions': {'on': 'subscription_item_id', 'through': {'int_item_states': 'subscription_item_id'}},
        'int_usage_periods': {'on': 'subscription_item_id', 'through': {'int_item_states': 'subscription_item_id'}},
    },
    due={
        'int_item_states': day_has_come('starts_on') ~ ' or ' ~ day_has_come('ends_on'),
        'int_subscription_standings': day_has_come('starts_on') ~ ' or ' ~ day_has_come('ends_on'),
        'int_item_suspensions': day_has_come('starts_on') ~ ' or ' ~ day_has_come('ends_on'),
        'int_usage_periods': day_has_come('starts_on'),
    }
)) }}

with states as (

    select * from {{ ref('int_item_states') }}

),

suspensions as (

    select * from {{ ref('int_item_suspensions') }}

),

standings as (

    select * from {{ ref('int_subscription_standings') }}

),

subscriptions as (

    select distinct
        subscription_item_id,
        subscription_id
    from states

),

-- the days of all items of a subscription, because a shared discount is split by what its items cost
own_turns as (

    select
        subscription_id,
        starts_on as day
    from states
    union
    select
        subscription_id,
        ends_on as day
    from states
    where ends_on is not null
    union
    select
        subscriptions.subscription_id,
        suspensions.starts_on as day
    from suspensions
    inner join subscriptions on suspensions.subscription_item_id = subscriptions.subscription_item_id
    union
    select
        subscriptions.subscription_id,
        suspensions.ends_on as day
    from suspensions
    inner join subscriptions on suspensions.subscription_item_id = subscriptions.subscription_item_id
    where suspensions.ends_on is not null
    union
    select
        subscription_id,
        starts_on as day
    from standings
    union
    select
        subscription_id,
        ends_on as day
    from standings
    where ends_on is not null
    union
    select
        subscriptions.subscription_id,
        usage_periods.starts_on as day
    from {{ ref('int_usage_periods') }} as usage_periods
    inner join subscriptions on usage_periods.subscription_item_id = subscriptions.subscription_item_id

),

spans as (

    select
        subscription_id,
        day as starts_on,
        lead(day) over (partition by subscription_id order by day) as ends_on
    from own_turns
    where day <= {{ as_of_date() }}

),

cut as (

    select
        states.*,
        spans.starts_on as segment_starts_on,
        case
            when spans.ends_on is null then states.ends_on
            when states.ends_on is null then spans.ends_on
            else least(spans.ends_on, states.ends_on)
        end as segment_ends_on
    from spans
    inner join states
        on
            spans.subscription_id = states.subscription_id
            and spans.starts_on >= states.starts_on
            and (states.ends_on is null or spans.starts_on < states.ends_on)

),

suspended as (

    select
        cut.subscription_item_id,
        cut.segment_starts_on,
        min(suspensions.precedence) as precedence
    from cut
    inner join suspensions
        on
            cut.subscription_item_id = suspensions.subscription_item_id
            and cut.segment_starts_on >= suspensions.starts_on
            and (suspensions.ends_on is null or cut.segment_starts_on < suspensions.ends_on)
    group by cut.subscription_item_id, cut.segment_starts_on

),

standing as (

    select
        cut.subscription_item_id,
        cut.segment_starts_on,
        max(case when standings.standing = 'past_due' then 1 else 0 end) as past_due,
        max(case when standings.standing = 'cancelling' then 1 else 0 end) as cancelling
    from cut
    inner join standings
        on
            cut.subscription_id = standings.subscription_id
            and cut.segment_starts_on >= standings.starts_on
            and (standings.ends_on is null or cut.segment_starts_on < standings.ends_on)
    group by cut.subscription_item_id, cut.segment_starts_on

)

select
    cut.*,
    suspended.precedence,
    coalesce(standing.past_due, 0) = 1 as is_past_due,
    coalesce(standing.cancelling, 0) = 1 as is_cancelling
from cut
left join suspended
    on cut.subscription_item_id = suspended.subscription_item_id and cut.segment_starts_on = suspended.segment_starts_on
left join standing
    on cut.subscription_item_id = standing.subscription_item_id and cut.segment_starts_on = standing.segment_starts_on
