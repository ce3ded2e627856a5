-- grain: one record of a source system that stands for a person
with people as (

    select * from {{ ref('person_clusters') }}

),

person_accounts as (

    select * from {{ ref('person_accounts') }}

)

select
    people.source_system,
    people.source_type,
    people.source_id,
    people.person_id,
    people.person_key,
    coalesce(person_accounts.account_id, 'unknown') as account_id,
    coalesce(person_accounts.account_key, 'unknown') as account_key
from people
left join person_accounts on people.person_id = person_accounts.person_id
