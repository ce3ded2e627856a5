-- grain: one item without invoices and instant from which its own price and discounts hold
{{ config(schema='staging', meta=timed({'int_item_version_discounts': has_come('end_at')})) }}

with versions as (

    select * from {{ ref('int_item_versions') }}

),

discounts as (

    select * from {{ ref('int_item_version_discounts') }}

),

invoiced as (

    select distinct subscription_item_id from {{ ref('int_item_line_events') }}
    where not is_end

),

subscriptions as (

    select * from {{ ref('stg_stripe__subscriptions') }}

),

-- without any invoice its own price holds, from the start of the subscription, the end of its trial or its own beginning
uninvoiced as (

    select
        versions.*,
        greatest(
            coalesce(subscriptions.start_at, subscriptions.created_at, versions.created_at, versions.seen_at),
            coalesce(subscriptions.trial_end_at, cast('1900-01-01 00:00:00' as timestamp)),
            case
                when versions.created_at > {{ timestamp_add('coalesce(subscriptions.start_at, versions.created_at)', 1, 'day') }}
                    then versions.created_at
                else cast('1900-01-01 00:00:00' as timestamp)
            end
        ) as begins_at
    from versions
    left join subscriptions on versions.subscription_id = subscriptions.subscription_id
    where
        versions.version_number = 1 and not versions.is_deleted
        and versions.subscription_item_id not in (select subscription_item_id from invoiced)

),

-- its discounts begin and end on days of their own
turns as (

    select
        item_version_id,
        begins_at as changed_at
    from uninvoiced
    union
    select
        uninvoiced.item_version_id,
        discounts.start_at as changed_at
    from uninvoiced
    inner join discounts on uninvoiced.item_version_id = discounts.item_version_id
    where discounts.start_at > uninvoiced.begins_at
    union
    select
        uninvoiced.item_version_id,
        discounts.end_at as changed_at
    from uninvoiced
    inner join discounts on uninvoiced.item_version_id = discounts.item_version_id
    where discounts.end_at > uninvoiced.begins_at and discounts.end_at <= {{ as_of() }}

)

select
    item_version_id,
    changed_at
from turns
