-- grain: one campaign on a channel and day, in its newest version at the run's instant
with versions as (

    select * from {{ newest_versions(raw('ledger', 'ad_spend')) }} as newest

),

renamed as (

    select
        id as ad_spend_id,
        date,
        channel,
        campaign,
        {{ money('amount') }} as amount,
        upper(currency) as currency,
        clicks,
        impressions,
        is_deleted,
        {{ utc('modified_at') }} as modified_at,
        {{ utc('extracted_at') }} as extracted_at,
        {{ utc('first_extracted_at') }} as first_extracted_at,
        payload
    from versions

)

select * from renamed
