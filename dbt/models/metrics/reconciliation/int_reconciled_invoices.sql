-- grain: one month of invoicing, source and measure: the billing system's own totals against the facts
{{ config(schema='staging') }}

with invoices as (

    select
        invoice_id,
        currency,
        {{ local_date('coalesce(finalized_at, created_at)') }} as invoiced_on,
        {{ money('coalesce(total_excluding_tax, total - coalesce(tax, 0))') }} as net_native
    from {{ ref('stg_stripe__invoices') }}
    where status in ('paid', 'open', 'uncollectible') and not is_deleted

),

rated as (

    select
        invoices.*,
        {{ month_of('invoices.invoiced_on') }} as month,
        {{ require_rate('rates.rate', 'invoices.currency', 'invoices.invoiced_on') }} as rate
    from invoices
    left join {{ ref('int_rate_days') }} as rates
        on invoices.currency = rates.currency and invoices.invoiced_on = rates.day

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
        rated.month,
        rated.invoice_id,
        {{ convert('rated.net_native', 'rated.rate') }} as invoiced,
        coalesce(lines.net_amount, 0) as on_lines,
        {{ convert('coalesce(lines.net_native, 0) - rated.net_native', 'rated.rate') }} as lines_difference,
        coalesce(recognised.amount, 0) as in_revenue,
        coalesce(recognised.amount, 0) - coalesce(lines.net_amount, 0) as revenue_difference
    from rated
    left join lines on rated.invoice_id = lines.invoice_id
    left join recognised on rated.invoice_id = recognised.invoice_id

),

notes as (

    select
        credit_notes.credit_note_id,
        rated.rate,
        {{ month_of(local_date('credit_notes.created_at')) }} as month,
        {{ money('-(credit_notes.total - coalesce(credit_notes.tax, 0))') }} as net_native
    from {{ ref('stg_stripe__credit_notes') }} as credit_notes
    inner join rated on credit_notes.invoice_id = rated.invoice_id
    where coalesce(credit_notes.status, 'issued') <> 'void' and not credit_notes.is_deleted

),

credited as (

    select
        note_lines.credit_note_id,
        sum(revenue.amount_native) as net_native,
        sum(revenue.amount) as amount
    from {{ ref('fct_revenue') }} as revenue
    inner join {{ ref('stg_stripe__credit_note_lines') }} as note_lines on revenue.source_id = note_lines.credit_note_line_id
    where revenue.kind = 'credit_note'
    group by note_lines.credit_note_id

)

select
    month, 'stripe' as source, 'invoiced' as measure, sum(invoiced) as amount, 0 as difference, false as is_remark, '' as reason
from compared
group by month

union all

select
    month, 'fct_invoice_lines', 'invoiced', sum(on_lines), sum(lines_difference), false,
    concat(
        'lines of ', cast(sum(case when lines_difference <> 0 then 1 else 0 end) as string),
        ' invoices do not sum to their totals, the first: ', min(case when lines_difference <> 0 then invoice_id end)
    )
from compared
group by month

union all

select
    month, 'fct_revenue', 'recognised_and_deferred', sum(in_revenue), sum(revenue_difference), false,
    concat('revenue of ', cast(sum(case when revenue_difference <> 0 then 1 else 0 end) as string),
        ' invoices does not sum to their lines, the first: ', min(case when revenue_difference <> 0 then invoice_id end))
from compared
group by month

union all

select
    notes.month, 'stripe', 'credit_notes', sum({{ convert('notes.net_native', 'notes.rate') }}), 0, false, ''
from notes
group by notes.month

union all

select
    notes.month, 'fct_revenue', 'credit_notes', sum(coalesce(credited.amount, 0)),
    sum({{ convert('coalesce(credited.net_native, 0) - notes.net_native', 'notes.rate') }}), false,
    'the lines of credit notes do not sum to their totals'
from notes
left join credited on notes.credit_note_id = credited.credit_note_id
group by notes.month
