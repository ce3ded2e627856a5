-- grain: one Encharge person, in its newest version at the run's instant
with versions as (

    select * from {{ newest_versions(raw('encharge', 'people')) }} as newest

),

renamed as (

    select
        id as person_id,
        email,
        first_name,
        last_name,
        company_name,
        country,
        user_id,
        lead_score,
        is_unsubscribed,
        hubspot_contact_id,
        stripe_customer_id,
        utm_source,
        utm_medium,
        utm_campaign,
        referrer,
        tags,
        {{ utc('created_at') }} as created_at,
        is_deleted,
        {{ utc('modified_at') }} as modified_at,
        {{ utc('extracted_at') }} as extracted_at,
        {{ utc('first_extracted_at') }} as first_extracted_at,
        payload
    from versions

)

select * from renamed
