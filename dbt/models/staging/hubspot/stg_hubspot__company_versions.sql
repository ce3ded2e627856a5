-- grain: one version of one HubSpot company, of those extracted up to the run's instant
with versions as (

    select * from {{ raw('hubspot', 'companies') }}
    where extracted_at <= {{ as_of_instant() }}

),

renamed as (

    select
        {{ key(['id', 'version_hash']) }} as company_version_id,
        id as company_id,
        version_hash,
        name,
        domain,
        country,
        industry,
        employee_count,
        lifecycle_stage,
        owner_id,
        {{ utc('created_at') }} as created_at,
        is_deleted,
        {{ utc('modified_at') }} as modified_at,
        {{ utc('extracted_at') }} as extracted_at,
        _dlt_load_id,
        payload
    from versions

)

select * from renamed
