-- grain: one item and instant from which the ledger saw it, or its subscription's discounts, in a new state
{{ config(schema='staging') }}

with items_ranked as (

    select
        *,
        row_number() over (
            partition by subscription_item_id, modified_at order by extracted_at desc, _dlt_load_id desc, version_hash desc
        ) as newest
    from {{ ref('stg_stripe__subscription_item_versions') }}

),

items as (

    select
        versions.subscription_item_id,
        versions.subscription_id,
        versions.modified_at as valid_from,
        lead(versions.modified_at) over (
            partition by versions.subscription_item_id order by versions.modified_at
        ) as valid_to,
        versions.price_id,
        versions.currency,
        case
            when versions.usage_type = 'metered' then 0
            when amounts.price_id is not null then amounts.cycle_amount
            else cast(versions.unit_amount_decimal as decimal(20, 8)) * cast(coalesce(versions.quantity, 1) as decimal(12, 0))
        end as cycle_amount,
        case when versions.usage_type = 'metered' then 0 else coalesce(versions.quantity, 1) end as quantity,
        versions.interval as billing_interval,
        coalesce(versions.interval_count, 1) as interval_count,
        coalesce(versions.usage_type, 'licensed') as usage_type,
        versions.discount_ids,
        versions.is_deleted,
        versions.created_at
    from items_ranked as versions
    left join {{ ref('int_price_amounts') }} as amounts
        on versions.price_id = amounts.price_id and coalesce(versions.quantity, 1) = amounts.quantity
    where versions.newest = 1

),

subscriptions_ranked as (

    select
        *,
        row_number() over (
            partition by subscription_id, modified_at order by extracted_at desc, _dlt_load_id desc, version_hash desc
        ) as newest
    from {{ ref('stg_stripe__subscription_versions') }}

),

subscriptions as (

    select
        subscription_id,
        customer_id,
        discount_ids,
        -- what came before the first version is not known: the first stands for it
        case
            when lag(modified_at) over (partition by subscription_id order by modified_at) is null
                then cast('1900-01-01 00:00:00' as timestamp)
            else modified_at
        end as valid_from,
        lead(modified_at) over (partition by subscription_id order by modified_at) as valid_to
    from subscriptions_ranked
    where newest = 1

),

overlapping as (

    select
        items.subscription_item_id,
        items.subscription_id,
        subscriptions.customer_id,
        greatest(items.valid_from, coalesce(subscriptions.valid_from, items.valid_from)) as seen_at,
        items.price_id,
        items.currency,
        items.cycle_amount,
        items.quantity,
        items.billing_interval,
        items.interval_count,
        items.usage_type,
        coalesce(items.discount_ids, '[]') as item_discount_ids,
        coalesce(subscriptions.discount_ids, '[]') as subscription_discount_ids,
        items.is_deleted,
        items.created_at
    from items
    left join subscriptions
        on
            items.subscription_id = subscriptions.subscription_id
            and (items.valid_to is null or subscriptions.valid_from < items.valid_to)
            and (subscriptions.valid_to is null or items.valid_from < subscriptions.valid_to)

)

select
    {{ key(['subscription_item_id', 'seen_at']) }} as item_version_id,
    overlapping.*,
    row_number() over (partition by subscription_item_id order by seen_at) as version_number,
    lag(price_id) over (partition by subscription_item_id order by seen_at) as previous_price_id,
    lag(cycle_amount) over (partition by subscription_item_id order by seen_at) as previous_cycle_amount,
    lag(quantity) over (partition by subscription_item_id order by seen_at) as previous_quantity,
    lag(is_deleted) over (partition by subscription_item_id order by seen_at) as previous_is_deleted
from overlapping
