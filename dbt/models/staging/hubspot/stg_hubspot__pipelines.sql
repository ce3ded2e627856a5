-- grain: one pipeline of an object type, in its newest version at the run's instant
with versions as (

    select * from {{ newest_versions(raw('hubspot', 'pipelines')) }} as newest

),

renamed as (

    select
        id as pipeline_record_id,
        object_type,
        pipeline_id,
        label,
        is_deleted,
        {{ utc('modified_at') }} as modified_at,
        {{ utc('extracted_at') }} as extracted_at,
        {{ utc('first_extracted_at') }} as first_extracted_at,
        payload
    from versions

)

select * from renamed
