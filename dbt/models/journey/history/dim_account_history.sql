-- grain: one account and stretch of time [valid_from, valid_to) in which its description is the same, and the unknown one
{{ config(meta=carried(
    by='account_key',
    keyed=['account_clusters', 'int_account_states'],
    lookups={
        'identity_nodes': {'on': 'node_id', 'through': {'account_clusters': 'node_id'}},
        'dim_owners': {'whole': true, 'on': 'owner_id', 'through': {'int_account_states': 'company_owner_id'}},
    }
)) }}

with accounts as (

    select
        clusters.account_key,
        clusters.account_id,
        coalesce(min(nodes.created_at), min(nodes.first_extracted_at)) as begins_at
    from {{ ref('account_clusters') }} as clusters
    inner join {{ ref('identity_nodes') }} as nodes on clusters.node_id = nodes.node_id
    group by clusters.account_key, clusters.account_id

),

states as (

    select * from {{ ref('int_account_states') }}

),

owners as (

    select
        owner_id,
        owner_key
    from {{ ref('dim_owners') }}

),

-- an account whose records nobody could read any more has one state: deleted
described as (

    select
        accounts.account_key,
        accounts.account_id,
        coalesce(states.valid_from, accounts.begins_at) as changed_at,
        coalesce(
            states.company_name,
            states.customer_name,
            states.company_domain,
            states.customer_domain,
            states.customer_email,
            accounts.account_id
        ) as name,
        coalesce(states.company_domain, states.customer_domain) as domain,
        coalesce(states.company_country, states.customer_country) as country,
        states.company_industry as industry,
        states.company_employee_count as employee_count,
        coalesce(owners.owner_key, 'unknown') as owner_key,
        states.company_lifecycle_stage as crm_lifecycle_stage,
        states.company_source_id as hubspot_company_id,
        states.customer_source_id as stripe_customer_id,
        coalesce(states.is_deleted, true) as is_deleted,
        coalesce(states.has_crm, false) as has_crm,
        coalesce(states.has_billing, false) as has_billing,
        coalesce(states.observed_from, cast('9999-12-31' as timestamp)) as observed_from
    from accounts
    left join states on accounts.account_key = states.account_key
    left join owners on states.company_owner_id = owners.owner_id

),

keyed as (

    select
        *,
        {{ key([
            'name', 'domain', 'country', 'industry', 'employee_count', 'owner_key', 'crm_lifecycle_stage',
            'hubspot_company_id', 'stripe_customer_id', 'is_deleted', 'has_crm', 'has_billing',
        ]) }} as description
    from described

),

compared as (

    select
        *,
        lag(description) over (partition by account_key order by changed_at) as previous_description
    from keyed

),

-- the first row reaches back to before all facts, so that a touch before the first record finds its account
intervals as (

    select
        *,
        case when previous_description is null then cast('1900-01-01' as timestamp) else changed_at end as valid_from,
        lead(changed_at) over (partition by account_key order by changed_at) as valid_to
    from compared
    where previous_description is null or previous_description <> description

)

select
    cast({{ key(['account_key', 'valid_from']) }} as string) as account_history_key,
    cast(account_key as string) as account_key,
    cast(account_id as string) as account_id,
    cast(valid_from as timestamp) as valid_from,
    cast(valid_to as timestamp) as valid_to,
    valid_to is null as is_current,
    observed_from <= valid_from as is_observed,
    cast(case when observed_from < coalesce(valid_to, cast('9999-12-31' as timestamp)) then greatest(observed_from, valid_from) end
        as timestamp) as observed_from,
    cast(name as string) as name,
    cast(domain as string) as domain,
    cast(country as string) as country,
    cast(industry as string) as industry,
    cast(employee_count as bigint) as employee_count,
    cast({{ company_size('employee_count') }} as string) as company_size,
    cast(owner_key as string) as owner_key,
    cast(crm_lifecycle_stage as string) as crm_lifecycle_stage,
    cast(hubspot_company_id as string) as hubspot_company_id,
    cast(stripe_customer_id as string) as stripe_customer_id,
    is_deleted,
    has_crm,
    has_billing
from intervals

union all

select
    'unknown' as account_history_key,
    'unknown' as account_key,
    'unknown' as account_id,
    cast('1900-01-01' as timestamp) as valid_from,
    cast(null as timestamp) as valid_to,
    true as is_current,
    false as is_observed,
    cast(null as timestamp) as observed_from,
    'unknown' as name,
    cast(null as string) as domain,
    cast(null as string) as country,
    cast(null as string) as industry,
    cast(null as bigint) as employee_count,
    'unknown' as company_size,
    'unknown' as owner_key,
    cast(null as string) as crm_lifecycle_stage,
    cast(null as string) as hubspot_company_id,
    cast(null as string) as stripe_customer_id,
    false as is_deleted,
    false as has_crm,
    false as has_billing
