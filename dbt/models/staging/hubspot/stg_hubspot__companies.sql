-- grain: one HubSpot company, in its newest version at the run's instant
with versions as (

    select * from {{ newest_versions(raw('hubspot', 'companies')) }} as newest

),

renamed as (

    select
        id as company_id,
        name,
        domain,
        country,
        industry,
        employee_count,
        lifecycle_stage,
        owner_id,
        parent_company_id,
        stripe_customer_id,
        additional_domains,
        merged_ids,
        {{ utc('created_at') }} as created_at,
        is_deleted,
        {{ utc('modified_at') }} as modified_at,
        {{ utc('extracted_at') }} as extracted_at,
        {{ utc('first_extracted_at') }} as first_extracted_at,
        payload
    from versions

)

select * from renamed
