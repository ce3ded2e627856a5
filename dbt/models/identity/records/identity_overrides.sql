-- grain: one decision by hand to join or split two records
with overrides as (

    select
        identity_override_id as override_id,
        lower(trim(action)) as action,
        lower(trim(entity)) as entity,
        concat_ws('', lower(trim(left_system)), ':', lower(trim(left_type)), ':', trim(left_id)) as left_node_id,
        concat_ws('', lower(trim(right_system)), ':', lower(trim(right_type)), ':', trim(right_id)) as right_node_id,
        reason,
        first_extracted_at
    from {{ ref('stg_ledger__identity_overrides') }}
    where not is_deleted

),

nodes as (

    select * from {{ ref('identity_nodes') }}

)

select
    overrides.*,
    left_nodes.node_id is not null
    and right_nodes.node_id is not null
    and overrides.left_node_id <> overrides.right_node_id as is_known
from overrides
left join nodes as left_nodes
    on
        overrides.left_node_id = left_nodes.node_id
        and case overrides.entity when 'person' then left_nodes.is_person_record else left_nodes.is_account_record end
left join nodes as right_nodes
    on
        overrides.right_node_id = right_nodes.node_id
        and case overrides.entity when 'person' then right_nodes.is_person_record else right_nodes.is_account_record end
