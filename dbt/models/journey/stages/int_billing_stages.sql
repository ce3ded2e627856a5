-- grain: one account and instant at which its stage by billing changed, from its first payment on
{{ config(schema='staging') }}

with lives as (

    select * from {{ ref('int_billing_lives') }}

),

risks as (

    select * from {{ ref('int_account_risks') }}

),

changes as (

    select
        account_key,
        changed_at,
        1 as life_changes,
        0 as risk_changes
    from lives
    union all
    select
        account_key,
        from_at as changed_at,
        0 as life_changes,
        1 as risk_changes
    from risks
    union all
    select
        account_key,
        until_at as changed_at,
        0 as life_changes,
        -1 as risk_changes
    from risks
    where until_at is not null

),

by_instant as (

    select
        account_key,
        changed_at,
        sum(life_changes) as life_changes,
        sum(risk_changes) as risk_changes
    from changes
    group by account_key, changed_at

),

counted as (

    select
        account_key,
        changed_at,
        sum(life_changes) over (
            partition by account_key order by changed_at rows between unbounded preceding and current row
        ) as life_number,
        sum(risk_changes) over (
            partition by account_key order by changed_at rows between unbounded preceding and current row
        ) as risks
    from by_instant

),

staged as (

    select
        counted.account_key,
        counted.changed_at,
        case when lives.stage <> 'churned' and counted.risks > 0 then 'at_risk' else lives.stage end as stage
    from counted
    inner join lives
        on counted.account_key = lives.account_key and counted.life_number = lives.life_number

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
