-- grain: one credit note, in its newest version at the run's instant
with versions as (

    select * from {{ newest_versions(raw('stripe', 'credit_notes')) }} as newest

),

renamed as (

    select
        id as credit_note_id,
        invoice_id,
        customer_id,
        status,
        type,
        reason,
        upper(currency) as currency,
        subtotal as subtotal_minor,
        {{ from_minor('subtotal', 'currency') }} as subtotal,
        total as total_minor,
        {{ from_minor('total', 'currency') }} as total,
        amount as amount_minor,
        {{ from_minor('amount', 'currency') }} as amount,
        tax as tax_minor,
        {{ from_minor('tax', 'currency') }} as tax,
        refund_ids,
        lines,
        {{ utc('created_at') }} as created_at,
        {{ utc('voided_at') }} as voided_at,
        is_deleted,
        {{ utc('modified_at') }} as modified_at,
        {{ utc('extracted_at') }} as extracted_at,
        {{ utc('first_extracted_at') }} as first_extracted_at,
        payload
    from versions

)

select * from renamed
