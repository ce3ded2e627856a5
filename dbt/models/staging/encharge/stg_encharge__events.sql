-- grain: one event that Encharge sent to the landing receiver, in its newest version at the run's instant
-- the largest stream by far: a night makes again only what something came for, on Spark the months of it
{{ config(meta=carried(by='event_id', keyed={'encharge.events': 'id'}, due={}), **by_month('occurred_month')) }}

{% set month = month_of(utc('coalesce(occurred_at, modified_at)')) %}
{% set since = watermark(raw('encharge', 'events'), month) %}

with versions as (

    {% if since %}
    select * from {{ newest_versions_since(raw('encharge', 'events'), month, since) }} as newest
    {% else %}
    select * from {{ newest_versions(raw('encharge', 'events')) }} as newest
    {% endif %}

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
        payload,
        {{ month }} as occurred_month
    from versions

)

select * from renamed
