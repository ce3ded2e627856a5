-- grain: one account and instant at which one of its records was another, with what the records that speak for it said then
{{ config(schema='staging', meta=carried(
    by='account_key',
    keyed=['account_clusters'],
    lookups={
        'int_company_states': {'on': 'company_id', 'through': {'account_clusters': 'source_id'}},
        'int_customer_states': {'on': 'customer_id', 'through': {'account_clusters': 'source_id'}},
        'stg_hubspot__company_merges': {'on': 'loser_id', 'through': {'int_company_states': 'company_id'}},
    }
)) }}

with clusters as (

    select
        source_type,
        source_id,
        account_key
    from {{ ref('account_clusters') }}

),

company_merges as (

    select distinct loser_id from {{ ref('stg_hubspot__company_merges') }}

),

records as (

    select
        clusters.account_key,
        'company' as source_type,
        states.company_id as source_id,
        states.changed_at,
        states.created_at,
        states.observed_from,
        states.name,
        states.domain,
        states.country,
        states.industry,
        states.employee_count,
        states.owner_id,
        states.lifecycle_stage,
        cast(null as string) as email,
        states.is_deleted,
        company_merges.loser_id is not null as is_merged_away,
        -- a company without a domain speaks last; a customer's says nothing of it
        states.domain is null as is_weak
    from {{ ref('int_company_states') }} as states
    inner join clusters on clusters.source_type = 'company' and states.company_id = clusters.source_id
    left join company_merges on states.company_id = company_merges.loser_id

    union all

    select
        clusters.account_key,
        'customer' as source_type,
        states.customer_id as source_id,
        states.changed_at,
        states.created_at,
        states.observed_from,
        states.name,
        states.domain,
        states.country,
        cast(null as string) as industry,
        cast(null as bigint) as employee_count,
        cast(null as string) as owner_id,
        cast(null as string) as lifecycle_stage,
        states.email,
        states.is_deleted,
        false as is_merged_away,
        false as is_weak
    from {{ ref('int_customer_states') }} as states
    inner join clusters on clusters.source_type = 'customer' and states.customer_id = clusters.source_id

),

bounded as (

    select
        *,
        lead(changed_at) over (partition by source_type, source_id order by changed_at) as next_changed_at
    from records

),

instants as (

    select distinct
        account_key,
        changed_at
    from records

),

-- at each of them, what every record then said; the rule is that of `dim_accounts`, and a merge counts from the beginning
ranked as (

    select
        instants.account_key,
        instants.changed_at as valid_from,
        bounded.source_type,
        bounded.source_id,
        bounded.observed_from,
        bounded.name,
        bounded.domain,
        bounded.country,
        bounded.industry,
        bounded.employee_count,
        bounded.owner_id,
        bounded.lifecycle_stage,
        bounded.email,
        bounded.is_deleted,
        row_number() over (
            partition by instants.account_key, instants.changed_at, bounded.source_type
            order by
                bounded.is_deleted,
                bounded.is_merged_away,
                bounded.is_weak,
                bounded.created_at nulls last,
                bounded.source_id
        ) as choice
    from instants
    inner join bounded
        on
            instants.account_key = bounded.account_key
            and instants.changed_at >= bounded.changed_at
            and (bounded.next_changed_at is null or instants.changed_at < bounded.next_changed_at)

)

select
    account_key,
    valid_from,
    {%- for type, columns in {
        'company': ['source_id', 'name', 'domain', 'country', 'industry', 'employee_count', 'owner_id', 'lifecycle_stage'],
        'customer': ['source_id', 'name', 'domain', 'country', 'email'],
    }.items() %}
    {%- for column in columns %}
    max(case when source_type = '{{ type }}' and choice = 1 then {{ column }} end) as {{ type }}_{{ column }},
    {%- endfor %}
    {%- endfor %}
    -- known from when all the records that speak are known; one that never had a version is not known at all
    max(case when choice = 1 then coalesce(observed_from, cast('9999-12-31' as timestamp)) end) as observed_from,
    min(case when is_deleted then 1 else 0 end) = 1 as is_deleted,
    max(case when source_type = 'company' and not is_deleted then 1 else 0 end) = 1 as has_crm,
    max(case when source_type = 'customer' then 1 else 0 end) = 1 as has_billing
from ranked
group by account_key, valid_from
