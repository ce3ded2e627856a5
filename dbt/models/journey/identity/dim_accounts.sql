-- grain: one account, and the unknown one
{{ config(meta=carried(
    by='account_key',
    keyed=['account_clusters'],
    lookups={
        'identity_nodes': {'on': 'node_id', 'through': {'account_clusters': 'node_id'}},
        'identity_keys': {'on': 'node_id', 'through': {'account_clusters': 'node_id'}},
        'stg_hubspot__companies': {'on': 'company_id', 'through': {'account_clusters': 'source_id'}},
        'stg_hubspot__company_merges': {'on': 'loser_id', 'through': {'stg_hubspot__companies': 'company_id'}},
        'stg_stripe__customers': {'on': 'customer_id', 'through': {'account_clusters': 'source_id'}},
        'dim_owners': {'whole': true, 'on': 'owner_id', 'through': {'stg_hubspot__companies': 'owner_id'}},
    }
)) }}

with clusters as (

    select * from {{ ref('account_clusters') }}

),

nodes as (

    select * from {{ ref('identity_nodes') }}

),

companies as (

    select * from {{ ref('stg_hubspot__companies') }}

),

company_merges as (

    select distinct loser_id from {{ ref('stg_hubspot__company_merges') }}

),

customers as (

    select * from {{ ref('stg_stripe__customers') }}

),

owners as (

    select * from {{ ref('dim_owners') }}

),

customer_domains as (

    select * from {{ ref('identity_keys') }}
    where kind = 'domain' and weakness is null

),

summaries as (

    select
        clusters.account_id,
        clusters.account_key,
        min(nodes.created_at) as created_at,
        min(case when nodes.is_deleted then 1 else 0 end) = 1 as is_deleted,
        max(case when nodes.source_type = 'company' and not nodes.is_deleted then 1 else 0 end) = 1 as has_crm,
        max(case when nodes.source_type = 'customer' then 1 else 0 end) = 1 as has_billing
    from clusters
    inner join nodes on clusters.node_id = nodes.node_id
    group by clusters.account_id, clusters.account_key

),

-- the record that speaks for the account: one that lives and was not merged away, the oldest of those
ranked_companies as (

    select
        clusters.account_id,
        companies.*,
        nodes.country as country_code,
        {{ normalised_domain('companies.domain') }} as own_domain,
        row_number() over (
            partition by clusters.account_id
            order by
                companies.is_deleted,
                case when company_merges.loser_id is null then 0 else 1 end,
                case when {{ normalised_domain('companies.domain') }} is null then 1 else 0 end,
                companies.created_at nulls last,
                companies.company_id
        ) as choice
    from clusters
    inner join companies on clusters.source_type = 'company' and clusters.source_id = companies.company_id
    inner join nodes on clusters.node_id = nodes.node_id
    left join company_merges on companies.company_id = company_merges.loser_id

),

ranked_customers as (

    select
        clusters.account_id,
        customers.*,
        nodes.country as country_code,
        customer_domains.value as own_domain,
        row_number() over (
            partition by clusters.account_id
            order by customers.is_deleted, customers.created_at nulls last, customers.customer_id
        ) as choice
    from clusters
    inner join customers on clusters.source_type = 'customer' and clusters.source_id = customers.customer_id
    inner join nodes on clusters.node_id = nodes.node_id
    left join customer_domains on clusters.node_id = customer_domains.node_id

),

described as (

    select
        summaries.account_key,
        summaries.account_id,
        coalesce(
            ranked_companies.name,
            ranked_customers.name,
            ranked_companies.own_domain,
            ranked_customers.own_domain,
            ranked_customers.email,
            summaries.account_id
        ) as name,
        coalesce(ranked_companies.own_domain, ranked_customers.own_domain) as domain,
        coalesce(ranked_companies.country_code, ranked_customers.country_code) as country,
        ranked_companies.industry,
        ranked_companies.employee_count,
        coalesce(owners.owner_key, 'unknown') as owner_key,
        ranked_companies.company_id as hubspot_company_id,
        ranked_customers.customer_id as stripe_customer_id,
        summaries.created_at,
        summaries.is_deleted,
        summaries.has_crm,
        summaries.has_billing
    from summaries
    left join ranked_companies on summaries.account_id = ranked_companies.account_id and ranked_companies.choice = 1
    left join ranked_customers on summaries.account_id = ranked_customers.account_id and ranked_customers.choice = 1
    left join owners on ranked_companies.owner_id = owners.owner_id

)

select
    account_key,
    account_id,
    name,
    domain,
    country,
    industry,
    cast(employee_count as bigint) as employee_count,
    {{ company_size('employee_count') }} as company_size,
    owner_key,
    hubspot_company_id,
    stripe_customer_id,
    created_at,
    is_deleted,
    has_crm,
    has_billing
from described

union all

select
    'unknown' as account_key,
    'unknown' as account_id,
    'unknown' as name,
    cast(null as string) as domain,
    cast(null as string) as country,
    cast(null as string) as industry,
    cast(null as bigint) as employee_count,
    'unknown' as company_size,
    'unknown' as owner_key,
    cast(null as string) as hubspot_company_id,
    cast(null as string) as stripe_customer_id,
    cast(null as timestamp) as created_at,
    false as is_deleted,
    false as has_crm,
    false as has_billing
