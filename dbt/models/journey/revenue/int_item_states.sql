-- grain: one item and the days [starts_on, ends_on) on which it has one price, quantity and lasting discount
{{ config(schema='staging', meta=carried(by='subscription_item_id', keyed=['int_item_events', 'int_item_ends'])) }}

with stated as (

    select
        *,
        {{ local_date('changed_at') }} as starts_on
    from {{ ref('int_item_events') }}

),

-- a day has the state in which it ends
daily as (

    select
        *,
        row_number() over (partition by subscription_item_id, starts_on order by position desc) as from_last,
        {{ key([
            'is_end', 'price_id', 'quantity', 'currency', 'cycle_amount', 'percent_off', 'shared_amount_off', 'item_amount_off'
        ]) }} as state
    from stated

),

changes as (

    select
        *,
        lag(state) over (partition by subscription_item_id order by starts_on) as state_before
    from daily
    where from_last = 1

),

bounded as (

    select
        *,
        lead(starts_on) over (partition by subscription_item_id order by starts_on) as next_starts_on
    from changes
    where state_before is null or state <> state_before

)

select
    bounded.subscription_item_id,
    bounded.subscription_id,
    ends.customer_id,
    ends.account_key,
    bounded.starts_on,
    case
        when bounded.next_starts_on is null then ends.ends_on
        when ends.ends_on is null then bounded.next_starts_on
        else least(bounded.next_starts_on, ends.ends_on)
    end as ends_on,
    bounded.evidence,
    bounded.price_id,
    bounded.quantity,
    bounded.currency,
    bounded.cycle_amount,
    bounded.billing_interval,
    bounded.interval_count,
    bounded.usage_type,
    bounded.percent_off,
    bounded.shared_amount_off,
    bounded.item_amount_off
from bounded
inner join {{ ref('int_item_ends') }} as ends on bounded.subscription_item_id = ends.subscription_item_id
where
    not bounded.is_end
    and (ends.ends_on is null or bounded.starts_on < ends.ends_on)
