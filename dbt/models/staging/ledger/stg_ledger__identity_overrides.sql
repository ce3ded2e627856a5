-- grain: one decision by hand to join or split two records, in its newest version at the run's instant
with versions as (

    select * from {{ newest_versions(raw('ledger', 'identity_overrides')) }} as newest

),

renamed as (

    select
        id as identity_override_id,
        action,
        entity,
        left_system,
        left_type,
        left_id,
        right_system,
        right_type,
        right_id,
        reason,
        is_deleted,
        {{ utc('modified_at') }} as modified_at,
        {{ utc('extracted_at') }} as extracted_at,
        {{ utc('first_extracted_at') }} as first_extracted_at,
        payload
    from versions

)

select * from renamed
