-- grain: one meeting, in its newest version at the run's instant
with versions as (

    select * from {{ newest_versions(raw('hubspot', 'meetings')) }} as newest

),

renamed as (

    select
        id as meeting_id,
        {{ utc('occurred_at') }} as occurred_at,
        owner_id,
        direction,
        status,
        subject,
        duration_ms,
        {{ utc('created_at') }} as created_at,
        is_deleted,
        {{ utc('modified_at') }} as modified_at,
        {{ utc('extracted_at') }} as extracted_at,
        {{ utc('first_extracted_at') }} as first_extracted_at,
        payload
    from versions

)

select * from renamed
