-- grain: one item of a subscription and the days [starts_on, ends_on) on which its MRR is the same; ends_on is NULL while it lasts
{{ config(meta=carried(
    by='subscription_item_id',
    keyed=['int_item_segments'],
    lookups={
        'int_billed_subscriptions': {'on': 'subscription_id', 'through': {'int_item_segments': 'subscription_id'}},
        'dim_plans': {'whole': true, 'on': 'price_id', 'through': {'int_item_segments': 'price_id'}},
    }
)) }}

with segments as (

    select
        *,
        case when state in {{ counted_states() }} then full_mrr else 0 end as mrr,
        case when state = 'free' or state in {{ counted_states() }} then full_gross_mrr else 0 end as mrr_gross,
        case when state in {{ counted_states() }} and is_past_due then full_mrr else 0 end as at_risk_mrr,
        case when state in {{ counted_states() }} and not is_cancelling then full_mrr else 0 end as committed_mrr
    from {{ ref('int_item_segments') }}

),

described as (

    select
        *,
        {{ key([
            'price_id', 'quantity', 'currency', 'cycle_amount', 'state', 'mrr', 'mrr_gross', 'at_risk_mrr', 'committed_mrr',
            'usage_mrr'
        ]) }} as signature
    from segments

),

compared as (

    select
        *,
        lag(signature) over (partition by subscription_item_id order by starts_on) as signature_before,
        lag(ends_on) over (partition by subscription_item_id order by starts_on) as ends_on_before
    from described

),

numbered as (

    select
        *,
        sum(case when signature = signature_before and ends_on_before = starts_on then 0 else 1 end) over (
            partition by subscription_item_id order by starts_on rows between unbounded preceding and current row
        ) as period
    from compared

),

first_segments as (

    select
        subscription_item_id,
        period,
        min(starts_on) as starts_on,
        case when count(*) = count(ends_on) then max(ends_on) end as ends_on
    from numbered
    group by subscription_item_id, period

),

periods as (

    select
        numbered.*,
        first_segments.ends_on as period_ends_on,
        lead(numbered.state) over (partition by numbered.subscription_item_id order by numbered.starts_on) as next_state,
        lead(numbered.starts_on) over (partition by numbered.subscription_item_id order by numbered.starts_on) as next_starts_on
    from numbered
    inner join first_segments
        on
            numbered.subscription_item_id = first_segments.subscription_item_id
            and numbered.starts_on = first_segments.starts_on

),

subscriptions as (

    select
        subscription_id,
        ended_on,
        ended_because,
        coalesce(cancellation_reason, 'cancelled') as cancelled_because
    from {{ ref('int_billed_subscriptions') }}

),

plans as (

    select
        plan_key,
        price_id
    from {{ ref('dim_plans') }}

)

select
    cast({{ key(['periods.subscription_item_id', 'periods.starts_on']) }} as string) as subscription_period_key,
    cast(periods.subscription_item_id as string) as subscription_item_id,
    cast(periods.subscription_id as string) as subscription_id,
    cast(periods.customer_id as string) as customer_id,
    cast(periods.account_key as string) as account_key,
    cast(coalesce(plans.plan_key, 'unknown') as string) as plan_key,
    cast(periods.starts_on as date) as starts_on,
    cast(periods.period_ends_on as date) as ends_on,
    cast(periods.state as string) as state,
    cast(
        case
            when periods.period_ends_on is null then null
            when periods.next_starts_on = periods.period_ends_on and periods.next_state = 'cancelling'
                then subscriptions.cancelled_because
            when periods.next_starts_on = periods.period_ends_on and periods.next_state <> periods.state then periods.next_state
            when periods.next_starts_on = periods.period_ends_on then 'changed'
            when periods.period_ends_on = subscriptions.ended_on then subscriptions.ended_because
            else 'item_removed'
        end
    as string) as status_reason,
    cast(periods.currency as string) as currency,
    cast(periods.quantity as bigint) as quantity,
    cast(periods.cycle_amount as decimal(18, 4)) as cycle_amount_native,
    cast(periods.billing_interval as string) as billing_interval,
    cast(periods.interval_count as integer) as interval_count,
    cast(periods.mrr_gross as decimal(18, 4)) as mrr_gross_native,
    cast(periods.mrr as decimal(18, 4)) as mrr_native,
    cast(periods.committed_mrr as decimal(18, 4)) as committed_mrr_native,
    cast(periods.at_risk_mrr as decimal(18, 4)) as at_risk_mrr_native,
    cast(periods.usage_mrr as decimal(18, 4)) as usage_mrr_native,
    cast(periods.evidence as string) as evidence,
    cast('{{ policy_version() }}' as string) as policy_version
from periods
left join subscriptions on periods.subscription_id = subscriptions.subscription_id
left join plans on periods.price_id = plans.price_id
