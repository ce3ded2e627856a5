-- grain: one reason for a person to be in a funnel stage: [from_at, until_at), open while it lasts
-- The seed `stage_policy` says which signals count. They are in the furthest stage that any of their signals gives.
{{ config(schema='staging', meta=carried(
    by='person_key',
    keyed=['person_sources', 'int_encharge_events', 'int_policy_signals'],
    lookups={
        'int_lifecycle_stages': {'on': 'contact_id', 'through': {'person_sources': 'source_id'}},
        'stg_hubspot__contacts': {'on': 'contact_id', 'through': {'person_sources': 'source_id'}},
        'stg_encharge__people': {'on': 'person_id', 'through': {'person_sources': 'source_id'}},
        'stg_stripe__customers': {'on': 'customer_id', 'through': {'person_sources': 'source_id'}},
    },
    due={
        'int_lifecycle_stages': 'from_at > :since or until_at > :since',
        'int_policy_signals': 'from_at > :since or until_at > :since',
        'stg_hubspot__contacts': 'created_at > :since',
        'stg_encharge__people': 'created_at > :since',
        'stg_stripe__customers': 'created_at > :since',
    }
)) }}

with policy as (

    select
        policy.entity_type,
        policy.source_system,
        policy.signal,
        policy.value,
        stages.funnel_rank
    from {{ ref('stage_policy') }} as policy
    inner join {{ ref('journey_stages') }} as stages on policy.stage = stages.stage

),

person_sources as (

    select * from {{ ref('person_sources') }}

),

lifecycle as (

    select * from {{ ref('int_lifecycle_stages') }}

),

records as (

    select
        'hubspot' as source_system,
        'contact' as source_type,
        contact_id as source_id,
        coalesce(created_at, first_extracted_at) as created_at
    from {{ ref('stg_hubspot__contacts') }} as contacts
    where
        not exists (
            select 1 from lifecycle
            where lifecycle.contact_id = contacts.contact_id
        )
    union all
    select
        'encharge' as source_system,
        'person' as source_type,
        person_id as source_id,
        coalesce(created_at, first_extracted_at) as created_at
    from {{ ref('stg_encharge__people') }}
    union all
    select
        'stripe' as source_system,
        'customer' as source_type,
        customer_id as source_id,
        coalesce(created_at, first_extracted_at) as created_at
    from {{ ref('stg_stripe__customers') }}

),

web as (

    select
        person_key,
        event_type,
        min(occurred_at) as from_at
    from {{ ref('int_encharge_events') }}
    where person_key <> 'unknown' and not is_automated
    group by person_key, event_type

),

signals as (

    select
        person_sources.person_key,
        lifecycle.funnel_rank,
        lifecycle.from_at,
        lifecycle.until_at
    from lifecycle
    inner join person_sources
        on
            person_sources.source_system = 'hubspot'
            and person_sources.source_type = 'contact'
            and lifecycle.contact_id = person_sources.source_id

    union all

    select
        person_sources.person_key,
        policy.funnel_rank,
        records.created_at as from_at,
        cast(null as timestamp) as until_at
    from records
    inner join policy
        on
            policy.entity_type = 'person'
            and policy.signal = 'record'
            and records.source_system = policy.source_system
            and records.source_type = policy.value
    inner join person_sources
        on
            records.source_system = person_sources.source_system
            and records.source_type = person_sources.source_type
            and records.source_id = person_sources.source_id

    union all

    select
        web.person_key,
        policy.funnel_rank,
        web.from_at,
        cast(null as timestamp) as until_at
    from web
    inner join policy
        on
            policy.source_system = 'encharge'
            and policy.signal = 'event'
            and web.event_type = policy.value

    union all

    select
        person_key,
        funnel_rank,
        from_at,
        until_at
    from {{ ref('int_policy_signals') }}

)

select
    person_key,
    funnel_rank,
    from_at,
    case when until_at <= {{ as_of() }} then until_at end as until_at
from signals
where from_at <= {{ as_of() }} and (until_at is null or until_at > from_at)
