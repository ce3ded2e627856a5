-- grain: one change of a tracked property's value, in its newest version at the run's instant
with versions as (

    select * from {{ newest_versions(raw('hubspot', 'property_history')) }} as newest

),

renamed as (

    select
        id as property_change_id,
        object_type,
        object_id,
        property,
        value,
        {{ utc('changed_at') }} as changed_at,
        source_type,
        source_id,
        updated_by_user_id,
        is_deleted,
        {{ utc('modified_at') }} as modified_at,
        {{ utc('extracted_at') }} as extracted_at,
        {{ utc('first_extracted_at') }} as first_extracted_at,
        payload
    from versions

)

select * from renamed
