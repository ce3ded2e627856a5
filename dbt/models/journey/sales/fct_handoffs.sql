-- grain: one assignment of a lead to an owner, to its first human touch by any rep
-- One without a touch is censored at the next assignment, or at the run's instant.
{{ config(meta=carried(
    by='person_key',
    keyed=['int_lead_assignments', 'int_hubspot_engagements'],
    due={'this': 'is_censored and reassigned_at is null'}
)) }}

with assignments as (

    select * from {{ ref('int_lead_assignments') }}

),

-- what a person of ours did towards the lead; mail from the lead is no answer
touches as (

    select
        person_key,
        occurred_at,
        min(owner_id) as owner_id
    from {{ ref('int_hubspot_engagements') }}
    where
        person_key <> 'unknown'
        and has_happened
        and (event_type in ('call', 'meeting') or (event_type = 'sales_email' and coalesce(direction, 'out') = 'out'))
    group by person_key, occurred_at

),

answered as (

    select
        assignments.person_key,
        assignments.assigned_at,
        min(touches.occurred_at) as first_touch_at
    from assignments
    inner join touches
        on
            assignments.person_key = touches.person_key
            and assignments.assigned_at <= touches.occurred_at
            and (assignments.reassigned_at is null or assignments.reassigned_at > touches.occurred_at)
    group by assignments.person_key, assignments.assigned_at

),

owners as (

    select
        owner_id,
        owner_key
    from {{ ref('dim_owners') }}

),

joined as (

    select
        assignments.*,
        answered.first_touch_at,
        touches.owner_id as answering_owner_id,
        coalesce(answered.first_touch_at, assignments.reassigned_at, {{ as_of() }}) as observed_until
    from assignments
    left join answered
        on assignments.person_key = answered.person_key and assignments.assigned_at = answered.assigned_at
    left join touches
        on answered.person_key = touches.person_key and answered.first_touch_at = touches.occurred_at

),

days as (

    select
        date_day,
        is_working_day,
        working_day_number
    from {{ ref('dim_dates') }}

),

measured as (

    select
        joined.*,
        {{ int_div(seconds_between('joined.assigned_at', 'joined.observed_until'), '60') }} as observed_minutes,
        {{ business_minutes('joined.assigned_at', 'joined.observed_until', 'assigned_days', 'observed_days') }}
            as observed_business_minutes
    from joined
    left join days as assigned_days on {{ local_date('joined.assigned_at') }} = assigned_days.date_day
    left join days as observed_days on {{ local_date('joined.observed_until') }} = observed_days.date_day

)

select
    cast({{ key(['measured.person_key', 'measured.assigned_at']) }} as string) as handoff_key,
    cast(measured.person_key as string) as person_key,
    cast(measured.account_key as string) as account_key,
    cast(coalesce(owners.owner_key, 'unknown') as string) as owner_key,
    cast(coalesce(answering.owner_key, 'unknown') as string) as answering_owner_key,
    cast(measured.stage as string) as stage,
    cast(measured.assigned_at as timestamp) as assigned_at,
    cast({{ local_date('measured.assigned_at') }} as date) as assigned_on,
    cast(measured.first_touch_at as timestamp) as first_touch_at,
    cast(measured.reassigned_at as timestamp) as reassigned_at,
    cast(case when measured.first_touch_at is not null then measured.observed_minutes end as bigint)
        as wall_clock_minutes,
    cast(case when measured.first_touch_at is not null then measured.observed_business_minutes end as bigint)
        as business_minutes,
    cast(measured.observed_minutes as bigint) as observed_minutes,
    measured.first_touch_at is not null as is_answered,
    -- NULL: not answered yet, and the time allowed is not over
    case
        when measured.observed_minutes > {{ var('handoff_sla_minutes') }} then false
        when measured.first_touch_at is not null then true
    end as within_sla,
    case
        when measured.observed_business_minutes > {{ var('handoff_sla_business_minutes') }} then false
        when measured.first_touch_at is not null then true
    end as within_business_sla,
    measured.first_touch_at is null as is_censored
from measured
left join owners on measured.owner_id = owners.owner_id
left join owners as answering on measured.answering_owner_id = answering.owner_id
