-- grain: one invoice, in its newest version at the run's instant
with versions as (

    select * from {{ newest_versions(raw('stripe', 'invoices')) }} as newest

),

renamed as (

    select
        id as invoice_id,
        customer_id,
        subscription_id,
        number,
        status,
        billing_reason,
        upper(currency) as currency,
        subtotal as subtotal_minor,
        {{ from_minor('subtotal', 'currency') }} as subtotal,
        total as total_minor,
        {{ from_minor('total', 'currency') }} as total,
        total_excluding_tax as total_excluding_tax_minor,
        {{ from_minor('total_excluding_tax', 'currency') }} as total_excluding_tax,
        tax as tax_minor,
        {{ from_minor('tax', 'currency') }} as tax,
        discount as discount_minor,
        {{ from_minor('discount', 'currency') }} as discount,
        amount_due as amount_due_minor,
        {{ from_minor('amount_due', 'currency') }} as amount_due,
        amount_paid as amount_paid_minor,
        {{ from_minor('amount_paid', 'currency') }} as amount_paid,
        amount_remaining as amount_remaining_minor,
        {{ from_minor('amount_remaining', 'currency') }} as amount_remaining,
        attempt_count,
        {{ utc('created_at') }} as created_at,
        {{ utc('finalized_at') }} as finalized_at,
        {{ utc('paid_at') }} as paid_at,
        {{ utc('voided_at') }} as voided_at,
        {{ utc('uncollectible_at') }} as uncollectible_at,
        {{ utc('due_at') }} as due_at,
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
