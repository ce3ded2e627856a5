-- grain: one day on which nobody works, in its newest version at the run's instant
with versions as (

    select * from {{ newest_versions(raw('ledger', 'holidays')) }} as newest

),

renamed as (

    select
        id as holiday_id,
        date,
        name,
        is_deleted,
        {{ utc('modified_at') }} as modified_at,
        {{ utc('extracted_at') }} as extracted_at,
        {{ utc('first_extracted_at') }} as first_extracted_at,
        payload
    from versions

)

select * from renamed
