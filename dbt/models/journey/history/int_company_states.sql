-- grain: one CRM company and instant from which it is described as it is here
{{ config(schema='staging', meta=carried(by='company_id', keyed=['int_company_points'])) }}

-- what is not told again holds on: each value is numbered, and spreads over the rows of its number
with numbered as (

    select
        *,
        count(version_number) over company as description_number,
        count(owner_id) over company as owner_number,
        count(lifecycle_stage) over company as stage_number
    from {{ ref('int_company_points') }}
    window company as (partition by company_id order by point_number rows between unbounded preceding and current row)

),

filled as (

    select
        company_id,
        changed_at,
        point_number,
        created_at,
        observed_from,
        {% for column in ['name', 'domain', 'country', 'industry', 'employee_count', 'is_deleted'] %}
        max({{ column }}) over (partition by company_id, description_number) as {{ column }},
        {% endfor %}
        nullif(max(owner_id) over (partition by company_id, owner_number), '') as owner_id,
        nullif(max(lifecycle_stage) over (partition by company_id, stage_number), '') as lifecycle_stage,
        lead(changed_at) over (partition by company_id order by point_number) as next_changed_at
    from numbered

),

-- of several at one instant the last holds
settled as (

    select
        *,
        {{ key([
            'name', 'domain', 'country', 'industry', 'employee_count', 'owner_id', 'lifecycle_stage', 'is_deleted'
        ]) }} as description
    from filled
    where next_changed_at is null or next_changed_at > changed_at

),

compared as (

    select
        *,
        lag(description) over (partition by company_id order by point_number) as previous_description
    from settled

)

select
    company_id,
    changed_at,
    created_at,
    observed_from,
    name,
    domain,
    country,
    industry,
    employee_count,
    owner_id,
    lifecycle_stage,
    is_deleted
from compared
where previous_description is null or previous_description <> description
