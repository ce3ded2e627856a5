-- grain: one record as a person or account, "<entity>|<record>"; component_id is the cluster that accepted links make
{{ config(materialized='components') }}

with nodes as (

    select * from {{ ref('identity_nodes') }}

),

links as (

    select * from {{ ref('identity_links') }}
    where is_accepted

)

select
    concat_ws('', entity, '|', node_id) as node_id,
    concat_ws('', entity, '|', neighbour_id) as neighbour_id
from links

union all

select
    concat_ws('', 'person|', node_id) as node_id,
    concat_ws('', 'person|', node_id) as neighbour_id
from nodes
where is_person_record

union all

select
    concat_ws('', 'account|', node_id) as node_id,
    concat_ws('', 'account|', node_id) as neighbour_id
from nodes
where is_account_record
