-- From and steps and what is unexplained come to the other side, for each account and month.
select
    month,
    account_key,
    bridge
from {{ ref('revenue_reconciliation_bridges') }}
group by month, account_key, bridge
having sum(case when side = 'to' then -amount else amount end) <> 0
