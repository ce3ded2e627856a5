-- grain: one id that an person had, or would have alone, and that now stands for another
{{ config(schema='journey') }}

with clusters as (

    select * from {{ ref('person_clusters') }}

),

joined as (

    select
        record_id,
        max(first_seen_at) as joined_at
    from {{ ref('identity_evidence') }}
    where entity = 'person'
    group by record_id

)

select
    clusters.own_id as alias_id,
    clusters.node_id,
    clusters.person_id,
    clusters.person_key,
    joined.joined_at
from clusters
inner join joined on clusters.node_id = joined.record_id
where clusters.own_id <> clusters.person_id
