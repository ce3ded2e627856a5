-- grain: one value that a record has carried (an address, a domain, another record's id), with when the ledger first saw it
{{ config(meta=carried(
    by='node_id',
    keyed={
        'hubspot.contacts': node_id('hubspot', 'contact', 'id'),
        'hubspot.companies': node_id('hubspot', 'company', 'id'),
        'encharge.people': node_id('encharge', 'person', 'id'),
        'stripe.customers': node_id('stripe', 'customer', 'id'),
    },
    due={}
)) }}

with contacts as (

    select id, email, additional_emails, merged_ids, extracted_at from {{ raw('hubspot', 'contacts') }}
    where extracted_at <= {{ as_of_instant() }}

),

companies as (

    select id, domain, additional_domains, stripe_customer_id, merged_ids, extracted_at
    from {{ raw('hubspot', 'companies') }}
    where extracted_at <= {{ as_of_instant() }}

),

people as (

    select id, email, hubspot_contact_id, stripe_customer_id, extracted_at from {{ raw('encharge', 'people') }}
    where extracted_at <= {{ as_of_instant() }}

),

customers as (

    select id, email, hubspot_company_id, extracted_at from {{ raw('stripe', 'customers') }}
    where extracted_at <= {{ as_of_instant() }}

),

carried as (

    select {{ node_id('hubspot', 'contact', 'id') }} as node_id, 'email' as kind, email as value, extracted_at
    from contacts
    union all
    select {{ node_id('hubspot', 'contact', 'id') }}, 'emails', additional_emails, extracted_at from contacts
    union all
    select {{ node_id('hubspot', 'contact', 'id') }}, 'merged', merged_ids, extracted_at from contacts
    union all
    select {{ node_id('hubspot', 'company', 'id') }}, 'domain', domain, extracted_at from companies
    union all
    select {{ node_id('hubspot', 'company', 'id') }}, 'domains', additional_domains, extracted_at from companies
    union all
    select {{ node_id('hubspot', 'company', 'id') }}, 'merged', merged_ids, extracted_at from companies
    union all
    select {{ node_id('hubspot', 'company', 'id') }}, 'billing_reference', stripe_customer_id, extracted_at from companies
    union all
    select {{ node_id('encharge', 'person', 'id') }}, 'email', email, extracted_at from people
    union all
    select {{ node_id('encharge', 'person', 'id') }}, 'crm_reference', hubspot_contact_id, extracted_at from people
    union all
    select {{ node_id('encharge', 'person', 'id') }}, 'billing_reference', stripe_customer_id, extracted_at from people
    union all
    select {{ node_id('stripe', 'customer', 'id') }}, 'email', email, extracted_at from customers
    union all
    select {{ node_id('stripe', 'customer', 'id') }}, 'crm_reference', hubspot_company_id, extracted_at from customers

),

-- most versions repeat what the one before said
first_carried as (

    select node_id, kind, value, min(extracted_at) as extracted_at
    from carried
    where value is not null and value <> ''
    group by node_id, kind, value

),

-- lists of addresses, domains and merged records are single ones side by side
single as (

    select node_id, kind, value, extracted_at from first_carried
    where kind not in ('emails', 'domains', 'merged')

    union all

    select
        node_id,
        case kind when 'emails' then 'email' when 'domains' then 'domain' else 'merge' end as kind,
        {{ split_rows('value', ';') }} as value,
        extracted_at
    from first_carried
    where kind in ('emails', 'domains', 'merged')

),

normalised as (

    select
        node_id,
        kind,
        case kind
            when 'email' then {{ normalised_email('value') }}
            when 'domain' then {{ normalised_domain('value') }}
            else nullif(trim(value), '')
        end as value,
        extracted_at
    from single

)

select
    node_id,
    kind,
    value,
    {{ utc('min(extracted_at)') }} as first_seen_at
from normalised
where value is not null
group by node_id, kind, value
