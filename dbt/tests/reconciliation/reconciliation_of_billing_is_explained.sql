{{ config(severity='warn') }}
-- Invoices lead to revenue and to cash by named reasons. What none explains is shown, and looked into.
select
    month,
    account_key,
    bridge,
    amount
from {{ ref('revenue_reconciliation_bridges') }}
where side = 'unexplained' and bridge in ('invoiced_to_recognised', 'invoiced_to_cash')
