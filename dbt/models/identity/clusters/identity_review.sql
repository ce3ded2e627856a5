-- grain: one doubtful pair of records and why it is doubtful
{{ config(schema='journey') }}

with links as (

    select * from {{ ref('identity_links') }}
    where not is_accepted

),

people as (

    select * from {{ ref('person_clusters') }}

),

accounts as (

    select * from {{ ref('account_clusters') }}

),

nodes as (

    select * from {{ ref('identity_nodes') }}

),

overrides as (

    select * from {{ ref('identity_overrides') }}

),

proposals as (

    select * from {{ ref('identity_proposals') }}

),

clusters as (

    select 'person' as entity, node_id, person_id as entity_id from people
    union all
    select 'account' as entity, node_id, account_id as entity_id from accounts

),

doubts as (

    select entity, node_id, neighbour_id, rule, confidence, evidence, rejected_reason as reason, 'rejected' as status
    from links

    union all

    select entity, node_id, neighbour_id, rule, confidence, evidence, reason, 'proposed' as status
    from proposals

    union all

    -- an override that names a record nobody has seen would otherwise fail in silence
    select
        entity, left_node_id, right_node_id, 'override', cast(1 as decimal(3, 2)), coalesce(min(reason), 'by hand'),
        'unknown_record', 'rejected'
    from overrides
    where not is_known
    group by entity, left_node_id, right_node_id

)

select
    {{ key(['doubts.entity', 'doubts.rule', 'doubts.node_id', 'doubts.neighbour_id']) }} as review_id,
    doubts.entity,
    doubts.node_id,
    doubts.neighbour_id,
    sides.entity_id,
    neighbours.entity_id as neighbour_entity_id,
    doubts.rule,
    doubts.confidence,
    doubts.evidence,
    doubts.reason,
    doubts.status,
    nodes.name,
    nodes.email,
    neighbour_nodes.name as neighbour_name,
    neighbour_nodes.email as neighbour_email
from doubts
left join clusters as sides on doubts.entity = sides.entity and doubts.node_id = sides.node_id
left join clusters as neighbours on doubts.entity = neighbours.entity and doubts.neighbour_id = neighbours.node_id
left join nodes on doubts.node_id = nodes.node_id
left join nodes as neighbour_nodes on doubts.neighbour_id = neighbour_nodes.node_id
-- what other evidence has joined, or rightly kept as one, needs no look
where
    doubts.reason in ('unknown_record', 'merge_cycle')
    or sides.entity_id is null
    or neighbours.entity_id is null
    or sides.entity_id <> neighbours.entity_id
