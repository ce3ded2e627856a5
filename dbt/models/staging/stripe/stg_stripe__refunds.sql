-- grain: one refund, in its newest version at the run's instant
with versions as (

    select * from {{ newest_versions(raw('stripe', 'refunds')) }} as newest

),

renamed as (

    select
        id as refund_id,
        charge_id,
        payment_intent_id,
        amount as amount_minor,
        {{ from_minor('amount', 'currency') }} as amount,
        upper(currency) as currency,
        status,
        reason,
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
