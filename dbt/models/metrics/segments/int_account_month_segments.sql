-- grain: one account and month, with its segments and its main plan at both ends of the month
{{ config(schema='staging', meta=carried(by='account_key', keyed=['int_account_month_ends', 'int_account_plan_months', 'int_account_segments'])) }}

with months as (

    select
        months.account_key,
        months.month,
        months.is_customer_at_start,
        months.is_customer,
        plans.plan,
        count(plans.plan) over (
            partition by months.account_key order by months.month rows between unbounded preceding and current row
        ) as plans_so_far
    from {{ ref('int_account_month_ends') }} as months
    left join {{ ref('int_account_plan_months') }} as plans
        on months.account_key = plans.account_key and months.month = plans.month

),

-- a month without MRR keeps the plan of the last one that had it
carried as (

    select
        *,
        max(plan) over (partition by account_key, plans_so_far) as last_plan,
        max(case when plans_so_far = 1 then plan end) over (partition by account_key) as first_plan
    from months

),

ends as (

    select
        *,
        coalesce(last_plan, first_plan, 'unknown') as plan_close,
        lag(last_plan) over (partition by account_key order by month) as plan_before
    from carried

),

decided as (

    select
        *,
        case when is_customer_at_start then coalesce(plan_before, plan_close) else plan_close end as plan_open
    from ends

)

select
    decided.account_key,
    decided.month,
    decided.plan_open,
    -- who left in the month left the plan it had at the start
    case when decided.is_customer_at_start and not decided.is_customer then decided.plan_open else decided.plan_close end as plan,
    segments.channel,
    segments.company_size,
    segments.country,
    segments.owner
from decided
inner join {{ ref('int_account_segments') }} as segments on decided.account_key = segments.account_key
