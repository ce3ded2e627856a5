-- grain: one deal
-- a closed deal whose close date is ahead was closed when the run looked
{{ config(meta=carried(
    by='deal_key',
    keyed=['int_deals', 'fct_deal_stage_periods'],
    lookups={'int_rate_days': {'whole': true, 'on': 'day', 'through': {'int_deals': run_date('created_at')}}},
    due={'this': 'closed_at >= :since'}
)) }}

with deals as (

    select * from {{ ref('int_deals') }}

),

stages as (

    select * from {{ ref('dim_stages') }}
    where stage_type = 'deal'

),

periods as (

    select * from {{ ref('fct_deal_stage_periods') }}

),

-- closed since the last move into its present kind of end: from an open stage, or from lost to won
closings as (

    select
        closed.deal_key,
        max(closed.entered_at) as closed_at
    from periods as closed
    left join periods as before
        on closed.deal_key = before.deal_key and closed.entered_at = before.exited_at
    where
        closed.is_closed
        and closed.is_from_history
        and (not coalesce(before.is_closed, false) or before.is_won <> closed.is_won)
    group by closed.deal_key

),

rates as (

    select * from {{ ref('int_rate_days') }}

),

owners as (

    select
        owner_id,
        owner_key
    from {{ ref('dim_owners') }}

),

joined as (

    select
        deals.*,
        stages.stage_key,
        stages.stage,
        stages.pipeline,
        coalesce(stages.is_closed, false) as is_closed,
        coalesce(stages.is_won, false) as is_won,
        coalesce(stages.is_lost, false) as is_lost,
        stages.probability as stage_probability,
        case
            when stages.is_closed
                then greatest(
                    least(coalesce(closings.closed_at, deals.close_at, deals.created_at), {{ as_of() }}), deals.created_at
                )
        end as closed_at,
        owners.owner_key,
        -- a deal without an amount needs no rate
        case
            when deals.amount is not null
                then {{ require_rate('rates.rate', 'deals.currency', local_date('deals.created_at')) }}
        end as rate
    from deals
    left join stages on deals.pipeline_id = stages.pipeline_id and deals.stage_id = stages.stage_id
    left join closings on deals.deal_key = closings.deal_key
    left join owners on deals.owner_id = owners.owner_id
    left join rates
        on deals.currency = rates.currency and {{ local_date('deals.created_at') }} = rates.day

)

select
    cast(deal_key as string) as deal_key,
    cast(deal_id as string) as deal_id,
    cast(name as string) as name,
    cast(account_key as string) as account_key,
    cast(person_key as string) as person_key,
    cast(coalesce(owner_key, 'unknown') as string) as owner_key,
    cast(case when channel is null then 'unknown' else {{ key(['channel']) }} end as string) as channel_key,
    cast(coalesce(stage_key, 'unknown') as string) as stage_key,
    cast(coalesce(pipeline, pipeline_id) as string) as pipeline,
    cast(coalesce(stage, stage_id) as string) as stage,
    cast(deal_type as string) as deal_type,
    {{ convert('amount', 'rate') }} as amount,
    {{ money('amount') }} as amount_native,
    cast(currency as string) as currency,
    cast(created_at as timestamp) as created_at,
    cast(closed_at as timestamp) as closed_at,
    cast({{ local_date('created_at') }} as date) as created_on,
    cast({{ local_date('closed_at') }} as date) as closed_on,
    cast({{ local_date('close_at') }} as date) as expected_close_date,
    not is_closed as is_open,
    is_won,
    is_lost,
    cast(coalesce(probability, stage_probability) as decimal(9, 4)) as probability,
    cast({{ days_between(local_date('created_at'), local_date('closed_at')) }} as int) as cycle_days
from joined
