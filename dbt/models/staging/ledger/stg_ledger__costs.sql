-- grain: one cost of a month, category and vendor, in its newest version at the run's instant
with versions as (

    select * from {{ newest_versions(raw('ledger', 'costs')) }} as newest

),

renamed as (

    select
        id as cost_id,
        month,
        category,
        vendor,
        {{ money('amount') }} as amount,
        upper(currency) as currency,
        is_deleted,
        {{ utc('modified_at') }} as modified_at,
        {{ utc('extracted_at') }} as extracted_at,
        {{ utc('first_extracted_at') }} as first_extracted_at,
        payload
    from versions

)

select * from renamed
