-- grain: one movement of the billing provider's balance, in its newest version at the run's instant
with versions as (

    select * from {{ newest_versions(raw('stripe', 'balance_transactions')) }} as newest

),

renamed as (

    select
        id as balance_transaction_id,
        type,
        reporting_category,
        amount as amount_minor,
        {{ from_minor('amount', 'currency') }} as amount,
        fee as fee_minor,
        {{ from_minor('fee', 'currency') }} as fee,
        net as net_minor,
        {{ from_minor('net', 'currency') }} as net,
        upper(currency) as currency,
        exchange_rate,
        source_id,
        description,
        status,
        {{ utc('created_at') }} as created_at,
        {{ utc('available_at') }} as available_at,
        fee_details,
        is_deleted,
        {{ utc('modified_at') }} as modified_at,
        {{ utc('extracted_at') }} as extracted_at,
        {{ utc('first_extracted_at') }} as first_extracted_at,
        payload
    from versions

)

select * from renamed
