-- the months of a line, the deferred ones included, sum to the line in both currencies
with recognised as (

    select
        invoice_line_id,
        sum(amount) as amount,
        sum(amount_native) as amount_native
    from {{ ref('fct_revenue') }}
    where kind = 'invoice_line'
    group by invoice_line_id

)

select
    lines.invoice_line_id,
    lines.net_amount,
    recognised.amount,
    lines.net_amount_native,
    recognised.amount_native
from {{ ref('fct_invoice_lines') }} as lines
left join recognised on lines.invoice_line_id = recognised.invoice_line_id
where
    lines.is_billed
    and (
        recognised.invoice_line_id is null
        or lines.net_amount <> recognised.amount
        or lines.net_amount_native <> recognised.amount_native
    )
