-- grain: one record of accounts, with the account that it belongs to
with nodes as (

    select * from {{ ref('identity_nodes') }}
    where is_account_record

),

components as (

    select * from {{ ref('identity_components') }}

),

ranked as (

    select
        nodes.node_id,
        nodes.source_system,
        nodes.source_type,
        nodes.source_id,
        row_number() over (
            partition by components.component_id
            order by nodes.first_extracted_at, nodes.created_at nulls last, nodes.node_id
        ) as member_rank,
        -- a later record never takes the id away: the oldest member gives it
        first_value(nodes.node_id) over (
            partition by components.component_id
            order by nodes.first_extracted_at, nodes.created_at nulls last, nodes.node_id
        ) as oldest_node_id
    from nodes
    inner join components on concat_ws('', 'account|', nodes.node_id) = components.node_id

),

identified as (

    select
        node_id,
        source_system,
        source_type,
        source_id,
        cast(member_rank as integer) as member_rank,
        {{ cluster_id('acc', 'node_id') }} as own_id,
        {{ cluster_id('acc', 'oldest_node_id') }} as account_id
    from ranked

)

select
    node_id,
    source_system,
    source_type,
    source_id,
    member_rank,
    own_id,
    account_id,
    {{ key(['account_id']) }} as account_key
from identified
