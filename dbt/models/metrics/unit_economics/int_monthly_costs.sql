-- grain: one month, with its costs by what they are for; NULL where the ledger says nothing about the month
{{ config(schema='staging') }}

with months as (

    select * from {{ ref('int_metric_months') }}

),

fees as (

    select
        {{ month_of('occurred_on') }} as month,
        sum(case when kind = 'fee' then fee - amount else fee end) as payment_fees
    from {{ ref('fct_cash') }}
    group by 1

),

costs as (

    select
        month,
        sum(case when cost_group = 'cost_of_revenue' then amount else 0 end) as delivery_cost,
        sum(case when cost_group = 'sales_marketing' and category = 'programmes' then amount else 0 end) as programme_spend,
        sum(case when cost_group = 'sales_marketing' and category <> 'programmes' then amount else 0 end) as people_and_tools,
        sum(case when cost_group = 'operating' then amount else 0 end) as operating_cost
    from {{ ref('fct_costs') }}
    group by month

),

spend as (

    select
        {{ month_of('spent_on') }} as month,
        sum(amount) as ad_spend
    from {{ ref('fct_spend') }}
    group by 1

),

joined as (

    select
        months.month,
        costs.month is not null as is_costed,
        coalesce(fees.payment_fees, 0) as payment_fees,
        costs.delivery_cost,
        costs.programme_spend,
        costs.people_and_tools,
        costs.operating_cost,
        -- a month that is kept in the ledger and has no ad spend had none
        coalesce(spend.ad_spend, case when costs.month is not null then 0 end) as ad_spend
    from months
    left join fees on months.month = fees.month
    left join costs on months.month = costs.month
    left join spend on months.month = spend.month

)

select
    month,
    is_costed,
    {{ money('delivery_cost') }} as delivery_cost,
    {{ round_money('payment_fees') }} as payment_fees,
    {{ round_money('payment_fees + delivery_cost') }} as cost_of_revenue,
    {{ round_money('ad_spend') }} as ad_spend,
    {{ round_money('programme_spend') }} as programme_spend,
    {{ round_money('ad_spend + programme_spend') }} as blended_cost,
    {{ round_money('ad_spend + programme_spend + people_and_tools') }} as sales_marketing_cost,
    {{ round_money('operating_cost') }} as operating_cost
from joined
