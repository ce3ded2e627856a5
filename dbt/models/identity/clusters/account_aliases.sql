-- grain: one id that an account had, or would have alone, and that now stands for another
{{ config(schema='journey') }}

with clusters as (

    select * from {{ ref('account_clusters') }}

),

joined as (

    select
        record_id,
        max(first_seen_at) as joined_at
    from {{ ref('identity_evidence') }}
    where entity = 'account'
    group by record_id

)

select
    clusters.own_id as alias_id,
    clusters.node_id,
    clusters.account_id,
    clusters.account_key,
    joined.joined_at
from clusters
inner join joined on clusters.node_id = joined.record_id
where clusters.own_id <> clusters.account_id
