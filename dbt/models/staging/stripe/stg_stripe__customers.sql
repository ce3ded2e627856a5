-- grain: one Stripe customer, in its newest version at the run's instant
with versions as (

    select * from {{ newest_versions(raw('stripe', 'customers')) }} as newest

),

renamed as (

    select
        id as customer_id,
        email,
        name,
        description,
        country,
        upper(currency) as currency,
        hubspot_company_id,
        metadata,
        balance as balance_minor,
        {{ from_minor('balance', 'currency') }} as balance,
        {{ utc('created_at') }} as created_at,
        is_deleted,
        {{ utc('modified_at') }} as modified_at,
        {{ utc('extracted_at') }} as extracted_at,
        {{ utc('first_extracted_at') }} as first_extracted_at,
        payload
    from versions

)

select * from renamed
