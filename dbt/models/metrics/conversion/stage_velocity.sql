-- grain: one kind of entity, pipeline, stage, first entry or re-entry, cohort (all, or a quarter of entry) and segment
{%- set groups = ['entity_type', 'pipeline', 'stage', 'stage_rank', 'is_reentry', 'cohort_type', 'cohort_start', 'segment_type', 'segment'] %}

with stays as (

    select
        *,
        -- whole hours, to its end or to the run's instant
        {{ int_div(seconds_between('entered_at', "coalesce(exited_at, " ~ as_of() ~ ")"), 3600) }} as hours,
        case when exited_at is null then 0 else 1 end as is_ended,
        cast(date_trunc('quarter', {{ local_date('entered_at') }}) as date) as quarter
    from {{ ref('int_stage_stays') }}
    where not is_skipped

),

grouped as (

    select
        stays.entity_type,
        stays.pipeline,
        stays.stage,
        stays.stage_rank,
        stays.is_reentry,
        'all' as cohort_type,
        cast(null as date) as cohort_start,
        segments.segment_type,
        segments.segment,
        stays.hours,
        stays.is_ended
    from stays
    inner join {{ ref('int_sales_segments') }} as segments
        on stays.entity_type = segments.entity_type and stays.entity_key = segments.entity_key
    union all
    select
        entity_type,
        pipeline,
        stage,
        stage_rank,
        is_reentry,
        'quarter' as cohort_type,
        quarter as cohort_start,
        'all' as segment_type,
        'all' as segment,
        hours,
        is_ended
    from stays

),

curve as (

    select * from {{ kaplan_meier('grouped', groups, 'hours', 'is_ended') }} as km

),

measured as (

    select
        {{ groups | join(', ') }},
        max(at_risk) as stays,
        sum(events) as ended,
        sum(censored) as still_open,
        min(case when survival <= 0.5 then age end) as median_hours,
        min(case when survival <= 0.1 then age end) as p90_hours
    from curve
    group by {{ groups | join(', ') }}

)

select
    cast(entity_type as string) as entity_type,
    cast(pipeline as string) as pipeline,
    cast(stage as string) as stage,
    cast(stage_rank as int) as stage_rank,
    is_reentry,
    cast(cohort_type as string) as cohort_type,
    cast(cohort_start as date) as cohort_start,
    cast(segment_type as string) as segment_type,
    cast(segment as string) as segment,
    cast(stays as bigint) as stays,
    cast(ended as bigint) as ended,
    cast(still_open as bigint) as still_open,
    {{ ratio('still_open', 'stays') }} as open_share,
    {{ ratio('median_hours', 24) }} as median_days,
    cast(case when median_hours is null then 'fewer than half have left' end as string) as median_days_reason,
    {{ ratio('p90_hours', 24) }} as p90_days,
    cast(case when p90_hours is null then 'fewer than nine in ten have left' end as string) as p90_days_reason,
    cast(stays as bigint) as n,
    {{ is_small('stays') }} as is_small,
    cast('{{ policy_version() }}' as string) as policy_version
from measured
