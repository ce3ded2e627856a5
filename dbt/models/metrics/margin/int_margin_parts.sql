-- grain: one account, plan and month with its revenue, its payment fees and its share of the costs that all share
{{ config(schema='staging', meta=carried(
    by='month',
    keyed=['fct_revenue', 'int_fee_lines', 'int_monthly_costs'],
    lookups={'dim_plans': {'whole': true, 'on': 'plan_key', 'through': {'fct_revenue': 'plan_key'}}}
)) }}

with plans as (

    select
        plan_key,
        case when plan_key = 'unknown' then 'unknown' else product end as product
    from {{ ref('dim_plans') }}

),

entries as (

    select
        revenue.account_key,
        plans.product as plan,
        revenue.month,
        {{ to_parts('revenue.amount') }} as revenue_parts,
        0 as fee_parts
    from {{ ref('fct_revenue') }} as revenue
    inner join plans on revenue.plan_key = plans.plan_key
    where not revenue.is_future

    union all

    select
        account_key,
        plan,
        month,
        0 as revenue_parts,
        fee_parts
    from {{ ref('int_fee_lines') }}

    union all

    -- where a month has costs and no revenue, they stand here
    select
        'unknown' as account_key,
        'unknown' as plan,
        month,
        0 as revenue_parts,
        0 as fee_parts
    from {{ ref('int_monthly_costs') }}

),

summed as (

    select
        account_key,
        plan,
        month,
        {{ whole('sum(revenue_parts)') }} as revenue_parts,
        {{ whole('sum(fee_parts)') }} as fee_parts
    from entries
    group by account_key, plan, month

),

-- revenue that was taken back carries no cost
weighted as (

    select
        *,
        greatest(revenue_parts, 0) as weight
    from summed

),

running as (

    select
        *,
        sum(weight) over (
            partition by month order by plan, account_key rows between unbounded preceding and current row
        ) as upto,
        sum(weight) over (partition by month) as whole_weight
    from weighted

),

joined as (

    select
        running.*,
        costs.is_costed,
        {{ to_parts('coalesce(costs.delivery_cost, 0)') }} as cost_parts
    from running
    inner join {{ ref('int_monthly_costs') }} as costs on running.month = costs.month

),

-- running totals in whole numbers, so that the shares sum to the cost
shared as (

    select
        *,
        case
            when not is_costed then null
            when whole_weight = 0 and account_key = 'unknown' and plan = 'unknown' then cost_parts
            when whole_weight = 0 then 0
            else
                case when cost_parts < 0 then -1 else 1 end
                * (
                    {{ int_div('abs(cost_parts) * upto', 'greatest(whole_weight, 1)') }}
                    - {{ int_div('abs(cost_parts) * (upto - weight)', 'greatest(whole_weight, 1)') }}
                )
        end as share_parts
    from joined

)

select
    account_key,
    plan,
    month,
    {{ from_parts('revenue_parts') }} as recognised_revenue,
    {{ from_parts('fee_parts') }} as payment_fees,
    {{ from_parts('share_parts') }} as shared_cost
from shared
where revenue_parts <> 0 or fee_parts <> 0 or share_parts <> 0
