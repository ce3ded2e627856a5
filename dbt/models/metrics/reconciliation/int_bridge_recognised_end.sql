-- grain: one month, account and last step to what was recognised: credit notes, refunds, and the sum itself
{{ config(schema='staging', meta=carried(by=['account_key', 'month'], keyed=['fct_revenue', 'fct_account_months'])) }}

select
    month,
    account_key,
    'step' as side,
    case when kind = 'refund' then 'refunds' else 'credit_notes' end as reason,
    sum(amount) as amount
from {{ ref('fct_revenue') }}
where kind <> 'invoice_line' and not is_future
group by 1, 2, 3, 4

union all

select
    month,
    account_key,
    'to' as side,
    'recognised' as reason,
    recognised_revenue as amount
from {{ ref('fct_account_months') }}
