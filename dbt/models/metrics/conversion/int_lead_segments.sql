-- grain: one lead and way to cut it into segments
{{ config(schema='staging') }}

select
    leads.person_key,
    leads.created_on,
    leads.converted_on,
    leads.days_to_convert,
    leads.is_at_customer,
    segments.segment_type,
    segments.segment
from {{ ref('int_leads') }} as leads
inner join {{ ref('int_sales_segments') }} as segments
    on segments.entity_type = 'person' and leads.person_key = segments.entity_key
