-- grain: one pair of records that must not be joined but that links would join
with overrides as (

    select * from {{ ref('identity_overrides') }}
    where action = 'split' and is_known

),

companies as (

    select * from {{ ref('stg_hubspot__companies') }}
    where parent_company_id is not null

),

candidates as (

    select * from {{ ref('identity_link_candidates') }}

),

components as (

    select * from {{ ref('identity_candidate_components') }}

),

pairs as (

    select
        entity,
        left_node_id,
        right_node_id,
        'override' as reason
    from overrides

    union

    select
        'account' as entity,
        {{ node_id('hubspot', 'company', 'parent_company_id') }} as left_node_id,
        {{ node_id('hubspot', 'company', 'company_id') }} as right_node_id,
        'parent_and_subsidiary' as reason
    from companies

),

-- the CRM's own merge and a join by hand say more than the company tree
settled as (

    select
        entity,
        node_id,
        neighbour_id
    from candidates
    where rule in ('override', 'merge')

)

select
    {{ key(['pairs.entity', 'pairs.left_node_id', 'pairs.right_node_id', 'pairs.reason']) }} as split_id,
    pairs.entity,
    pairs.left_node_id,
    pairs.right_node_id,
    pairs.reason,
    left_side.component_id
from pairs
inner join components as left_side on concat_ws('', pairs.entity, '|', pairs.left_node_id) = left_side.node_id
inner join components as right_side
    on
        concat_ws('', pairs.entity, '|', pairs.right_node_id) = right_side.node_id
        and left_side.component_id = right_side.component_id
left join settled
    on
        pairs.entity = settled.entity
        and least(pairs.left_node_id, pairs.right_node_id) = settled.node_id
        and greatest(pairs.left_node_id, pairs.right_node_id) = settled.neighbour_id
where pairs.reason = 'override' or settled.node_id is null
