-- grain: one event that Encharge sent to the landing receiver, in its newest version at the run's instant
with versions as (

    select * from {{ newest_versions(raw('encharge', 'events')) }} as newest

),

renamed as (

    select
        id as event_id,
        event_type,
        {{ utc('occurred_at') }} as occurred_at,
        person_id,
        email,
        anonymous_id,
        email_id,
        email_name,
        email_subject,
        campaign_id,
        campaign_name,
        url,
        referrer,
        page_title,
        form_name,
        score_value,
        score_change,
        tag,
        user_agent,
        is_automated,
        reason,
        is_deleted,
        {{ utc('modified_at') }} as modified_at,
        {{ utc('extracted_at') }} as extracted_at,
        {{ utc('first_extracted_at') }} as first_extracted_at,
        payload
    from versions

)

select * from renamed
