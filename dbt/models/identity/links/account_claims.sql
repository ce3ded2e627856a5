-- grain: one piece of evidence (a rule) that a billing customer is a CRM company, judged against the customer's others
with nodes as (

    select
        nodes.*,
        families.component_id as family_id
    from {{ ref('identity_nodes') }} as nodes
    inner join {{ ref('account_families') }} as families on nodes.node_id = families.node_id

),

companies as (

    select * from {{ ref('stg_hubspot__companies') }}

),

keys as (

    select * from {{ ref('identity_keys') }}

),

evidence as (

    select * from {{ ref('account_claim_evidence') }}

),

relatives as (

    select company_id from companies
    where parent_company_id is not null

    union

    select parent_company_id from companies
    where parent_company_id is not null

),

-- families that are certainly other companies than the next: by a domain of their own, or by a parent or subsidiary
distinct_families as (

    select distinct nodes.family_id
    from nodes
    left join keys
        on
            nodes.node_id = keys.node_id
            and keys.kind = 'domain'
            and coalesce(keys.weakness, '') not in ('free_mail', 'shared_host')
    left join relatives on nodes.source_id = relatives.company_id
    where nodes.source_type = 'company' and (keys.node_id is not null or relatives.company_id is not null)

),

-- what a family's companies are called
family_names as (

    select distinct
        family_id,
        {{ normalised_name('name') }} as name
    from nodes
    where source_type = 'company' and name is not null

),

-- a customer that bears the name of another company: its mailbox may be a reseller's, or that of a parent
named_elsewhere as (

    select distinct
        customers.node_id,
        claimed.family_id
    from nodes as customers
    inner join evidence on customers.node_id = evidence.customer_node_id
    inner join nodes as claimed on evidence.company_node_id = claimed.node_id
    inner join family_names as others
        on {{ normalised_name('customers.name') }} = others.name and claimed.family_id <> others.family_id
    left join family_names as own
        on claimed.family_id = own.family_id and {{ normalised_name('customers.name') }} = own.name
    where evidence.tier > 1 and own.family_id is null

)

select
    customers.node_id as customer_node_id,
    -- customers that an override holds together are judged together
    customers.family_id as holder_id,
    companies.node_id as company_node_id,
    companies.family_id,
    distinct_families.family_id is not null as is_distinct,
    evidence.rule,
    evidence.tier,
    evidence.tier > 1 and named_elsewhere.node_id is not null as is_named_elsewhere,
    evidence.confidence,
    evidence.evidence,
    greatest(evidence.first_seen_at, customers.first_extracted_at, companies.first_extracted_at) as first_seen_at
from evidence
inner join nodes as customers on evidence.customer_node_id = customers.node_id
inner join nodes as companies on evidence.company_node_id = companies.node_id
left join distinct_families on companies.family_id = distinct_families.family_id
left join named_elsewhere
    on customers.node_id = named_elsewhere.node_id and companies.family_id = named_elsewhere.family_id
where customers.source_type = 'customer' and companies.source_type = 'company'
