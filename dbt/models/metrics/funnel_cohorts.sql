-- grain: one kind of entity (person, account), month in which it became a lead, and funnel stage from lead on
{{ config(meta=carried(by='entity_type', keyed=['fct_stage_periods'], due={'this': month_turns()})) }}

with periods as (

    select * from {{ ref('fct_stage_periods') }}

),

stages as (

    select
        stage,
        stage_rank,
        funnel_rank
    from {{ ref('journey_stages') }}

),

-- at_risk, churned and won_back imply that the account became a customer
reached as (

    select
        periods.entity_type,
        periods.entity_key,
        stages.funnel_rank,
        min(periods.entered_at) as reached_at,
        max(case when periods.is_skipped then 0 else 1 end) as was_stayed_in
    from periods
    inner join stages on periods.stage = stages.stage
    group by periods.entity_type, periods.entity_key, stages.funnel_rank

),

leads as (

    select
        reached.entity_type,
        reached.entity_key,
        reached.reached_at as lead_at,
        {{ month_of(local_date('reached.reached_at')) }} as cohort_month
    from reached
    inner join stages on stages.stage = 'lead' and reached.funnel_rank = stages.funnel_rank

),

cohorts as (

    select
        entity_type,
        cohort_month,
        count(*) as entered
    from leads
    group by entity_type, cohort_month

),

funnel_stages as (

    select
        stage,
        funnel_rank
    from stages
    where
        stage_rank = funnel_rank
        and funnel_rank >= (
            select min(entry.funnel_rank) from stages as entry
            where entry.stage = 'lead'
        )

),

counted as (

    select
        leads.entity_type,
        leads.cohort_month,
        reached.funnel_rank,
        count(*) as reached,
        sum(1 - reached.was_stayed_in) as skipped,
        {{ percentile_disc(days_between(local_date('leads.lead_at'), local_date('reached.reached_at')), 0.5) }}
            as median_days_from_lead
    from leads
    inner join reached on leads.entity_type = reached.entity_type and leads.entity_key = reached.entity_key
    group by leads.entity_type, leads.cohort_month, reached.funnel_rank

),

filled as (

    select
        cohorts.entity_type,
        cohorts.cohort_month,
        cohorts.entered,
        funnel_stages.stage,
        funnel_stages.funnel_rank,
        coalesce(counted.reached, 0) as reached,
        coalesce(counted.skipped, 0) as skipped,
        counted.median_days_from_lead
    from cohorts
    cross join funnel_stages
    left join counted
        on
            cohorts.entity_type = counted.entity_type
            and cohorts.cohort_month = counted.cohort_month
            and funnel_stages.funnel_rank = counted.funnel_rank

),

compared as (

    select
        *,
        lead(reached) over (partition by entity_type, cohort_month order by funnel_rank) as reached_next
    from filled

)

select
    cast(entity_type as string) as entity_type,
    cast(cohort_month as date) as cohort_month,
    {{ month_end('cohort_month') }} < {{ as_of_date() }} as is_complete,
    cast(stage as string) as stage,
    cast(funnel_rank as int) as stage_rank,
    cast(entered as bigint) as entered,
    cast(reached as bigint) as reached,
    cast(skipped as bigint) as skipped,
    cast(reached_next as bigint) as reached_next,
    -- NULL: nobody reached the stage, or it is the last one
    {{ ratio('reached_next', 'reached') }} as conversion_to_next,
    {{ ratio('reached', 'entered') }} as conversion_from_lead,
    cast(median_days_from_lead as int) as median_days_from_lead,
    cast(entered as bigint) as n,
    {{ is_small('entered') }} as is_small,
    cast('{{ policy_version() }}' as string) as policy_version
from compared
