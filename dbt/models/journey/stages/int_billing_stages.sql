-- grain: one account and instant at which its stage by billing changed, from its first payment on
{{ config(schema='staging') }}

with movements as (

    select
        movements.account_key,
        movements.moved_on,
        policy.stage
    from {{ ref('fct_mrr_movements') }} as movements
    inner join {{ ref('stage_policy') }} as policy
        on policy.signal = 'mrr_movement' and movements.movement = policy.value

),

accounts as (

    select source_id, account_key from {{ ref('account_sources') }}
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
    group by 1, 2

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

),

numbered as (

    select
        *,
        row_number() over (partition by account_key order by changed_at, moved_on) as life_number
    from billed

),

changes as (

    select
        account_key,
        changed_at,
        1 as lives,
        0 as risks
    from billed
    union all
    select account_key, from_at as changed_at, 0 as lives, 1 as risks from {{ ref('int_account_risks') }}
    union all
    select account_key, until_at as changed_at, 0 as lives, -1 as risks from {{ ref('int_account_risks') }}
    where until_at is not null

),

by_instant as (

    select
        account_key,
        changed_at,
        sum(lives) as lives,
        sum(risks) as risks
    from changes
    group by account_key, changed_at

),

counted as (

    select
        account_key,
        changed_at,
        sum(lives) over (
            partition by account_key order by changed_at rows between unbounded preceding and current row
        ) as life_number,
        sum(risks) over (
            partition by account_key order by changed_at rows between unbounded preceding and current row
        ) as risks
    from by_instant

),

staged as (

    select
        counted.account_key,
        counted.changed_at,
        case when numbered.stage <> 'churned' and counted.risks > 0 then 'at_risk' else numbered.stage end as stage
    from counted
    inner join numbered
        on counted.account_key = numbered.account_key and counted.life_number = numbered.life_number

),

compared as (

    select
        *,
        lag(stage) over (partition by account_key order by changed_at) as previous_stage
    from staged

)

select
    account_key,
    changed_at,
    stage
from compared
where previous_stage is null or previous_stage <> stage
