-- grain: one stay of a person or account in a journey stage, [entered_at, exited_at); exited_at is NULL while it lasts
-- A funnel stage that was jumped over has a row of no length (entered_at = exited_at), marked is_skipped.
{{ config(meta=carried(
    by=['entity_type', 'entity_key'],
    keyed={
        'int_funnel_stages': ['entity_type', 'entity_key'],
        'int_billing_stages': ["'account'", 'account_key'],
        'dim_people': ["'person'", 'person_key'],
    }
)) }}

with stages as (

    select * from {{ ref('journey_stages') }}

),

billing as (

    select * from {{ ref('int_billing_stages') }}

),

first_paid as (

    select
        account_key,
        min(changed_at) as paid_at
    from billing
    group by account_key

),

changes as (

    select
        funnel.entity_type,
        funnel.entity_key,
        funnel.changed_at,
        stages.stage
    from {{ ref('int_funnel_stages') }} as funnel
    inner join stages on funnel.funnel_rank = stages.funnel_rank and stages.stage_rank = stages.funnel_rank
    left join first_paid on funnel.entity_type = 'account' and funnel.entity_key = first_paid.account_key
    where first_paid.paid_at is null or funnel.changed_at < first_paid.paid_at

    union all

    select
        'account' as entity_type,
        account_key as entity_key,
        changed_at,
        stage
    from billing

),

ranked as (

    select
        changes.*,
        stages.funnel_rank,
        lag(changes.stage) over entity as previous_stage,
        lag(stages.funnel_rank) over entity as previous_rank,
        lead(changes.changed_at) over entity as exited_at,
        max(stages.funnel_rank) over (
            partition by changes.entity_type, changes.entity_key order by changes.changed_at
            rows between unbounded preceding and 1 preceding
        ) as reached_rank
    from changes
    inner join stages on changes.stage = stages.stage
    window entity as (partition by changes.entity_type, changes.entity_key order by changes.changed_at)

),

periods as (

    select
        entity_type,
        entity_key,
        stage,
        previous_stage,
        changed_at as entered_at,
        exited_at,
        coalesce(funnel_rank < previous_rank, false) as is_regression,
        false as is_skipped
    from ranked

    union all

    select
        ranked.entity_type,
        ranked.entity_key,
        stages.stage,
        ranked.previous_stage,
        ranked.changed_at as entered_at,
        ranked.changed_at as exited_at,
        false as is_regression,
        true as is_skipped
    from ranked
    inner join stages
        on
            stages.stage_rank = stages.funnel_rank
            and stages.funnel_rank > coalesce(ranked.reached_rank, 0)
            and ranked.funnel_rank > stages.funnel_rank

),

people as (

    select
        person_key,
        account_key
    from {{ ref('dim_people') }}

)

select
    cast({{ key(['periods.entity_type', 'periods.entity_key', 'periods.entered_at', 'periods.stage']) }} as string)
        as stage_period_key,
    cast(periods.entity_type as string) as entity_type,
    cast(periods.entity_key as string) as entity_key,
    cast(
        case when periods.entity_type = 'account' then periods.entity_key else coalesce(people.account_key, 'unknown') end
        as string
    ) as account_key,
    cast(case when periods.entity_type = 'person' then periods.entity_key else 'unknown' end as string) as person_key,
    cast({{ key(["'journey'", "''", 'periods.stage']) }} as string) as stage_key,
    cast(periods.stage as string) as stage,
    cast(periods.previous_stage as string) as previous_stage,
    cast(periods.entered_at as timestamp) as entered_at,
    cast(periods.exited_at as timestamp) as exited_at,
    periods.is_regression,
    periods.is_skipped,
    row_number() over (
        partition by periods.entity_type, periods.entity_key, periods.stage
        order by periods.entered_at, case when periods.is_skipped then 0 else 1 end
    ) > 1 as is_reentry,
    cast({{ seconds_between('periods.entered_at', 'periods.exited_at') }} as bigint) as duration_seconds
from periods
left join people on periods.entity_type = 'person' and periods.entity_key = people.person_key
