-- grain: one payment attempt allocated to an invoice, in its newest version at the run's instant
with versions as (

    select * from {{ newest_versions(raw('stripe', 'invoice_payments')) }} as newest

),

renamed as (

    select
        id as invoice_payment_id,
        invoice_id,
        charge_id,
        payment_intent_id,
        amount_paid as amount_paid_minor,
        {{ from_minor('amount_paid', 'currency') }} as amount_paid,
        status,
        upper(currency) as currency,
        {{ utc('created_at') }} as created_at,
        is_deleted,
        {{ utc('modified_at') }} as modified_at,
        {{ utc('extracted_at') }} as extracted_at,
        {{ utc('first_extracted_at') }} as first_extracted_at,
        payload
    from versions

)

select * from renamed
