-- grain: one kind of entity, pipeline, stage, month of entry, first entry or re-entry, segment type and segment
{{ config(meta=carried(
    by=['entity_type', 'cohort_month'],
    keyed={'int_stage_stays': ['entity_type', month_of(run_date('entered_at'))]},
    lookups={'int_sales_segments': {'on': 'entity_key', 'through': {'int_stage_stays': 'entity_key'}}},
    due={'this': month_turns()}
)) }}

with stays as (

    select
        stays.*,
        {{ month_of(local_date('stays.entered_at')) }} as cohort_month,
        segments.segment_type,
        segments.segment
    from {{ ref('int_stage_stays') }} as stays
    inner join {{ ref('int_sales_segments') }} as segments
        on stays.entity_type = segments.entity_type and stays.entity_key = segments.entity_key

),

counted as (

    select
        entity_type,
        pipeline,
        stage,
        stage_rank,
        cohort_month,
        is_reentry,
        segment_type,
        segment,
        count(*) as reached,
        sum(case when is_skipped then 0 else 1 end) as entered,
        sum(case when is_skipped then 1 else 0 end) as skipped,
        sum(case when is_regression then 1 else 0 end) as came_back,
        sum(case when outcome = 'forward' and not is_skipped then 1 else 0 end) as moved_forward,
        sum(case when outcome = 'forward' then 1 else 0 end) as passed,
        sum(case when outcome = 'regressed' then 1 else 0 end) as regressed,
        sum(case when outcome = 'left' then 1 else 0 end) as left_funnel,
        sum(case when outcome = 'open' then 1 else 0 end) as still_open
    from stays
    group by entity_type, pipeline, stage, stage_rank, cohort_month, is_reentry, segment_type, segment

)

select
    cast(entity_type as string) as entity_type,
    cast(pipeline as string) as pipeline,
    cast(stage as string) as stage,
    cast(stage_rank as int) as stage_rank,
    cast(cohort_month as date) as cohort_month,
    {{ month_end('cohort_month') }} < {{ as_of_date() }} as is_complete,
    is_reentry,
    cast(segment_type as string) as segment_type,
    cast(segment as string) as segment,
    cast(entered as bigint) as entered,
    cast(skipped as bigint) as skipped,
    cast(came_back as bigint) as came_back,
    cast(moved_forward as bigint) as moved_forward,
    cast(regressed as bigint) as regressed,
    cast(left_funnel as bigint) as left_funnel,
    cast(still_open as bigint) as still_open,
    -- so far, with everybody who came in the denominator
    {{ ratio('passed', 'reached') }} as conversion_rate,
    {{ ratio('passed', 'reached - still_open') }} as conversion_rate_decided,
    cast(case when reached = still_open then 'immature' end as string) as conversion_rate_decided_reason,
    {{ ratio('still_open', 'reached') }} as open_share,
    cast(reached as bigint) as n,
    {{ is_small('reached') }} as is_small,
    cast('{{ policy_version() }}' as string) as policy_version
from counted
