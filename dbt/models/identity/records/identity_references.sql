-- grain: one reference by which a record, in its newest version, names another one
with companies as (

    select * from {{ ref('stg_hubspot__companies') }}

),

encharge_people as (

    select * from {{ ref('stg_encharge__people') }}

),

customers as (

    select * from {{ ref('stg_stripe__customers') }}

),

contact_merges as (

    select * from {{ ref('stg_hubspot__contact_merges') }}

),

company_merges as (

    select * from {{ ref('stg_hubspot__company_merges') }}

),

sightings as (

    select * from {{ ref('identity_sightings') }}
    where kind in ('crm_reference', 'billing_reference', 'merge')

),

found as (

    select
        {{ node_id('hubspot', 'contact', 'winner_id') }} as node_id,
        'merge' as kind,
        loser_id as value,
        {{ node_id('hubspot', 'contact', 'loser_id') }} as target_node_id
    from contact_merges

    union all

    select
        {{ node_id('hubspot', 'company', 'winner_id') }},
        'merge',
        loser_id,
        {{ node_id('hubspot', 'company', 'loser_id') }}
    from company_merges

    union all

    select
        {{ node_id('encharge', 'person', 'person_id') }},
        'crm_reference',
        trim(hubspot_contact_id),
        {{ node_id('hubspot', 'contact', 'trim(hubspot_contact_id)') }}
    from encharge_people

    union all

    select
        {{ node_id('encharge', 'person', 'person_id') }},
        'billing_reference',
        trim(stripe_customer_id),
        {{ node_id('stripe', 'customer', 'trim(stripe_customer_id)') }}
    from encharge_people

    union all

    select
        {{ node_id('stripe', 'customer', 'customer_id') }},
        'crm_reference',
        trim(hubspot_company_id),
        {{ node_id('hubspot', 'company', 'trim(hubspot_company_id)') }}
    from customers

    union all

    select
        {{ node_id('hubspot', 'company', 'company_id') }},
        'billing_reference',
        trim(stripe_customer_id),
        {{ node_id('stripe', 'customer', 'trim(stripe_customer_id)') }}
    from companies

)

select
    found.node_id,
    found.kind,
    found.target_node_id,
    sightings.first_seen_at
from found
inner join sightings
    on
        found.node_id = sightings.node_id
        and found.kind = sightings.kind
        and found.value = sightings.value
where found.value is not null and found.value <> ''
