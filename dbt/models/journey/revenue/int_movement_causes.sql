-- grain: one account, day and direction in which items moved its MRR, with the cause of the largest move
{{ config(schema='staging', meta=carried(
    by='account_key',
    keyed=['fct_subscription_periods'],
    lookups={'dim_plans': {'whole': true, 'on': 'plan_key', 'through': {'fct_subscription_periods': 'plan_key'}}},
    due={'fct_subscription_periods': day_has_come('ends_on')}
)) }}

with plans as (

    select
        plan_key,
        product_id,
        usage_type,
        billing_interval,
        interval_count
    from {{ ref('dim_plans') }}

),

periods as (

    select
        periods.*,
        plans.product_id,
        plans.usage_type,
        lag(periods.ends_on) over of_item as previous_ends_on,
        lag(periods.state) over of_item as previous_state,
        lag(periods.mrr_native) over of_item as previous_mrr,
        lag(periods.quantity) over of_item as previous_quantity,
        lag(periods.cycle_amount_native) over of_item as previous_cycle_amount,
        lag(periods.usage_mrr_native) over of_item as previous_usage_mrr,
        lag(periods.plan_key) over of_item as previous_plan_key,
        lag({{ key(['plans.product_id', 'plans.billing_interval', 'plans.interval_count', 'periods.currency']) }}) over of_item
            as previous_product,
        {{ key(['plans.product_id', 'plans.billing_interval', 'plans.interval_count', 'periods.currency']) }} as product,
        lead(periods.starts_on) over of_item as next_starts_on,
        min(case when periods.mrr_native > 0 then periods.starts_on end) over (partition by periods.subscription_id)
            as subscription_paid_from
    from {{ ref('fct_subscription_periods') }} as periods
    left join plans on periods.plan_key = plans.plan_key
    window of_item as (partition by periods.subscription_item_id order by periods.starts_on)

),

-- a period follows upon another of its item, or the item comes anew
starts as (

    select
        account_key,
        subscription_item_id,
        starts_on as day,
        mrr_native - case when previous_ends_on = starts_on then previous_mrr else 0 end as step,
        case
            when coalesce(previous_ends_on <> starts_on, true) and subscription_paid_from < starts_on then 'added_item'
            when coalesce(previous_ends_on <> starts_on, true) then 'added_subscription'
            when previous_mrr = 0 and previous_state = 'trial' then 'trial_converted'
            when previous_mrr = 0 and previous_state = 'collection_paused' then 'resumed'
            when previous_mrr = 0 and previous_state = 'free' then 'discount_ended'
            when previous_mrr = 0 and previous_state in ('not_paying', 'past_due') then 'payment_recovered'
            when previous_mrr = 0 and previous_state = 'cancelling' then 'cancellation_withdrawn'
            when
                usage_type = 'metered' and state in ('recurring', 'not_recurring')
                and plan_key = previous_plan_key and usage_mrr_native <> previous_usage_mrr then 'usage'
            when mrr_native = 0 and state = 'cancelling' then 'removed_subscription'
            when mrr_native = 0 then state
            when product <> previous_product then 'plan_change'
            when quantity <> previous_quantity then 'quantity'
            when cycle_amount_native <> previous_cycle_amount or plan_key <> previous_plan_key then 'price'
            when mrr_native > previous_mrr then 'discount_ended'
            else 'discount_started'
        end as cause
    from periods

),

ends as (

    select
        account_key,
        subscription_item_id,
        ends_on as day,
        -mrr_native as step,
        case when status_reason = 'item_removed' then 'removed_item' else 'removed_subscription' end as cause
    from periods
    where ends_on <= {{ as_of_date() }} and coalesce(next_starts_on <> ends_on, true)

),

moves as (

    select * from starts
    where step <> 0
    union all
    select * from ends
    where step <> 0

),

ranked as (

    select
        account_key,
        day,
        case when step > 0 then 1 else -1 end as direction,
        cause,
        row_number() over (
            partition by account_key, day, case when step > 0 then 1 else -1 end
            order by abs(step) desc, subscription_item_id
        ) as weight_rank,
        max(case when cause in ('added_item', 'added_subscription') then 1 else 0 end) over (partition by account_key, day)
            as is_added,
        max(case when cause in ('removed_item', 'removed_subscription') then 1 else 0 end) over (partition by account_key, day)
            as is_removed
    from moves

)

-- one goes and another comes on the same day: the account has changed its plan
select
    account_key,
    day,
    direction,
    case
        when is_added = 1 and is_removed = 1 and cause in ('added_item', 'added_subscription', 'removed_item', 'removed_subscription')
            then 'plan_change'
        else cause
    end as cause
from ranked
where weight_rank = 1
