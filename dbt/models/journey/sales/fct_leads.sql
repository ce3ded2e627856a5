-- grain: one lead: a person that the CRM or email marketing knew first
with leads as (

    select * from {{ ref('int_leads') }}

),

origins as (

    select
        person_key,
        channel
    from {{ ref('int_person_origins') }}

)

select
    cast(leads.person_key as string) as person_key,
    cast(leads.account_key as string) as account_key,
    cast(case when origins.channel is null then 'unknown' else {{ key(['origins.channel']) }} end as string) as channel_key,
    cast(leads.created_on as date) as created_on,
    cast(leads.converted_on as date) as converted_on,
    cast(leads.days_to_convert as int) as days_to_convert,
    cast({{ days_between('leads.created_on', as_of_date()) }} as int) as age_days,
    leads.is_at_customer,
    coalesce(leads.days_to_convert <= {{ var('lead_conversion_days') }}, false) as is_converted_in_time,
    -- nobody converts where billing is unknown
    {{ is_on(['stripe']) }}
    and {{ date_add(month_end('leads.created_on'), var('lead_conversion_days')) }} <= {{ as_of_date() }} as is_mature
from leads
left join origins on leads.person_key = origins.person_key
