-- grain: one association of two HubSpot objects by type, in its newest version at the run's instant
with versions as (

    select * from {{ newest_versions(raw('hubspot', 'associations')) }} as newest

),

renamed as (

    select
        id as association_id,
        from_type,
        from_id,
        to_type,
        to_id,
        category,
        type_id,
        label,
        is_deleted,
        {{ utc('modified_at') }} as modified_at,
        {{ utc('extracted_at') }} as extracted_at,
        {{ utc('first_extracted_at') }} as first_extracted_at,
        payload
    from versions

)

select * from renamed
