-- grain: one CRM object (activity, deal, ticket) and person on it; person_rank 1 is the one known longest
{{ config(schema='staging') }}

with associations as (

    select
        from_type,
        from_id,
        to_id
    from {{ ref('stg_hubspot__associations') }}
    where to_type = 'contacts' and not is_deleted

),

sources as (

    select
        source_id,
        person_key,
        account_key
    from {{ ref('person_sources') }}
    where source_system = 'hubspot' and source_type = 'contact'

),

contacts as (

    select
        contact_id,
        created_at
    from {{ ref('stg_hubspot__contacts') }}

),

joined as (

    select
        associations.from_type as object_type,
        associations.from_id as object_id,
        sources.person_key,
        min(sources.account_key) as account_key,
        min(contacts.created_at) as known_at
    from associations
    inner join sources on associations.to_id = sources.source_id
    left join contacts on associations.to_id = contacts.contact_id
    group by associations.from_type, associations.from_id, sources.person_key

)

select
    object_type,
    object_id,
    person_key,
    account_key,
    row_number() over (
        partition by object_type, object_id order by known_at nulls last, person_key
    ) as person_rank
from joined
