-- grain: one month of invoicing, source and measure: the billing system's own totals against the facts
{{ config(schema='staging', meta=carried(
    by='month',
    keyed=['int_invoice_rates'],
    lookups={
        'fct_invoice_lines': {'on': 'invoice_id', 'through': {'int_invoice_rates': 'invoice_id'}},
        'fct_revenue': {'on': 'invoice_id', 'through': {'int_invoice_rates': 'invoice_id'}},
    }
)) }}

with invoices as (

    select * from {{ ref('int_invoice_rates') }}

),

lines as (

    select
        invoice_id,
        sum(net_amount_native) as net_native,
        sum(net_amount) as net_amount
    from {{ ref('fct_invoice_lines') }}
    where is_billed
    group by invoice_id

),

recognised as (

    select
        invoice_id,
        sum(amount) as amount
    from {{ ref('fct_revenue') }}
    where kind = 'invoice_line'
    group by invoice_id

),

-- differences in the invoice's own currency first: rounding of a conversion is none
compared as (

    select
        invoices.month,
        invoices.invoice_id,
        {{ convert('invoices.net_native', 'invoices.rate') }} as invoiced,
        coalesce(lines.net_amount, 0) as on_lines,
        {{ convert('coalesce(lines.net_native, 0) - invoices.net_native', 'invoices.rate') }} as lines_difference,
        coalesce(recognised.amount, 0) as in_revenue,
        coalesce(recognised.amount, 0) - coalesce(lines.net_amount, 0) as revenue_difference
    from invoices
    left join lines on invoices.invoice_id = lines.invoice_id
    left join recognised on invoices.invoice_id = recognised.invoice_id

),

counted as (

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
    from compared
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
