-- grain: one price of a product, and one row for unknown
with prices as (

    select
        price_id,
        product_id,
        currency,
        nickname,
        type,
        unit_amount_decimal,
        prices.interval as billing_interval,
        interval_count,
        usage_type,
        is_active and not is_deleted as is_active
    from {{ ref('stg_stripe__prices') }} as prices

),

products as (

    select
        product_id,
        name
    from {{ ref('stg_stripe__products') }}

),

-- a price can live on a subscription only: made inline, or deleted from the catalogue since
sold as (

    select
        versions.price_id,
        versions.product_id,
        versions.currency,
        versions.unit_amount_decimal,
        versions.interval as billing_interval,
        versions.interval_count,
        versions.usage_type,
        row_number() over (partition by versions.price_id order by versions.modified_at desc, versions.version_hash) as newest
    from {{ ref('stg_stripe__subscription_item_versions') }} as versions
    where
        versions.price_id is not null
        and not exists (select 1 from prices where prices.price_id = versions.price_id)

),

unioned as (

    select
        price_id,
        product_id,
        currency,
        nickname,
        coalesce(type, 'recurring') as type,
        unit_amount_decimal,
        billing_interval,
        interval_count,
        usage_type,
        coalesce(is_active, false) as is_active
    from prices

    union all

    select
        price_id,
        product_id,
        currency,
        cast(null as string) as nickname,
        'recurring' as type,
        unit_amount_decimal,
        billing_interval,
        interval_count,
        usage_type,
        false as is_active
    from sold
    where newest = 1

),

plans as (

    select
        {{ key(['unioned.price_id']) }} as plan_key,
        unioned.price_id,
        unioned.product_id,
        coalesce(products.name, unioned.product_id, 'Unknown') as product,
        coalesce(unioned.nickname, products.name, unioned.product_id, unioned.price_id) as plan,
        unioned.type,
        unioned.currency,
        unioned.unit_amount_decimal,
        unioned.billing_interval,
        coalesce(unioned.interval_count, 1) as interval_count,
        coalesce(unioned.usage_type, 'licensed') as usage_type,
        unioned.is_active
    from unioned
    left join products on unioned.product_id = products.product_id

    union all

    select
        'unknown' as plan_key,
        'unknown' as price_id,
        'unknown' as product_id,
        'Unknown' as product,
        'Unknown' as plan,
        'unknown' as type,
        cast(null as string) as currency,
        cast(null as decimal(28, 12)) as unit_amount_decimal,
        cast(null as string) as billing_interval,
        1 as interval_count,
        'unknown' as usage_type,
        false as is_active

)

select
    cast(plan_key as string) as plan_key,
    cast(price_id as string) as price_id,
    cast(product_id as string) as product_id,
    cast(product as string) as product,
    cast(plan as string) as plan,
    cast(type as string) as type,
    cast(currency as string) as currency,
    cast(unit_amount_decimal as decimal(28, 12)) as unit_amount,
    cast(billing_interval as string) as billing_interval,
    cast(interval_count as integer) as interval_count,
    cast(usage_type as string) as usage_type,
    cast(is_active as boolean) as is_active
from plans
