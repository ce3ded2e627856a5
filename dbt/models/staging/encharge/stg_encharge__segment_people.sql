-- grain: one person in a segment, in its newest version at the run's instant
with versions as (

    select * from {{ newest_versions(raw('encharge', 'segment_people')) }} as newest

),

renamed as (

    select
        id as segment_person_id,
        segment_id,
        person_id,
        is_deleted,
        {{ utc('modified_at') }} as modified_at,
        {{ utc('extracted_at') }} as extracted_at,
        {{ utc('first_extracted_at') }} as first_extracted_at,
        payload
    from versions

)

select * from renamed
