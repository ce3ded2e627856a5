-- grain: one record in a split, "<split>|<record>"; component_id is what stays joined without the right-hand record
{{ config(materialized='components') }}

with splits as (

    select * from {{ ref('identity_splits') }}

),

components as (

    select * from {{ ref('identity_candidate_components') }}

),

candidates as (

    select * from {{ ref('identity_link_candidates') }}
    where rejected_reason is null

),

links as (

    select
        components.component_id,
        candidates.node_id,
        candidates.neighbour_id
    from candidates
    inner join components on concat_ws('', candidates.entity, '|', candidates.node_id) = components.node_id

)

select
    concat_ws('', splits.split_id, '|', links.node_id) as node_id,
    concat_ws('', splits.split_id, '|', links.neighbour_id) as neighbour_id
from splits
inner join links on splits.component_id = links.component_id
where splits.right_node_id not in (links.node_id, links.neighbour_id)

union all

select
    concat_ws('', split_id, '|', left_node_id) as node_id,
    concat_ws('', split_id, '|', left_node_id) as neighbour_id
from splits
