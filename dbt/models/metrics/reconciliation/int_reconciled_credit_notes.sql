-- grain: one month of crediting, source and measure: the billing system's credit notes against the facts
{{ config(schema='staging', meta=carried(
    by='month',
    keyed={'stg_stripe__credit_notes': month_of(run_date('created_at'))},
    lookups={
        'int_invoice_rates': {'on': 'invoice_id', 'through': {'stg_stripe__credit_notes': 'invoice_id'}},
        'stg_stripe__credit_note_lines': {
            'on': 'credit_note_id', 'through': {'stg_stripe__credit_notes': 'credit_note_id'}
        },
        'fct_revenue': {'on': 'source_id', 'through': {'stg_stripe__credit_note_lines': 'credit_note_line_id'}},
    }
)) }}

with notes as (

    select
        credit_notes.credit_note_id,
        {{ month_of(local_date('credit_notes.created_at')) }} as month,
        invoices.rate,
        {{ money('-(credit_notes.total - coalesce(credit_notes.tax, 0))') }} as net_native
    from {{ ref('stg_stripe__credit_notes') }} as credit_notes
    inner join {{ ref('int_invoice_rates') }} as invoices on credit_notes.invoice_id = invoices.invoice_id
    where coalesce(credit_notes.status, 'issued') <> 'void' and not credit_notes.is_deleted

),

credited as (

    select
        note_lines.credit_note_id,
        sum(revenue.amount_native) as net_native,
        sum(revenue.amount) as amount
    from {{ ref('fct_revenue') }} as revenue
    inner join {{ ref('stg_stripe__credit_note_lines') }} as note_lines
        on revenue.source_id = note_lines.credit_note_line_id
    where revenue.kind = 'credit_note'
    group by note_lines.credit_note_id

),

compared as (

    select
        notes.month,
        {{ convert('notes.net_native', 'notes.rate') }} as credited,
        coalesce(credited.amount, 0) as in_revenue,
        {{ convert('coalesce(credited.net_native, 0) - notes.net_native', 'notes.rate') }} as difference
    from notes
    left join credited on notes.credit_note_id = credited.credit_note_id

)

select
    month,
    'stripe' as source,
    'credit_notes' as measure,
    sum(credited) as amount,
    0 as difference,
    false as is_remark,
    '' as reason
from compared
group by month

union all

select
    month,
    'fct_revenue' as source,
    'credit_notes' as measure,
    sum(in_revenue) as amount,
    sum(difference) as difference,
    false as is_remark,
    'the lines of credit notes do not sum to their totals' as reason
from compared
group by month
