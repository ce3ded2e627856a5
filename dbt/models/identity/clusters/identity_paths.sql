-- grain: one link on the shortest way from the oldest record of a cluster, "<entity>|<record>", to one of its records
{{ config(materialized='paths') }}

with links as (

    select * from {{ ref('identity_links') }}
    where is_accepted

),

people as (

    select * from {{ ref('person_clusters') }}

),

accounts as (

    select * from {{ ref('account_clusters') }}

)

select
    concat_ws('', entity, '|', node_id) as node_id,
    concat_ws('', entity, '|', neighbour_id) as neighbour_id,
    link_id,
    confidence,
    first_seen_at
from links

union all

select
    concat_ws('', entity, '|', neighbour_id),
    concat_ws('', entity, '|', node_id),
    link_id,
    confidence,
    first_seen_at
from links

union all

select
    concat_ws('', 'person|', node_id),
    cast(null as string),
    cast(null as string),
    cast(null as decimal(3, 2)),
    cast(null as timestamp)
from people
where member_rank = 1

union all

select
    concat_ws('', 'account|', node_id),
    cast(null as string),
    cast(null as string),
    cast(null as decimal(3, 2)),
    cast(null as timestamp)
from accounts
where member_rank = 1
