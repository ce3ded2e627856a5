-- grain: one link on the way from a record to the oldest record of its person or account; step 0 has none
{{ config(schema='journey') }}

with paths as (

    select * from {{ ref('identity_paths') }}

),

links as (

    select * from {{ ref('identity_links') }}

),

clusters as (

    select concat_ws('', 'person|', node_id) as record, 'person' as entity, node_id, person_id as entity_id
    from {{ ref('person_clusters') }}

    union all

    select concat_ws('', 'account|', node_id), 'account', node_id, account_id
    from {{ ref('account_clusters') }}

)

select
    clusters.entity,
    clusters.entity_id,
    clusters.node_id as record_id,
    paths.step,
    paths.link_id,
    links.rule,
    links.confidence,
    links.evidence,
    links.first_seen_at,
    substring(paths.from_id, length(clusters.entity) + 2) as node_id,
    substring(paths.to_id, length(clusters.entity) + 2) as neighbour_id
from paths
inner join clusters on paths.node_id = clusters.record
left join links on paths.link_id = links.link_id
