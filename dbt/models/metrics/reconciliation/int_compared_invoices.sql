-- grain: one invoice that counts, with what it comes to by itself, by its lines and by the revenue of them
{{ config(schema='staging', meta=carried(by='invoice_id', keyed=['int_invoice_rates', 'fct_invoice_lines', 'fct_revenue'])) }}

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

)

-- differences in the invoice's own currency first: rounding of a conversion is none
select
    invoices.month,
    invoices.account_key,
    invoices.invoice_id,
    {{ convert('invoices.net_native', 'invoices.rate') }} as invoiced,
    coalesce(lines.net_amount, 0) as on_lines,
    {{ convert('coalesce(lines.net_native, 0) - invoices.net_native', 'invoices.rate') }} as lines_difference,
    coalesce(recognised.amount, 0) as in_revenue,
    coalesce(recognised.amount, 0) - coalesce(lines.net_amount, 0) as revenue_difference
from invoices
left join lines on invoices.invoice_id = lines.invoice_id
left join recognised on invoices.invoice_id = recognised.invoice_id
