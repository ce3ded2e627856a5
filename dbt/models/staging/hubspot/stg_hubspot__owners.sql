-- grain: one HubSpot owner (a user who owns records), in its newest version at the run's instant
with versions as (

    select * from {{ newest_versions(raw('hubspot', 'owners')) }} as newest

),

renamed as (

    select
        id as owner_id,
        email,
        first_name,
        last_name,
        user_id,
        team,
        {{ utc('created_at') }} as created_at,
        is_deleted,
        {{ utc('modified_at') }} as modified_at,
        {{ utc('extracted_at') }} as extracted_at,
        {{ utc('first_extracted_at') }} as first_extracted_at,
        payload
    from versions

)

select * from renamed
