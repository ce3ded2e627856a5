-- grain: one accepted link as seen from one of its two records
with links as (

    select * from {{ ref('identity_links') }}
    where is_accepted

),

accounts as (

    select * from {{ ref('account_clusters') }}

),

people as (

    select * from {{ ref('person_clusters') }}

),

both_ways as (

    select link_id, entity, node_id, neighbour_id, rule, confidence, first_seen_at from links
    union all
    select link_id, entity, neighbour_id, node_id, rule, confidence, first_seen_at from links

)

select
    both_ways.link_id,
    both_ways.entity,
    coalesce(people.person_id, accounts.account_id) as entity_id,
    both_ways.node_id,
    both_ways.neighbour_id,
    both_ways.rule,
    both_ways.confidence,
    both_ways.first_seen_at
from both_ways
left join people on both_ways.entity = 'person' and both_ways.node_id = people.node_id
left join accounts on both_ways.entity = 'account' and both_ways.node_id = accounts.node_id
