-- grain: one month of invoicing, source and measure: the billing system's own totals against the facts
{{ config(schema='staging', meta=carried(by='month', keyed=['int_compared_invoices'])) }}

with counted as (

    select
        month,
        sum(invoiced) as invoiced,
        sum(on_lines) as on_lines,
        sum(lines_difference) as lines_difference,
        sum(case when lines_difference <> 0 then 1 else 0 end) as bad_invoices,
        min(case when lines_difference <> 0 then invoice_id end) as first_bad_invoice,
        sum(in_revenue) as in_revenue,
        sum(revenue_difference) as revenue_difference,
        min(case when revenue_difference <> 0 then invoice_id end) as first_bad_revenue
    from {{ ref('int_compared_invoices') }}
    group by month

)

select
    month,
    'stripe' as source,
    'invoiced' as measure,
    invoiced as amount,
    0 as difference,
    false as is_remark,
    '' as reason
from counted

union all

select
    month,
    'fct_invoice_lines' as source,
    'invoiced' as measure,
    on_lines as amount,
    lines_difference as difference,
    false as is_remark,
    concat_ws('',
        'the lines of ', cast(bad_invoices as string), ' invoices do not sum to their totals, the first is ', first_bad_invoice
    ) as reason
from counted

union all

select
    month,
    'fct_revenue' as source,
    'recognised_and_deferred' as measure,
    in_revenue as amount,
    revenue_difference as difference,
    false as is_remark,
    concat_ws('', 'the months of an invoice do not sum to its lines, the first is ', first_bad_revenue) as reason
from counted
