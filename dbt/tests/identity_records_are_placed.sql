-- every company and every billing customer, deleted ones too, has an account
with records as (

    select 'hubspot' as source_system, 'company' as source_type, company_id as source_id
    from {{ ref('stg_hubspot__companies') }}

    union all

    select 'stripe' as source_system, 'customer' as source_type, customer_id as source_id
    from {{ ref('stg_stripe__customers') }}

)

select records.*
from records
left join {{ ref('account_sources') }} as placed
    on
        records.source_system = placed.source_system
        and records.source_type = placed.source_type
        and records.source_id = placed.source_id
where placed.account_id is null
