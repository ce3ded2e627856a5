-- grain: one HubSpot ticket, in its newest version at the run's instant
with versions as (

    select * from {{ newest_versions(raw('hubspot', 'tickets')) }} as newest

),

renamed as (

    select
        id as ticket_id,
        subject,
        content,
        pipeline_id,
        stage_id,
        priority,
        owner_id,
        {{ utc('created_at') }} as created_at,
        {{ utc('closed_at') }} as closed_at,
        is_deleted,
        {{ utc('modified_at') }} as modified_at,
        {{ utc('extracted_at') }} as extracted_at,
        {{ utc('first_extracted_at') }} as first_extracted_at,
        payload
    from versions

)

select * from renamed
