-- grain: one tier of a price, by the quantity that it begins after
{{ config(meta=carried(by='price_id', keyed=['stg_stripe__prices'])) }}

with elements as (

    select
        price_id,
        currency,
        {{ json_array_rows('tiers') }} as element
    from {{ ref('stg_stripe__prices') }}
    where tiers is not null and tiers <> ''

),

amounts as (

    select
        price_id,
        currency,
        cast({{ json_text('element', 'up_to') }} as bigint) as up_to,
        coalesce({{ json_text('element', 'unit_amount_decimal') }}, {{ json_text('element', 'unit_amount') }}, '0') as unit,
        coalesce({{ json_text('element', 'flat_amount_decimal') }}, {{ json_text('element', 'flat_amount') }}, '0') as flat
    from elements

)

select
    price_id,
    coalesce(
        lag(up_to) over (partition by price_id order by coalesce(up_to, 9223372036854775807)), 0
    ) as begins_after,
    up_to,
    {{ from_minor('unit', 'currency', 'decimal(28, 12)') }} as unit_amount,
    {{ from_minor('flat', 'currency', 'decimal(28, 12)') }} as flat_amount
from amounts
