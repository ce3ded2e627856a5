-- grain: one account and instant at which it began, or ceased, to pay
{{ config(schema='staging', meta=carried(
    by='account_key',
    keyed=['fct_mrr_movements', 'account_sources'],
    lookups={'stg_stripe__subscriptions': {'on': 'customer_id', 'through': {'account_sources': 'source_id'}}},
    due={'fct_mrr_movements': day_has_come('moved_on'), 'this': 'changed_at >= :since'}
)) }}

with movements as (

    select
        movements.account_key,
        movements.moved_on,
        policy.stage
    from {{ ref('fct_mrr_movements') }} as movements
    inner join {{ ref('stage_policy') }} as policy
        on policy.signal = 'mrr_movement' and movements.movement = policy.value
    where movements.moved_on <= {{ as_of_date() }}

),

accounts as (

    select
        source_id,
        account_key
    from {{ ref('account_sources') }}
    where source_system = 'stripe' and source_type = 'customer'

),

-- MRR moves by the day; the subscription knows the instant
instants as (

    select
        customer_id,
        coalesce(trial_end_at, start_at, created_at) as changed_at,
        false as is_end
    from {{ ref('stg_stripe__subscriptions') }}
    union all
    select
        customer_id,
        ended_at as changed_at,
        true as is_end
    from {{ ref('stg_stripe__subscriptions') }}
    where ended_at is not null

),

days as (

    select
        accounts.account_key,
        {{ local_date('instants.changed_at') }} as moved_on,
        min(case when not instants.is_end then instants.changed_at end) as started_at,
        max(case when instants.is_end then instants.changed_at end) as ended_at
    from instants
    inner join accounts on instants.customer_id = accounts.source_id
    group by accounts.account_key, {{ local_date('instants.changed_at') }}

),

billed as (

    select
        movements.account_key,
        movements.moved_on,
        movements.stage,
        least(
            coalesce(
                case when movements.stage = 'churned' then days.ended_at else days.started_at end,
                {{ local_midnight('movements.moved_on') }}
            ),
            {{ as_of() }}
        ) as changed_at
    from movements
    left join days on movements.account_key = days.account_key and movements.moved_on = days.moved_on

)

select
    account_key,
    row_number() over (partition by account_key order by changed_at, moved_on) as life_number,
    changed_at,
    stage
from billed
