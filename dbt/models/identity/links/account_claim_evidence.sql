-- grain: one piece of evidence (a rule) that a billing customer is a CRM company, as it stands
with named as (

    select * from {{ ref('identity_references') }}
    where kind in ('crm_reference', 'billing_reference')

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
        node_id as customer_node_id,
        target_node_id as company_node_id,
        concat_ws('', node_id, ' names ', target_node_id) as evidence,
        first_seen_at
    from named
    where node_id like 'stripe:customer:%'

),

billing_references as (

    select
        target_node_id as customer_node_id,
        node_id as company_node_id,
        concat_ws('', node_id, ' names ', target_node_id) as evidence,
        first_seen_at
    from named
    where node_id like 'hubspot:company:%'

),

-- an email-marketing person that names both a contact and a customer
engagement_references as (

    select
        to_customer.target_node_id as customer_node_id,
        contact_companies.company_node_id,
        concat_ws('', to_customer.node_id, ' names both') as evidence,
        greatest(to_customer.first_seen_at, to_contact.first_seen_at) as first_seen_at
    from named as to_customer
    inner join named as to_contact on to_customer.node_id = to_contact.node_id
    inner join contact_companies on to_contact.target_node_id = contact_companies.contact_node_id
    where to_customer.kind = 'billing_reference' and to_contact.kind = 'crm_reference'

),

-- the customer's mailbox is that of a company's contact
contact_mailboxes as (

    select
        customer_keys.node_id as customer_node_id,
        contact_companies.company_node_id,
        concat_ws('', customer_keys.value, ' of ', contact_companies.contact_node_id) as evidence,
        greatest(customer_keys.first_seen_at, contact_keys.first_seen_at) as first_seen_at
    from keys as customer_keys
    inner join keys as contact_keys on customer_keys.value = contact_keys.value
    inner join contact_companies on contact_keys.node_id = contact_companies.contact_node_id
    where
        customer_keys.kind = 'email'
        and contact_keys.kind = 'email'
        and customer_keys.node_id like 'stripe:customer:%'

),

billing_domains as (

    select
        customer_keys.node_id as customer_node_id,
        company_keys.node_id as company_node_id,
        customer_keys.value as evidence,
        greatest(customer_keys.first_seen_at, company_keys.first_seen_at) as first_seen_at
    from keys as customer_keys
    inner join keys as company_keys on customer_keys.value = company_keys.value
    where
        customer_keys.kind = 'domain'
        and company_keys.kind = 'domain'
        and customer_keys.node_id like 'stripe:customer:%'
        and company_keys.node_id like 'hubspot:company:%'
        and coalesce(customer_keys.weakness, 'parent_and_subsidiary') = 'parent_and_subsidiary'

),

evidence as (

    select
        customer_node_id,
        company_node_id,
        'crm_reference' as rule,
        1 as tier,
        cast(0.98 as decimal(3, 2)) as confidence,
        evidence,
        first_seen_at
    from crm_references

    union all

    select customer_node_id, company_node_id, 'billing_reference', 1, cast(0.98 as decimal(3, 2)), evidence, first_seen_at
    from billing_references

    union all

    select customer_node_id, company_node_id, 'engagement_reference', 2, cast(0.9 as decimal(3, 2)), evidence, first_seen_at
    from engagement_references

    union all

    select customer_node_id, company_node_id, 'contact_mailbox', 2, cast(0.9 as decimal(3, 2)), evidence, first_seen_at
    from contact_mailboxes

    union all

    select customer_node_id, company_node_id, 'billing_domain', 3, cast(0.8 as decimal(3, 2)), evidence, first_seen_at
    from billing_domains

)

select
    customer_node_id,
    company_node_id,
    rule,
    tier,
    confidence,
    min(evidence) as evidence,
    min(first_seen_at) as first_seen_at
from evidence
group by customer_node_id, company_node_id, rule, tier, confidence
