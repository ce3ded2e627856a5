-- grain: one stage of a pipeline, in its newest version at the run's instant
with versions as (

    select * from {{ newest_versions(raw('hubspot', 'pipeline_stages')) }} as newest

),

renamed as (

    select
        id as pipeline_stage_id,
        object_type,
        pipeline_id,
        stage_id,
        label,
        display_order,
        is_closed,
        {{ share_of_one('probability') }} as probability,
        is_deleted,
        {{ utc('modified_at') }} as modified_at,
        {{ utc('extracted_at') }} as extracted_at,
        {{ utc('first_extracted_at') }} as first_extracted_at,
        payload
    from versions

)

select * from renamed
