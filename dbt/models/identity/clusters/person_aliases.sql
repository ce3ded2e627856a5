-- grain: one id that a person had, or would have alone, and that now stands for another
with clusters as (

    select * from {{ ref('person_clusters') }}

)

select
    own_id as alias_id,
    node_id,
    person_id,
    person_key
from clusters
where own_id <> person_id
