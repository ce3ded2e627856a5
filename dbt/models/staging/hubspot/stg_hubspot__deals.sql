-- grain: one HubSpot deal, in its newest version at the run's instant
with versions as (

    select * from {{ newest_versions(raw('hubspot', 'deals')) }} as newest

),

renamed as (

    select
        id as deal_id,
        name,
        {{ money('amount') }} as amount,
        upper(currency) as currency,
        pipeline_id,
        stage_id,
        deal_type,
        owner_id,
        {{ share_of_one('probability') }} as probability,
        analytics_source,
        merged_ids,
        {{ utc('created_at') }} as created_at,
        {{ utc('close_at') }} as close_at,
        is_deleted,
        {{ utc('modified_at') }} as modified_at,
        {{ utc('extracted_at') }} as extracted_at,
        {{ utc('first_extracted_at') }} as first_extracted_at,
        payload
    from versions

)

select * from renamed
