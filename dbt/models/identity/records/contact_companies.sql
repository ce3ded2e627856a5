-- grain: one company that a contact is said to belong to
with contacts as (

    select * from {{ ref('stg_hubspot__contacts') }}

),

associations as (

    select * from {{ ref('stg_hubspot__associations') }}
    where from_type = 'contacts' and to_type = 'companies' and not is_deleted

),

companies as (

    select * from {{ ref('identity_nodes') }}
    where source_type = 'company'

),

-- 1 is the CRM's own type for a contact's primary company
found as (

    select
        from_id as contact_id,
        to_id as company_id,
        case when type_id = 1 or lower(label) = 'primary' then 1 else 3 end as preference
    from associations

    union all

    select
        contact_id,
        company_id,
        2 as preference
    from contacts
    where company_id is not null and company_id <> ''

)

select
    found.contact_id,
    found.company_id,
    {{ node_id('hubspot', 'contact', 'found.contact_id') }} as contact_node_id,
    companies.node_id as company_node_id,
    min(found.preference) as preference
from found
inner join companies on found.company_id = companies.source_id
group by found.contact_id, found.company_id, companies.node_id
