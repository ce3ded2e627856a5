-- grain: one property of an object type's catalogue, in its newest version at the run's instant
with versions as (

    select * from {{ newest_versions(raw('hubspot', 'properties')) }} as newest

),

renamed as (

    select
        id as property_id,
        object_type,
        name,
        label,
        type,
        field_type,
        is_hubspot_defined,
        options,
        is_deleted,
        {{ utc('modified_at') }} as modified_at,
        {{ utc('extracted_at') }} as extracted_at,
        {{ utc('first_extracted_at') }} as first_extracted_at,
        payload
    from versions

)

select * from renamed
