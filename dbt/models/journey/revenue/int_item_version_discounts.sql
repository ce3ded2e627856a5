-- grain: one lasting discount in force on one item, as of one instant at which the ledger saw the item
{{ config(schema='staging') }}

with versions as (

    select * from {{ ref('int_item_versions') }}

),

discounts as (

    select * from {{ ref('int_lasting_discounts') }}

),

listed as (

    select
        item_version_id,
        {{ json_array_rows('item_discount_ids') }} as discount_id
    from versions
    union all
    select
        item_version_id,
        {{ json_array_rows('subscription_discount_ids') }} as discount_id
    from versions

),

-- a customer's own discount holds where the subscription and the item have none
inherited as (

    select
        versions.item_version_id,
        discounts.discount_id
    from versions
    inner join discounts on versions.customer_id = discounts.customer_id and discounts.level = 'customer'
    where not exists (select 1 from listed where listed.item_version_id = versions.item_version_id)

),

unioned as (

    select
        item_version_id,
        discount_id
    from listed
    union
    select
        item_version_id,
        discount_id
    from inherited

)

select
    versions.item_version_id,
    versions.subscription_item_id,
    versions.version_number,
    versions.seen_at,
    discounts.discount_id,
    case when discounts.level = 'item' then 'item' else 'shared' end as level,
    discounts.start_at,
    discounts.end_at,
    discounts.percent_off,
    discounts.amount_off
from unioned
inner join versions on unioned.item_version_id = versions.item_version_id
inner join discounts on unioned.discount_id = discounts.discount_id
where
    (discounts.amount_off = 0 or discounts.currency = versions.currency)
    -- a discount of a single invoice counts where that invoice shows it
    and discounts.duration <> 'once' and discounts.level <> 'invoice'
    and {{ is_lasting_discount(
        'discounts.duration', 'discounts.duration_in_months', 'versions.billing_interval', 'versions.interval_count'
    ) }}
