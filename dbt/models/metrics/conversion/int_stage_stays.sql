-- grain: one stay of a person, account or deal in a stage, or one stage that it jumped over
{{ config(schema='staging', meta=carried(
    by=['entity_type', 'entity_key'],
    keyed={'fct_stage_periods': ['entity_type', 'entity_key'], 'int_deal_stays': ["'deal'", 'deal_key']}
)) }}

with stages as (

    select
        stage,
        label,
        stage_rank,
        funnel_rank
    from {{ ref('journey_stages') }}

),

periods as (

    select
        periods.entity_type,
        periods.entity_key,
        periods.stage,
        periods.entered_at,
        periods.exited_at,
        periods.is_skipped,
        periods.is_regression,
        stages.stage_rank,
        stages.funnel_rank,
        lead(periods.stage) over entity as next_stage,
        lead(stages.funnel_rank) over entity as next_rank
    from {{ ref('fct_stage_periods') }} as periods
    inner join stages on periods.stage = stages.stage
    -- skipped stages are a line of their own, so that they are nobody's next stage
    window entity as (
        partition by periods.entity_type, periods.entity_key, periods.is_skipped order by periods.entered_at, stages.stage_rank
    )

),

unioned as (

    select
        entity_type,
        entity_key,
        'Customer journey' as pipeline,
        stage,
        stage_rank,
        entered_at,
        exited_at,
        is_skipped,
        is_regression,
        -- beyond the first payment the way forward is to stay, or to come back
        case
            when is_skipped then 'forward'
            when exited_at is null then 'open'
            when next_stage = 'churned' then 'left'
            when next_rank > funnel_rank then 'forward'
            when next_rank < funnel_rank or next_stage = 'at_risk' then 'regressed'
            else 'forward'
        end as outcome
    from periods
    union all
    select
        'deal' as entity_type,
        deal_key as entity_key,
        pipeline,
        stage,
        stage_rank,
        entered_at,
        exited_at,
        is_skipped,
        is_regression,
        outcome
    from {{ ref('int_deal_stays') }}

)

select
    *,
    row_number() over (
        partition by entity_type, entity_key, pipeline, stage order by entered_at, case when is_skipped then 0 else 1 end
    ) > 1 as is_reentry
from unioned
