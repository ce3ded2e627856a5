-- grain: one record of a source system that stands for an account
select
    source_system,
    source_type,
    source_id,
    account_id,
    account_key
from {{ ref('account_clusters') }}
