-- grain: one email or web event, with the person it belongs to
{{ config(schema='staging', meta=carried(
    by='event_id',
    keyed=['stg_encharge__events'],
    lookups={
        'person_sources': {'on': 'source_id', 'through': {'stg_encharge__events': 'person_id'}},
        'dim_people': {'on': 'lower(trim(email))', 'through': {'stg_encharge__events': 'lower(trim(email))'}},
        'int_anonymous_people': {'on': 'anonymous_id', 'through': {'stg_encharge__events': 'anonymous_id'}},
    },
    due={'stg_encharge__events': has_come('occurred_at')}
)) }}

with events as (

    select
        *,
        {{ url_host('referrer') }} as referring_host
    from {{ ref('stg_encharge__events') }}
    where not is_deleted and occurred_at <= {{ as_of() }}

),

types as (

    select
        source_event,
        event_type
    from {{ ref('event_types') }}
    where source_system = 'encharge' and source_event is not null

),

sources as (

    select
        source_id,
        person_key
    from {{ ref('person_sources') }}
    where source_system = 'encharge' and source_type = 'person'

),

-- for events of a person that was never listed: the one person who has this address
addresses as (

    select
        lower(trim(email)) as email,
        min(person_key) as person_key
    from {{ ref('dim_people') }}
    where email is not null and person_key <> 'unknown'
    group by lower(trim(email))
    having count(*) = 1

),

browsers as (

    select * from {{ ref('int_anonymous_people') }}

),

joined as (

    select
        events.*,
        coalesce(types.event_type, 'other') as journey_event_type,
        coalesce(sources.person_key, addresses.person_key, browsers.person_key, 'unknown') as person_key,
        lower(coalesce(events.user_agent, '')) as agent,
        case when own_hosts.host is null then events.referring_host end as referrer_host
    from events
    left join types on events.event_type = types.source_event
    left join sources on events.person_id = sources.source_id
    left join addresses on sources.source_id is null and lower(trim(events.email)) = addresses.email
    left join {{ ref('int_own_hosts') }} as own_hosts on events.referring_host = own_hosts.host
    left join browsers
        on
            events.person_id is null
            and events.email is null
            and events.anonymous_id = browsers.anonymous_id
            and (browsers.owned_after is null or events.occurred_at > browsers.owned_after)
            and (browsers.owned_until is null or events.occurred_at <= browsers.owned_until)

)

select
    event_id,
    journey_event_type as event_type,
    occurred_at,
    person_key,
    anonymous_id,
    email_id,
    email_name,
    email_subject,
    coalesce({{ campaign_id('campaign_name') }}, {{ campaign_id('campaign_id') }}) as campaign_id,
    coalesce(campaign_name, campaign_id) as campaign_name,
    url,
    page_title,
    form_name,
    score_value,
    tag,
    reason,
    {{ url_param('url', 'utm_source') }} as utm_source,
    {{ url_param('url', 'utm_medium') }} as utm_medium,
    {{ url_param('url', 'utm_campaign') }} as utm_campaign,
    referrer_host,
    -- image proxies of web mailboxes fetch when a person reads; scanners and privacy proxies fetch on their own
    case
        when is_automated then true
        when agent like '%googleimageproxy%' or agent like '%yahoomailproxy%' then false
        else
            agent = 'mozilla/5.0'
            or agent like '%barracuda%'
            or agent like '%mimecast%'
            or agent like '%proofpoint%'
            or agent like '%bot%'
            or agent like '%crawler%'
            or agent like '%spider%'
            or agent like '%headless%'
    end as is_automated
from joined
