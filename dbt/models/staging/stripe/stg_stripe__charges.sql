-- grain: one charge, in its newest version at the run's instant
with versions as (

    select * from {{ newest_versions(raw('stripe', 'charges')) }} as newest

),

renamed as (

    select
        id as charge_id,
        customer_id,
        invoice_id,
        payment_intent_id,
        amount as amount_minor,
        {{ from_minor('amount', 'currency') }} as amount,
        amount_captured as amount_captured_minor,
        {{ from_minor('amount_captured', 'currency') }} as amount_captured,
        amount_refunded as amount_refunded_minor,
        {{ from_minor('amount_refunded', 'currency') }} as amount_refunded,
        upper(currency) as currency,
        status,
        is_paid,
        is_disputed,
        failure_code,
        failure_message,
        balance_transaction_id,
        {{ utc('created_at') }} as created_at,
        is_deleted,
        {{ utc('modified_at') }} as modified_at,
        {{ utc('extracted_at') }} as extracted_at,
        {{ utc('first_extracted_at') }} as first_extracted_at,
        payload
    from versions

)

select * from renamed
