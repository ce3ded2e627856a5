-- grain: one month, from the earliest fact of any kind to the run's month
{{ config(schema='staging') }}

with days as (

    select min(starts_on) as day from {{ ref('fct_subscription_periods') }}
    union all
    select min(month) as day from {{ ref('fct_revenue') }}
    union all
    select min(invoiced_on) as day from {{ ref('fct_invoice_lines') }}
    union all
    select min(occurred_on) as day from {{ ref('fct_cash') }}
    union all
    select min(month) as day from {{ ref('fct_costs') }}
    union all
    select min(spent_on) as day from {{ ref('fct_spend') }}
    union all
    select min({{ local_date('lead_created_at') }}) as day from {{ ref('dim_people') }}
    union all
    -- a warehouse without any fact still has the run's month
    select {{ as_of_date() }} as day

),

first_month as (

    select {{ month_of('min(day)') }} as month from days

)

select
    spine.month,
    {{ month_end('spine.month') }} as last_day,
    least({{ month_end('spine.month') }}, {{ as_of_date() }}) as shown_through,
    {{ month_end('spine.month') }} < {{ as_of_date() }} as is_complete
from (
    select {{ explode_dates('month', month_of(as_of_date()), 'month') }} as month from first_month
) as spine
