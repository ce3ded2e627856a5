-- grain: one assignment of a lead to an owner, until the next owner takes over
{{ config(schema='staging', meta=timed({
    'stg_hubspot__property_history':
        "object_type = 'contacts' and property = 'hubspot_owner_id' and " ~ has_come('changed_at')
})) }}

with sources as (

    select
        source_id,
        person_key,
        account_key
    from {{ ref('person_sources') }}
    where source_system = 'hubspot' and source_type = 'contact'

),

-- the records of one person share their owner changes: a merged contact repeats those of its parts
changes as (

    select
        sources.person_key,
        history.changed_at as assigned_at,
        max(nullif(history.value, '')) as owner_id
    from {{ ref('stg_hubspot__property_history') }} as history
    inner join sources on history.object_id = sources.source_id
    where
        history.object_type = 'contacts'
        and history.property = 'hubspot_owner_id'
        and not history.is_deleted
        and history.changed_at <= {{ as_of() }}
    group by sources.person_key, history.changed_at

),

compared as (

    select
        *,
        lag(owner_id) over (partition by person_key order by assigned_at) as previous_owner_id
    from changes

),

assignments as (

    select
        person_key,
        owner_id,
        assigned_at,
        lead(assigned_at) over (partition by person_key order by assigned_at) as reassigned_at
    from compared
    where coalesce(owner_id, '') <> coalesce(previous_owner_id, '')

),

stages as (

    select
        entity_type,
        entity_key,
        stage,
        entered_at,
        exited_at
    from {{ ref('fct_stage_periods') }}
    where not is_skipped

),

people as (

    select
        person_key,
        account_key
    from {{ ref('dim_people') }}

)

-- somebody at a paying account is no lead: that is a change of account manager
select
    assignments.person_key,
    coalesce(people.account_key, 'unknown') as account_key,
    assignments.owner_id,
    assignments.assigned_at,
    assignments.reassigned_at,
    person_stages.stage
from assignments
left join people on assignments.person_key = people.person_key
left join stages as person_stages
    on
        person_stages.entity_type = 'person'
        and assignments.person_key = person_stages.entity_key
        and assignments.assigned_at >= person_stages.entered_at
        and (person_stages.exited_at is null or assignments.assigned_at < person_stages.exited_at)
left join stages as account_stages
    on
        account_stages.entity_type = 'account'
        and people.account_key = account_stages.entity_key
        and assignments.assigned_at >= account_stages.entered_at
        and (account_stages.exited_at is null or assignments.assigned_at < account_stages.exited_at)
where
    assignments.owner_id is not null
    and coalesce(person_stages.stage, '') <> 'customer'
    and coalesce(account_stages.stage, '') not in ('customer', 'at_risk', 'won_back')
