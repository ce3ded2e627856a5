-- grain: one price in tiers or packages and quantity that was sold of it, with what that quantity costs a cycle
{{ config(schema='staging') }}

with prices as (

    select
        price_id,
        currency,
        coalesce(tiers_mode, 'none') as tiers_mode,
        package_size,
        package_round,
        unit_amount_decimal
    from {{ ref('stg_stripe__prices') }}
    where tiers_mode is not null or package_size > 0

),

sold as (

    select
        price_id,
        coalesce(quantity, 1) as quantity
    from {{ ref('stg_stripe__invoice_lines') }}
    where price_id in (select price_id from prices)
    union
    select
        price_id,
        coalesce(quantity, 1) as quantity
    from {{ ref('stg_stripe__subscription_item_versions') }}
    where price_id in (select price_id from prices)

),

priced as (

    select
        prices.*,
        sold.quantity
    from sold
    inner join prices on sold.price_id = prices.price_id

),

-- graduated: each tier's own units; volume: all units at the tier that the last one falls into
tiered as (

    select
        priced.price_id,
        priced.quantity,
        case
            when priced.tiers_mode = 'volume' then priced.quantity
            when tiers.up_to < priced.quantity then tiers.up_to - tiers.begins_after
            else priced.quantity - tiers.begins_after
        end as units,
        tiers.unit_amount,
        tiers.flat_amount
    from priced
    inner join {{ ref('stg_stripe__price_tiers') }} as tiers
        on
            priced.price_id = tiers.price_id
            and (tiers.begins_after < priced.quantity or tiers.begins_after = 0)
            and (
                priced.tiers_mode = 'graduated'
                or tiers.up_to is null
                or tiers.up_to >= priced.quantity
            )

),

packaged as (

    select
        price_id,
        quantity,
        unit_amount_decimal,
        {{ int_div(
            "quantity + case when coalesce(package_round, 'up') = 'up' then package_size - 1 else 0 end", 'package_size'
        ) }} as packages
    from priced
    where tiers_mode = 'none'

),

unioned as (

    select
        price_id,
        quantity,
        sum(
            cast(unit_amount as decimal(20, 8)) * cast(units as decimal(12, 0)) + cast(flat_amount as decimal(20, 8))
        ) as cycle_amount
    from tiered
    group by price_id, quantity

    union all

    select
        price_id,
        quantity,
        cast(unit_amount_decimal as decimal(20, 8)) * cast(packages as decimal(12, 0)) as cycle_amount
    from packaged

)

select
    price_id,
    quantity,
    cast(cycle_amount as decimal(32, 8)) as cycle_amount
from unioned
