-- grain: one line of an invoice, in its newest version at the run's instant
with versions as (

    select * from {{ newest_versions(raw('stripe', 'invoice_lines')) }} as newest

),

renamed as (

    select
        id as invoice_line_id,
        invoice_id,
        customer_id,
        subscription_id,
        subscription_item_id,
        invoice_item_id,
        price_id,
        product_id,
        amount as amount_minor,
        {{ from_minor('amount', 'currency') }} as amount,
        discount_amount as discount_amount_minor,
        {{ from_minor('discount_amount', 'currency') }} as discount_amount,
        discount_amounts,
        tax_amount as tax_amount_minor,
        {{ from_minor('tax_amount', 'currency') }} as tax_amount,
        inclusive_tax_amount as inclusive_tax_amount_minor,
        {{ from_minor('inclusive_tax_amount', 'currency') }} as inclusive_tax_amount,
        upper(currency) as currency,
        quantity,
        unit_amount_decimal as unit_amount_decimal_minor,
        {{ from_minor('unit_amount_decimal', 'currency', 'decimal(28, 12)') }} as unit_amount_decimal,
        is_proration,
        description,
        {{ utc('period_start_at') }} as period_start_at,
        {{ utc('period_end_at') }} as period_end_at,
        is_deleted,
        {{ utc('modified_at') }} as modified_at,
        {{ utc('extracted_at') }} as extracted_at,
        {{ utc('first_extracted_at') }} as first_extracted_at,
        payload
    from versions

)

select * from renamed
