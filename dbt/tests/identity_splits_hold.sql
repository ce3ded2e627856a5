-- no pair that was split, by hand or as parent and subsidiary, is in one cluster
with clusters as (

    select 'person' as entity, node_id, person_id as entity_id from {{ ref('person_clusters') }}
    union all
    select 'account' as entity, node_id, account_id as entity_id from {{ ref('account_clusters') }}

)

select
    splits.split_id,
    splits.left_node_id,
    splits.right_node_id
from {{ ref('identity_splits') }} as splits
inner join clusters as left_side on splits.entity = left_side.entity and splits.left_node_id = left_side.node_id
inner join clusters as right_side on splits.entity = right_side.entity and splits.right_node_id = right_side.node_id
where left_side.entity_id = right_side.entity_id
