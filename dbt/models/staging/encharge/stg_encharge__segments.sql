-- grain: one segment, in its newest version at the run's instant
with versions as (

    select * from {{ newest_versions(raw('encharge', 'segments')) }} as newest

),

renamed as (

    select
        id as segment_id,
        name,
        {{ utc('created_at') }} as created_at,
        is_deleted,
        {{ utc('modified_at') }} as modified_at,
        {{ utc('extracted_at') }} as extracted_at,
        {{ utc('first_extracted_at') }} as first_extracted_at,
        payload
    from versions

)

select * from renamed
