-- grain: one line of a credit note
{{ config(meta=carried(by='credit_note_id', keyed=['stg_stripe__credit_notes'])) }}

with notes as (

    select
        credit_note_id,
        currency,
        is_deleted,
        lines
    from {{ ref('stg_stripe__credit_notes') }}
    where lines is not null and lines <> ''

),

elements as (

    select
        credit_note_id,
        currency,
        is_deleted,
        {{ json_array_rows('lines') }} as element
    from notes

),

tax_elements as (

    select
        {{ json_text('element', 'id') }} as credit_note_line_id,
        {{ json_array_rows(
            'coalesce(' ~ json_text('element', 'taxes') ~ ', ' ~ json_text('element', 'tax_amounts') ~ ')'
        ) }} as tax
    from elements

),

taxes as (

    select
        credit_note_line_id,
        cast(sum(
            case when coalesce({{ json_text('tax', 'tax_behavior') }}, '') <> 'inclusive'
                and coalesce({{ json_text('tax', 'inclusive') }}, 'false') <> 'true'
                then cast({{ json_text('tax', 'amount') }} as bigint) else 0 end
        ) as bigint) as tax_amount_minor,
        cast(sum(
            case when {{ json_text('tax', 'tax_behavior') }} = 'inclusive'
                or {{ json_text('tax', 'inclusive') }} = 'true'
                then cast({{ json_text('tax', 'amount') }} as bigint) else 0 end
        ) as bigint) as inclusive_tax_amount_minor
    from tax_elements
    group by credit_note_line_id

),

lines as (

    select
        {{ json_text('element', 'id') }} as credit_note_line_id,
        credit_note_id,
        {{ json_text('element', 'invoice_line_item') }} as invoice_line_id,
        {{ json_text('element', 'type') }} as type,
        {{ json_text('element', 'description') }} as description,
        currency,
        cast({{ json_text('element', 'amount') }} as bigint) as amount_minor,
        coalesce(cast({{ json_text('element', 'discount_amount') }} as bigint), 0) as discount_amount_minor,
        is_deleted
    from elements

)

select
    lines.credit_note_line_id,
    lines.credit_note_id,
    lines.invoice_line_id,
    lines.type,
    lines.description,
    lines.currency,
    lines.amount_minor,
    {{ from_minor('lines.amount_minor', 'lines.currency') }} as amount,
    lines.discount_amount_minor,
    {{ from_minor('lines.discount_amount_minor', 'lines.currency') }} as discount_amount,
    coalesce(taxes.tax_amount_minor, 0) as tax_amount_minor,
    {{ from_minor('coalesce(taxes.tax_amount_minor, 0)', 'lines.currency') }} as tax_amount,
    coalesce(taxes.inclusive_tax_amount_minor, 0) as inclusive_tax_amount_minor,
    {{ from_minor('coalesce(taxes.inclusive_tax_amount_minor, 0)', 'lines.currency') }} as inclusive_tax_amount,
    lines.is_deleted
from lines
left join taxes on lines.credit_note_line_id = taxes.credit_note_line_id
