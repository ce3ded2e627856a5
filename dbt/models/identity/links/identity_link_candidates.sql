-- grain: one piece of evidence (a rule) that two records are the same person or the same account
with people as (

    select * from {{ ref('person_link_candidates') }}

),

accounts as (

    select * from {{ ref('account_link_candidates') }}

),

candidates as (

    select 'person' as entity, people.* from people
    union all
    select 'account' as entity, accounts.* from accounts

)

select
    {{ key(['entity', 'rule', 'node_id', 'neighbour_id']) }} as link_id,
    entity,
    node_id,
    neighbour_id,
    rule,
    confidence,
    evidence,
    first_seen_at,
    rejected_reason
from candidates
