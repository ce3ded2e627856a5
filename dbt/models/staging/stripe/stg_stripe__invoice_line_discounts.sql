-- grain: one discount on one invoice line
{{ config(meta=carried(by='invoice_line_id', keyed=['stg_stripe__invoice_lines'])) }}

with lines as (

    select
        invoice_line_id,
        currency,
        discount_amounts
    from {{ ref('stg_stripe__invoice_lines') }}
    where discount_amounts is not null and discount_amounts <> ''

),

elements as (

    select
        invoice_line_id,
        currency,
        {{ json_array_rows('discount_amounts') }} as element
    from lines

),

amounts as (

    select
        invoice_line_id,
        currency,
        coalesce({{ json_text('element', 'discount.id') }}, {{ json_text('element', 'discount') }}) as discount_id,
        cast({{ json_text('element', 'amount') }} as bigint) as amount_minor
    from elements

),

summed as (

    select
        invoice_line_id,
        currency,
        discount_id,
        sum(amount_minor) as amount_minor
    from amounts
    group by invoice_line_id, currency, discount_id

)

select
    {{ key(['invoice_line_id', 'discount_id']) }} as invoice_line_discount_id,
    invoice_line_id,
    discount_id,
    currency,
    cast(amount_minor as bigint) as amount_minor,
    {{ from_minor('amount_minor', 'currency') }} as amount
from summed
