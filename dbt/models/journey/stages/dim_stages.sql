-- grain: one journey stage or stage of a deal or ticket pipeline, and one for unknown
with journey_stages as (

    select
        {{ key(["'journey'", "''", 'stage']) }} as stage_key,
        'journey' as stage_type,
        '' as pipeline_id,
        'Customer journey' as pipeline,
        stage as stage_id,
        label as stage,
        stage_rank,
        cast(null as decimal(9, 4)) as probability,
        false as is_closed,
        false as is_won,
        false as is_lost
    from {{ ref('journey_stages') }}

),

pipelines as (

    select
        object_type,
        pipeline_id,
        label
    from {{ ref('stg_hubspot__pipelines') }}

),

pipeline_stages as (

    select
        {{ key([
            "case when stages.object_type = 'deals' then 'deal' else 'ticket' end", 'stages.pipeline_id', 'stages.stage_id'
        ]) }} as stage_key,
        case when stages.object_type = 'deals' then 'deal' else 'ticket' end as stage_type,
        stages.pipeline_id,
        coalesce(pipelines.label, stages.pipeline_id) as pipeline,
        stages.stage_id,
        coalesce(stages.label, stages.stage_id) as stage,
        stages.display_order as stage_rank,
        stages.probability,
        coalesce(stages.is_closed, false) as is_closed,
        stages.object_type = 'deals' and coalesce(stages.is_closed, false) and coalesce(stages.probability, 0) = 1 as is_won,
        stages.object_type = 'deals' and coalesce(stages.is_closed, false) and coalesce(stages.probability, 0) < 1 as is_lost
    from {{ ref('stg_hubspot__pipeline_stages') }} as stages
    left join pipelines
        on stages.object_type = pipelines.object_type and stages.pipeline_id = pipelines.pipeline_id
    where stages.object_type in ('deals', 'tickets')

),

unioned as (

    select * from journey_stages
    union all
    select * from pipeline_stages
    union all
    select
        'unknown' as stage_key,
        'unknown' as stage_type,
        'unknown' as pipeline_id,
        'Unknown' as pipeline,
        'unknown' as stage_id,
        'Unknown' as stage,
        cast(null as int) as stage_rank,
        cast(null as decimal(9, 4)) as probability,
        false as is_closed,
        false as is_won,
        false as is_lost

)

select
    cast(stage_key as string) as stage_key,
    cast(stage_type as string) as stage_type,
    cast(pipeline_id as string) as pipeline_id,
    cast(pipeline as string) as pipeline,
    cast(stage_id as string) as stage_id,
    cast(stage as string) as stage,
    cast(stage_rank as int) as stage_rank,
    cast(probability as decimal(9, 4)) as probability,
    is_closed,
    is_won,
    is_lost
from unioned
