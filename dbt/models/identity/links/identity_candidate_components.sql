-- grain: one record as a person or account; component_id is what the standing links would join, before any split
{{ config(materialized='components') }}

with candidates as (

    select * from {{ ref('identity_link_candidates') }}
    where rejected_reason is null

)

select
    concat_ws('', entity, '|', node_id) as node_id,
    concat_ws('', entity, '|', neighbour_id) as neighbour_id
from candidates
