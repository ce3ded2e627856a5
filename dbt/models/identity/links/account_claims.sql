-- grain: one piece of evidence (a rule) that a billing customer is a CRM company, judged against the customer's others
with nodes as (

    select
        nodes.*,
        families.component_id as family_id
    from {{ ref('identity_nodes') }} as nodes
    inner join {{ ref('account_families') }} as families on nodes.node_id = families.node_id

),

customers as (

    select * from {{ ref('stg_stripe__customers') }}

),

companies as (

    select * from {{ ref('stg_hubspot__companies') }}

),

encharge_people as (

    select * from {{ ref('stg_encharge__people') }}

),

contact_companies as (

    select * from {{ ref('contact_companies') }}
    where preference <= 2

),

keys as (

    select * from {{ ref('identity_keys') }}

),

crm_references as (

    select
        {{ node_id('stripe', 'customer', 'customer_id') }} as customer_node_id,
        {{ node_id('hubspot', 'company', 'hubspot_company_id') }} as company_node_id
    from customers
    where hubspot_company_id is not null

),

billing_references as (

    select
        {{ node_id('stripe', 'customer', 'stripe_customer_id') }} as customer_node_id,
        {{ node_id('hubspot', 'company', 'company_id') }} as company_node_id
    from companies
    where stripe_customer_id is not null

),

-- an email-marketing person that names both a contact and a customer
engagement_references as (

    select
        {{ node_id('stripe', 'customer', 'encharge_people.stripe_customer_id') }} as customer_node_id,
        contact_companies.company_node_id
    from encharge_people
    inner join contact_companies on encharge_people.hubspot_contact_id = contact_companies.contact_id
    where encharge_people.stripe_customer_id is not null

),

-- the customer's mailbox is that of a company's contact
contact_mailboxes as (

    select
        customer_keys.node_id as customer_node_id,
        contact_companies.company_node_id
    from keys as customer_keys
    inner join keys as contact_keys on customer_keys.value = contact_keys.value
    inner join contact_companies on contact_keys.node_id = contact_companies.contact_node_id
    where customer_keys.kind = 'email' and contact_keys.kind = 'email'

),

billing_domains as (

    select
        customer_keys.node_id as customer_node_id,
        company_keys.node_id as company_node_id
    from keys as customer_keys
    inner join keys as company_keys on customer_keys.value = company_keys.value
    where
        customer_keys.kind = 'domain'
        and company_keys.kind = 'domain'
        and coalesce(customer_keys.weakness, 'parent_and_subsidiary') = 'parent_and_subsidiary'

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

evidence as (

    select
        customer_node_id,
        company_node_id,
        'crm_reference' as rule,
        1 as tier,
        cast(0.98 as decimal(3, 2)) as confidence
    from crm_references

    union all

    select customer_node_id, company_node_id, 'billing_reference', 1, cast(0.98 as decimal(3, 2))
    from billing_references

    union all

    select customer_node_id, company_node_id, 'engagement_reference', 2, cast(0.9 as decimal(3, 2))
    from engagement_references

    union all

    select customer_node_id, company_node_id, 'contact_mailbox', 2, cast(0.9 as decimal(3, 2)) from contact_mailboxes

    union all

    select customer_node_id, company_node_id, 'billing_domain', 3, cast(0.8 as decimal(3, 2)) from billing_domains

)

select distinct
    customers.node_id as customer_node_id,
    -- customers that an override holds together are judged together
    customers.family_id as holder_id,
    companies.node_id as company_node_id,
    companies.family_id,
    distinct_families.family_id is not null as is_distinct,
    evidence.rule,
    evidence.tier,
    evidence.confidence,
    greatest(customers.first_extracted_at, companies.first_extracted_at) as first_seen_at
from evidence
inner join nodes as customers on evidence.customer_node_id = customers.node_id
inner join nodes as companies on evidence.company_node_id = companies.node_id
left join distinct_families on companies.family_id = distinct_families.family_id
where customers.source_type = 'customer' and companies.source_type = 'company'
