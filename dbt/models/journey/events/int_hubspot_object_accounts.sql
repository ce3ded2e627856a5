-- grain: one CRM object (activity, deal, ticket) whose account is known, by its company, else its person, else its deal
{{ config(schema='staging') }}

with associations as (

    select
        from_type,
        from_id,
        to_type,
        to_id,
        label
    from {{ ref('stg_hubspot__associations') }}
    where not is_deleted

),

sources as (

    select
        source_id,
        account_key
    from {{ ref('account_sources') }}
    where source_system = 'hubspot' and source_type = 'company'

),

by_company as (

    select
        associations.from_type as object_type,
        associations.from_id as object_id,
        sources.account_key,
        case when lower(associations.label) like '%primary%' then 1 else 2 end as preference
    from associations
    inner join sources on associations.to_type = 'companies' and associations.to_id = sources.source_id
    where associations.from_type <> 'contacts'

),

by_person as (

    select
        object_type,
        object_id,
        account_key,
        3 as preference
    from {{ ref('int_hubspot_object_people') }}
    where account_key is not null and account_key <> 'unknown' and person_rank = 1

),

known as (

    select * from by_company
    union all
    select * from by_person

),

by_deal as (

    select
        associations.from_type as object_type,
        associations.from_id as object_id,
        known.account_key,
        4 as preference
    from associations
    inner join known
        on
            associations.to_type = 'deals'
            and known.object_type = 'deals'
            and associations.to_id = known.object_id

),

unioned as (

    select * from known
    union all
    select * from by_deal

),

ranked as (

    select
        *,
        row_number() over (partition by object_type, object_id order by preference, account_key) as choice
    from unioned

)

select
    object_type,
    object_id,
    account_key
from ranked
where choice = 1
