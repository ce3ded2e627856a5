-- grain: one item and the days [starts_on, ends_on) on which nothing about it or its subscription changes, with its MRR
{{ config(schema='staging') }}

with states as (

    select * from {{ ref('int_item_states') }}

),

suspensions as (

    select * from {{ ref('int_item_suspensions') }}

),

subscriptions as (

    select distinct subscription_item_id, subscription_id from states

),

-- the days of all items of a subscription, because a shared discount is split by what its items cost
own_turns as (

    select subscription_id, starts_on as day from states
    union
    select subscription_id, ends_on as day from states
    where ends_on is not null
    union
    select subscriptions.subscription_id, suspensions.starts_on as day
    from suspensions
    inner join subscriptions on suspensions.subscription_item_id = subscriptions.subscription_item_id
    union
    select subscriptions.subscription_id, suspensions.ends_on as day
    from suspensions
    inner join subscriptions on suspensions.subscription_item_id = subscriptions.subscription_item_id
    where suspensions.ends_on is not null

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

-- money in hundred-millionths, as whole numbers, so that one rounding at the end decides
measured as (

    select
        cut.*,
        suspended.precedence,
        {{ whole('cast(cut.cycle_amount as decimal(27, 8)) * 100000000') }} as gross,
        {{ whole('cast(100 - cut.percent_off as decimal(9, 6)) * 1000000') }} as kept,
        {{ whole('cast(max(cut.shared_amount_off) over same_days as decimal(18, 4)) * 100000000') }} as shared_off,
        {{ whole('cast(cut.item_amount_off as decimal(18, 4)) * 100000000') }} as own_off,
        {{ whole('cast(sum(cut.cycle_amount) over same_days as decimal(27, 8)) * 100000000') }} as subscription_gross
    from cut
    left join suspended
        on
            cut.subscription_item_id = suspended.subscription_item_id
            and cut.segment_starts_on = suspended.segment_starts_on
    window same_days as (partition by cut.subscription_id, cut.segment_starts_on)

),

discounted as (

    select
        *,
        greatest(
            {{ divide_half_up('gross * kept', '100000000') }}
            - case when shared_off > 0 and subscription_gross > 0 then
                {{ divide_half_up('shared_off * gross', 'subscription_gross') }}
            else 0 end
            - own_off,
            0
        ) as net
    from measured

)

select
    subscription_item_id,
    subscription_id,
    customer_id,
    account_key,
    segment_starts_on as starts_on,
    segment_ends_on as ends_on,
    evidence,
    price_id,
    quantity,
    currency,
    billing_interval,
    interval_count,
    cast(cycle_amount as decimal(18, 4)) as cycle_amount,
    case
        when usage_type = 'metered' or {{ months_numerator('billing_interval') }} is null then 'not_recurring'
        when precedence = 1 then 'trial'
        when precedence = 2 then 'collection_paused'
        when precedence = 3 then 'not_paying'
        when net = 0 then 'free'
        else 'recurring'
    end as state,
    {{ from_parts(divide_half_up(
        'gross * coalesce(' ~ months_numerator('billing_interval') ~ ', 0)',
        '10000 * ' ~ months_denominator('billing_interval', 'interval_count')
    )) }} as full_gross_mrr,
    {{ from_parts(divide_half_up(
        'net * coalesce(' ~ months_numerator('billing_interval') ~ ', 0)',
        '10000 * ' ~ months_denominator('billing_interval', 'interval_count')
    )) }} as full_mrr
from discounted
