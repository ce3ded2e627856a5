-- grain: one stay of a deal in a pipeline stage, [entered_at, exited_at); exited_at is NULL while it lasts
-- a deal without a history whose close date is ahead was closed when the run looked
{{ config(meta=carried(
    by='deal_id',
    keyed={'int_deals': 'deal_id', 'stg_hubspot__property_history': 'object_id'},
    due={
        'stg_hubspot__property_history':
            "object_type = 'deals' and property = 'dealstage' and " ~ has_come('changed_at'),
        'this': 'entered_at >= :since'
    }
)) }}

with deals as (

    select * from {{ ref('int_deals') }}

),

changes as (

    select
        object_id as deal_id,
        value as stage_id,
        changed_at
    from {{ ref('stg_hubspot__property_history') }}
    where
        object_type = 'deals'
        and property = 'dealstage'
        and value <> ''
        and changed_at <= {{ as_of() }}
        and not is_deleted

),

stages as (

    select * from {{ ref('dim_stages') }}
    where stage_type = 'deal'

),

-- a deal whose history cannot be read has been in its present stage since it was created, or closed, for all we know
entries as (

    select
        deals.deal_id,
        coalesce(changes.stage_id, deals.stage_id) as stage_id,
        coalesce(
            changes.changed_at,
            -- `least` leaves NULLs out
            case
                when stages.is_closed and deals.close_at is not null
                    then greatest(least(deals.close_at, {{ as_of() }}), deals.created_at)
            end,
            deals.created_at
        ) as entered_at,
        changes.deal_id is not null as is_from_history
    from deals
    left join changes on deals.deal_id = changes.deal_id
    left join stages on deals.stage_id = stages.stage_id and deals.pipeline_id = stages.pipeline_id

),

compared as (

    select
        *,
        lag(stage_id) over (partition by deal_id order by entered_at) as previous_stage_id
    from entries

),

stays as (

    select
        *,
        lead(entered_at) over (partition by deal_id order by entered_at) as exited_at
    from compared
    where previous_stage_id is null or previous_stage_id <> stage_id

),

joined as (

    select
        stays.*,
        deals.deal_key,
        deals.account_key,
        stages.stage_key,
        stages.stage,
        stages.stage_rank,
        coalesce(stages.is_closed, false) as is_closed,
        coalesce(stages.is_won, false) as is_won,
        coalesce(stages.is_lost, false) as is_lost,
        before.stage_rank as previous_rank,
        coalesce(before.is_closed, false) as was_closed
    from stays
    inner join deals on stays.deal_id = deals.deal_id
    left join stages
        on stays.stage_id = stages.stage_id and deals.pipeline_id = stages.pipeline_id
    left join stages as before
        on stays.previous_stage_id = before.stage_id and deals.pipeline_id = before.pipeline_id

)

select
    cast({{ key(['deal_key', 'entered_at']) }} as string) as deal_stage_period_key,
    cast(deal_key as string) as deal_key,
    cast(deal_id as string) as deal_id,
    cast(account_key as string) as account_key,
    cast(coalesce(stage_key, 'unknown') as string) as stage_key,
    cast(coalesce(stage, stage_id) as string) as stage,
    cast(previous_stage_id as string) as previous_stage_id,
    cast(entered_at as timestamp) as entered_at,
    cast(exited_at as timestamp) as exited_at,
    is_closed,
    is_won,
    is_lost,
    not was_closed and coalesce(stage_rank < previous_rank, false) as is_regression,
    was_closed and not is_closed as is_reopened,
    is_from_history
from joined
