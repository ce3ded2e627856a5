-- grain: one browser (anonymous id) and person who was identified in it, with the time in which its visits are theirs
{{ config(schema='staging') }}

with events as (

    select
        anonymous_id,
        person_id,
        occurred_at
    from {{ ref('stg_encharge__events') }}
    where anonymous_id is not null and person_id is not null and not is_deleted

),

sources as (

    select
        source_id,
        person_key
    from {{ ref('person_sources') }}
    where source_system = 'encharge' and source_type = 'person'

),

identified as (

    select
        events.anonymous_id,
        sources.person_key,
        min(events.occurred_at) as identified_at
    from events
    inner join sources on events.person_id = sources.source_id
    group by events.anonymous_id, sources.person_key

),

ordered as (

    select
        *,
        lag(identified_at) over (partition by anonymous_id order by identified_at, person_key) as previous_identified_at,
        lead(identified_at) over (partition by anonymous_id order by identified_at, person_key) as next_identified_at
    from identified

)

-- visits belong to whoever identifies themselves next, and after the last identification to that person
select
    anonymous_id,
    person_key,
    previous_identified_at as owned_after,
    case when next_identified_at is not null then identified_at end as owned_until
from ordered
