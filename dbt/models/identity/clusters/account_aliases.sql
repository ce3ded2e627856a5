-- grain: one id that an account had, or would have alone, and that now stands for another
with clusters as (

    select * from {{ ref('account_clusters') }}

)

select
    own_id as alias_id,
    node_id,
    account_id,
    account_key
from clusters
where own_id <> account_id
