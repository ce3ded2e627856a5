{{ config(severity='warn') }}
-- A lifecycle stage that the company made up puts nobody anywhere until the seed `stage_policy` names it.
select
    lower(value) as lifecycle_stage,
    count(*) as changes
from {{ ref('stg_hubspot__property_history') }}
where
    object_type = 'contacts'
    and property = 'lifecyclestage'
    and value <> ''
    and lower(value) <> 'other'
    and lower(value) not in (
        select policy.value from {{ ref('stage_policy') }} as policy
        where policy.signal = 'lifecycle_stage'
    )
group by lower(value)
