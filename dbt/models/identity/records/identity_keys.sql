-- grain: one value by which a record may be recognised: an email address or a domain
with nodes as (

    select * from {{ ref('identity_nodes') }}

),

companies as (

    select * from {{ ref('stg_hubspot__companies') }}

),

company_merges as (

    select * from {{ ref('stg_hubspot__company_merges') }}

),

contacts as (

    select * from {{ ref('stg_hubspot__contacts') }}

),

shared_domains as (

    select * from {{ ref('free_mail_domains') }}

),

role_mailboxes as (

    select * from {{ ref('role_mailboxes') }}

),

sightings as (

    select * from {{ ref('identity_sightings') }}

),

additional_emails as (

    select
        {{ node_id('hubspot', 'contact', 'contact_id') }} as node_id,
        {{ split_rows('additional_emails', ';') }} as email
    from contacts
    where additional_emails is not null

),

company_domains as (

    select
        {{ node_id('hubspot', 'company', 'company_id') }} as node_id,
        domain
    from companies

    union all

    select
        {{ node_id('hubspot', 'company', 'company_id') }} as node_id,
        {{ split_rows('additional_domains', ';') }} as domain
    from companies
    where additional_domains is not null

),

carried as (

    select node_id, 'email' as kind, email as value from nodes
    union
    select node_id, 'email', {{ normalised_email('email') }} from additional_emails
    union
    select node_id, 'domain', {{ normalised_domain('domain') }} from company_domains

),

dated as (

    select
        carried.node_id,
        carried.kind,
        carried.value,
        sightings.first_seen_at
    from carried
    left join sightings
        on
            carried.node_id = sightings.node_id
            and carried.kind = sightings.kind
            and carried.value = sightings.value
    where carried.value is not null

),

found as (

    select node_id, kind, value, first_seen_at from dated

    union all

    select
        node_id,
        'domain' as kind,
        {{ email_domain('value') }} as value,
        min(first_seen_at) as first_seen_at
    from dated
    where kind = 'email'
    group by node_id, {{ email_domain('value') }}

),

-- how many companies carry a domain, and whether one of them is another's parent
company_holders as (

    select
        found.value as domain,
        nodes.source_id as company_id,
        companies.parent_company_id
    from found
    inner join nodes on found.node_id = nodes.node_id
    inner join companies on nodes.source_id = companies.company_id
    left join company_merges on companies.company_id = company_merges.loser_id
    where found.kind = 'domain' and nodes.source_type = 'company' and company_merges.loser_id is null

),

crowded_domains as (

    select domain
    from company_holders
    group by domain
    having count(distinct company_id) > {{ var('identity_domain_limit') }}

),

family_domains as (

    select distinct children.domain
    from company_holders as children
    inner join company_holders as parents
        on children.domain = parents.domain and children.parent_company_id = parents.company_id

)

select
    found.node_id,
    found.kind,
    found.value,
    case
        when shared_domains.domain is not null then shared_domains.kind
        when crowded_domains.domain is not null then 'crowded_domain'
        when family_domains.domain is not null then 'parent_and_subsidiary'
        when found.kind = 'email' and role_mailboxes.local_part is not null then 'role_mailbox'
    end as weakness,
    found.first_seen_at
from found
left join shared_domains on found.kind = 'domain' and found.value = shared_domains.domain
left join crowded_domains on found.kind = 'domain' and found.value = crowded_domains.domain
left join family_domains on found.kind = 'domain' and found.value = family_domains.domain
left join role_mailboxes on {{ mailbox_name('found.value') }} = role_mailboxes.local_part
