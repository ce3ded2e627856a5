-- grain: one month in which leads came, with how many of them became customers in time
{{ config(schema='staging') }}

with leads as (

    select
        person_key,
        account_key,
        {{ local_date('lead_created_at') }} as created_on
    from {{ ref('dim_people') }}
    where lead_created_at is not null and lead_created_at <= {{ as_of() }}

),

customers as (

    select
        account_key,
        min(moved_on) as won_on
    from {{ ref('fct_mrr_movements') }}
    where movement = 'new' and account_key <> 'unknown'
    group by account_key

)

select
    {{ month_of('leads.created_on') }} as month,
    count(*) as leads_created,
    sum(
        case
            when customers.won_on >= leads.created_on
                and {{ days_between('leads.created_on', 'customers.won_on') }} <= {{ var('lead_conversion_days') }} then 1
            else 0
        end
    ) as leads_converted
from leads
left join customers on leads.account_key = customers.account_key
group by 1
