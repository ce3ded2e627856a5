-- grain: one person and stretch of time [from_at, until_at) for which a score, tag, form or lead status gives a stage
-- None of these counts unless the seed `stage_policy` names it.
{{ config(schema='staging', meta=carried(
    by='person_key',
    keyed=['int_encharge_events', 'person_sources'],
    lookups={'stg_hubspot__property_history': {'on': 'object_id', 'through': {'person_sources': 'source_id'}}}
)) }}

with policy as (

    select
        policy.signal,
        lower(policy.value) as value,
        {{ safe_cast('policy.value', 'bigint') }} as threshold,
        stages.funnel_rank
    from {{ ref('stage_policy') }} as policy
    inner join {{ ref('journey_stages') }} as stages on policy.stage = stages.stage
    where policy.entity_type = 'person' and policy.signal in ('lead_score', 'tag', 'form', 'lead_status')

),

events as (

    select
        event_id,
        event_type,
        person_key,
        occurred_at,
        score_value,
        lower(tag) as tag,
        lower(form_name) as form_name
    from {{ ref('int_encharge_events') }}
    where
        person_key <> 'unknown'
        and not is_automated
        and event_type in ('lead_score_changed', 'tag_added', 'tag_removed', 'form_submitted')

),

-- a score holds until the next one
scores as (

    select
        person_key,
        score_value,
        occurred_at as from_at,
        lead(occurred_at) over (partition by person_key order by occurred_at, event_id) as until_at
    from events
    where event_type = 'lead_score_changed' and score_value is not null

),

-- a tag is worn until it is taken away
tags as (

    select
        person_key,
        tag,
        event_type,
        occurred_at as from_at,
        lead(occurred_at) over (partition by person_key, tag order by occurred_at, event_id) as until_at
    from events
    where event_type in ('tag_added', 'tag_removed') and tag is not null

),

sources as (

    select
        source_id,
        person_key
    from {{ ref('person_sources') }}
    where source_system = 'hubspot' and source_type = 'contact'

),

lead_statuses as (

    select
        sources.person_key,
        lower(history.value) as value,
        history.changed_at as from_at,
        lead(history.changed_at) over (
            partition by history.object_id order by history.changed_at, history.property_change_id
        ) as until_at
    from {{ ref('stg_hubspot__property_history') }} as history
    inner join sources on history.object_id = sources.source_id
    where history.object_type = 'contacts' and history.property = 'hs_lead_status' and not history.is_deleted

)

select
    scores.person_key,
    policy.funnel_rank,
    scores.from_at,
    scores.until_at
from scores
inner join policy on policy.signal = 'lead_score' and scores.score_value >= policy.threshold

union all

select
    tags.person_key,
    policy.funnel_rank,
    tags.from_at,
    tags.until_at
from tags
inner join policy on policy.signal = 'tag' and tags.tag = policy.value
where tags.event_type = 'tag_added'

union all

select
    events.person_key,
    policy.funnel_rank,
    min(events.occurred_at) as from_at,
    cast(null as timestamp) as until_at
from events
inner join policy on policy.signal = 'form' and events.form_name = policy.value
where events.event_type = 'form_submitted'
group by events.person_key, policy.funnel_rank

union all

select
    lead_statuses.person_key,
    policy.funnel_rank,
    lead_statuses.from_at,
    lead_statuses.until_at
from lead_statuses
inner join policy on policy.signal = 'lead_status' and lead_statuses.value = policy.value
