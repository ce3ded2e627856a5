-- grain: one HubSpot contact, in its newest version at the run's instant
with versions as (

    select * from {{ newest_versions(raw('hubspot', 'contacts')) }} as newest

),

renamed as (

    select
        id as contact_id,
        email,
        first_name,
        last_name,
        company_name,
        job_title,
        country,
        lifecycle_stage,
        lead_status,
        owner_id,
        company_id,
        analytics_source,
        analytics_source_data_1,
        utm_source,
        utm_medium,
        utm_campaign,
        additional_emails,
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
