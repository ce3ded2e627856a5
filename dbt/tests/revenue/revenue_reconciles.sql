-- billing system, facts and marts show the same figures
select *
from {{ ref('revenue_reconciliation') }}
where difference <> 0
