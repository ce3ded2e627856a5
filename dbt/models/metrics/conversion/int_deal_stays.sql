-- grain: one stay of a deal in an open stage of its pipeline, or one open stage that it jumped over
{{ config(schema='staging') }}

with stages as (

    select
        stage_key,
        pipeline_id,
        pipeline,
        stage_rank,
        stage,
        is_closed
    from {{ ref('dim_stages') }}
    where stage_type = 'deal'

),

periods as (

    select
        periods.deal_key,
        periods.stage_key,
        periods.stage,
        stages.pipeline_id,
        coalesce(stages.pipeline, 'unknown') as pipeline,
        periods.entered_at,
        periods.exited_at,
        periods.is_closed,
        periods.is_lost,
        periods.is_regression,
        periods.is_from_history,
        -- how far a deal is: winning is further than any stage, and losing is nowhere
        case when periods.is_won then 1000000 when not periods.is_lost then stages.stage_rank end as progress,
        case when not periods.is_closed then stages.stage_rank end as stage_rank
    from {{ ref('fct_deal_stage_periods') }} as periods
    left join stages on periods.stage_key = stages.stage_key

),

compared as (

    select
        *,
        lead(progress) over deal as next_progress,
        max(progress) over (partition by deal_key order by entered_at rows between unbounded preceding and 1 preceding)
            as progress_before
    from periods
    window deal as (partition by deal_key order by entered_at)

)

select
    deal_key,
    pipeline,
    stage_key,
    stage,
    stage_rank,
    entered_at,
    exited_at,
    false as is_skipped,
    is_regression,
    case
        when exited_at is null then 'open'
        when next_progress > stage_rank then 'forward'
        when next_progress < stage_rank then 'regressed'
        else 'left'
    end as outcome
from compared
where not is_closed

union all

select
    compared.deal_key,
    stages.pipeline,
    stages.stage_key,
    stages.stage,
    stages.stage_rank,
    compared.entered_at,
    compared.entered_at as exited_at,
    true as is_skipped,
    false as is_regression,
    'forward' as outcome
from compared
inner join stages
    on
        compared.pipeline_id = stages.pipeline_id
        and not stages.is_closed
        and stages.stage_rank > coalesce(compared.progress_before, -1)
        and compared.progress > stages.stage_rank
where compared.is_from_history
