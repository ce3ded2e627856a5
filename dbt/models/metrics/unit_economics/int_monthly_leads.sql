-- grain: one month in which leads came, with how many of them became customers in time
{{ config(schema='staging') }}

select
    {{ month_of('created_on') }} as month,
    count(*) as leads_created,
    sum(case when days_to_convert <= {{ var('lead_conversion_days') }} then 1 else 0 end) as leads_converted
from {{ ref('int_leads') }}
group by 1
