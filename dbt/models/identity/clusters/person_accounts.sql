-- grain: one person with an account, by the best evidence there is
with people as (

    select * from {{ ref('person_clusters') }}

),

accounts as (

    select * from {{ ref('account_clusters') }}

),

nodes as (

    select * from {{ ref('identity_nodes') }}

),

contact_companies as (

    select * from {{ ref('contact_companies') }}

),

encharge_people as (

    select * from {{ ref('stg_encharge__people') }}

),

domain_keys as (

    select * from {{ ref('identity_keys') }}
    where kind = 'domain' and weakness is null

),

customer_references as (

    select
        {{ node_id('encharge', 'person', 'person_id') }} as node_id,
        {{ node_id('stripe', 'customer', 'stripe_customer_id') }} as account_node_id
    from encharge_people
    where stripe_customer_id is not null

),

-- a domain tells the account when only one has it; a CRM company's word counts before a billing mailbox's
domain_accounts as (

    select
        domain_keys.value as domain,
        case nodes.source_type when 'company' then 6 else 7 end as preference,
        min(accounts.account_id) as account_id
    from domain_keys
    inner join accounts on domain_keys.node_id = accounts.node_id
    inner join nodes on domain_keys.node_id = nodes.node_id
    group by domain_keys.value, case nodes.source_type when 'company' then 6 else 7 end
    having count(distinct accounts.account_id) = 1

),

found as (

    select
        contact_companies.contact_node_id as node_id,
        accounts.account_id,
        contact_companies.preference,
        contact_companies.company_node_id as source_node_id
    from contact_companies
    inner join accounts on contact_companies.company_node_id = accounts.node_id

    union all

    select
        customer_references.node_id,
        accounts.account_id,
        4 as preference,
        accounts.node_id as source_node_id
    from customer_references
    inner join accounts on customer_references.account_node_id = accounts.node_id

    union all

    -- a billing customer that is a person too
    select
        people.node_id,
        accounts.account_id,
        5 as preference,
        accounts.node_id as source_node_id
    from people
    inner join accounts on people.node_id = accounts.node_id

    union all

    select
        people.node_id,
        domain_accounts.account_id,
        domain_accounts.preference,
        people.node_id as source_node_id
    from people
    inner join domain_keys on people.node_id = domain_keys.node_id
    inner join domain_accounts on domain_keys.value = domain_accounts.domain

),

ranked as (

    select
        people.person_id,
        found.account_id,
        found.preference,
        row_number() over (
            partition by people.person_id
            order by
                found.preference,
                nodes.is_deleted,
                nodes.first_extracted_at,
                nodes.created_at nulls last,
                found.node_id,
                found.source_node_id,
                found.account_id
        ) as choice
    from found
    inner join people on found.node_id = people.node_id
    inner join nodes on found.node_id = nodes.node_id

)

select
    person_id,
    account_id,
    {{ key(['account_id']) }} as account_key,
    case
        when preference in (1, 3) then 'association'
        when preference = 2 then 'associated_company'
        when preference in (4, 5) then 'billing_customer'
        else 'mail_domain'
    end as rule
from ranked
where choice = 1
