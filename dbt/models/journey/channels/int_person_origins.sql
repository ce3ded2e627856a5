-- grain: one person: the channel and campaign that first brought them, as far as any system knows
{{ config(schema='staging', meta=carried(
    by='person_key',
    keyed=['person_sources', 'int_web_sessions', 'dim_people'],
    lookups={
        'stg_hubspot__contacts': {'on': 'contact_id', 'through': {'person_sources': 'source_id'}},
        'stg_encharge__people': {'on': 'person_id', 'through': {'person_sources': 'source_id'}},
    }
)) }}

with sources as (

    select
        source_system,
        source_type,
        source_id,
        person_key
    from {{ ref('person_sources') }}

),

signatures as (

    select
        signature_key,
        channel
    from {{ ref('int_channel_signatures') }}

),

contacts as (

    select
        sources.person_key,
        signatures.channel,
        contacts.utm_campaign,
        contacts.created_at as known_at,
        'hubspot' as source_system,
        contacts.contact_id as source_id
    from {{ ref('stg_hubspot__contacts') }} as contacts
    inner join sources
        on
            sources.source_system = 'hubspot'
            and sources.source_type = 'contact'
            and contacts.contact_id = sources.source_id
    inner join signatures
        on
            {{ channel_signature('contacts.utm_source', 'contacts.utm_medium', 'null', 'contacts.analytics_source') }}
            = signatures.signature_key

),

people as (

    select
        sources.person_key,
        signatures.channel,
        people.utm_campaign,
        people.created_at as known_at,
        'encharge' as source_system,
        people.person_id as source_id
    from {{ ref('stg_encharge__people') }} as people
    inner join sources
        on
            sources.source_system = 'encharge'
            and sources.source_type = 'person'
            and people.person_id = sources.source_id
    inner join signatures
        on
            {{ channel_signature('people.utm_source', 'people.utm_medium', url_host('people.referrer'), 'null') }}
            = signatures.signature_key

),

-- a visit brought somebody only if nobody knew them before: the hour is for records that are made a little early
visits as (

    select
        sessions.person_key,
        sessions.channel,
        sessions.utm_campaign,
        sessions.occurred_at as known_at,
        'encharge' as source_system,
        sessions.event_id as source_id
    from {{ ref('int_web_sessions') }} as sessions
    inner join {{ ref('dim_people') }} as people on sessions.person_key = people.person_key
    where
        sessions.person_key <> 'unknown'
        and sessions.is_session_start
        and sessions.occurred_at <= {{ timestamp_add('people.first_seen_at', 1, 'hour') }}

),

unioned as (

    select * from contacts
    where channel is not null
    union all
    select * from people
    where channel is not null
    union all
    select * from visits
    where channel is not null

),

-- "direct" and the like only say that nothing better is known
ranked as (

    select
        *,
        row_number() over (
            partition by person_key
            order by
                case when channel in ('direct', 'offline', 'other') then 1 else 0 end,
                known_at nulls last,
                source_system,
                source_id
        ) as preference
    from unioned

)

select
    person_key,
    channel,
    utm_campaign,
    {{ campaign_id('utm_campaign') }} as campaign_id,
    known_at,
    source_system
from ranked
where preference = 1
