-- grain: one journey of an account, with the time it lies in: (after_at, until_at]; until_at is NULL while it lasts
{{ config(schema='staging') }}

with billing as (

    select
        *,
        lag(stage) over (partition by account_key order by changed_at) as previous_stage
    from {{ ref('int_billing_stages') }}

),

lives as (

    select
        account_key,
        stage,
        changed_at,
        sum(case when previous_stage is null or previous_stage = 'churned' then 1 else 0 end) over (
            partition by account_key order by changed_at rows between unbounded preceding and current row
        ) as journey_number
    from billing

),

paid as (

    select
        account_key,
        journey_number,
        min(changed_at) as customer_at,
        max(case when stage = 'churned' then changed_at end) as churned_at
    from lives
    group by account_key, journey_number

),

entries as (

    select
        account_key,
        stage,
        entered_at
    from {{ ref('fct_stage_periods') }}
    where entity_type = 'account' and not is_skipped

),

-- every account that is in some stage is on its first journey, paid or not
numbered as (

    select
        accounts.account_key,
        coalesce(paid.journey_number, 1) as journey_number,
        paid.customer_at,
        paid.churned_at,
        lag(paid.churned_at) over (partition by accounts.account_key order by paid.journey_number) as previous_churned_at
    from (select distinct account_key from entries) as accounts
    left join paid on accounts.account_key = paid.account_key

)

select
    account_key,
    journey_number,
    customer_at,
    churned_at,
    coalesce(previous_churned_at, cast('1900-01-01 00:00:00' as timestamp)) as after_at,
    churned_at as until_at
from numbered
