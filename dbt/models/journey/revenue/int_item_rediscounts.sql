-- grain: one item and instant at which the ledger saw a lasting discount come, or go before its time
{{ config(schema='staging') }}

with versions as (

    select * from {{ ref('int_item_versions') }}

),

discounts as (

    select * from {{ ref('int_item_version_discounts') }}

),

added as (

    select item_version_id from discounts as present
    where
        present.version_number > 1
        and not exists (
            select 1 from discounts as past
            where
                past.subscription_item_id = present.subscription_item_id
                and past.version_number = present.version_number - 1
                and past.discount_id = present.discount_id
        )

),

-- a discount that ran out is no change: the next invoice shows it
removed as (

    select versions.item_version_id
    from versions
    inner join discounts as past
        on versions.subscription_item_id = past.subscription_item_id and versions.version_number - 1 = past.version_number
    where
        (past.end_at is null or past.end_at > versions.seen_at)
        and not exists (
            select 1 from discounts as present
            where present.item_version_id = versions.item_version_id and present.discount_id = past.discount_id
        )

)

select item_version_id from added
union
select item_version_id from removed
