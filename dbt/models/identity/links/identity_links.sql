-- grain: one piece of evidence (a rule) that two records are the same, with the decision about it
with candidates as (

    select * from {{ ref('identity_link_candidates') }}

),

splits as (

    select * from {{ ref('identity_splits') }}

),

split_components as (

    select * from {{ ref('identity_split_components') }}

),

ends as (

    select link_id, entity, node_id as from_node_id, neighbour_id as to_node_id from candidates
    union all
    select link_id, entity, neighbour_id, node_id from candidates

),

-- the right-hand record of a split leaves, and takes with it only what hangs on nothing else
cut as (

    select
        ends.link_id,
        min(splits.reason) as reason
    from splits
    inner join ends on splits.entity = ends.entity and splits.right_node_id = ends.from_node_id
    inner join split_components as left_side
        on concat_ws('', splits.split_id, '|', splits.left_node_id) = left_side.node_id
    inner join split_components as other_side
        on
            concat_ws('', splits.split_id, '|', ends.to_node_id) = other_side.node_id
            and left_side.component_id = other_side.component_id
    group by ends.link_id

)

select
    candidates.link_id,
    candidates.entity,
    candidates.node_id,
    candidates.neighbour_id,
    candidates.rule,
    candidates.confidence,
    candidates.evidence,
    candidates.first_seen_at,
    candidates.rejected_reason is null and cut.link_id is null as is_accepted,
    coalesce(
        candidates.rejected_reason,
        case cut.reason when 'override' then 'split_by_override' else cut.reason end
    ) as rejected_reason
from candidates
left join cut on candidates.link_id = cut.link_id
