-- grain: one thing that makes or takes back revenue over a service period: an invoice line, a credit note line, a refund
{{ config(schema='staging', meta=carried(
    by='invoice_id',
    keyed=['fct_invoice_lines', 'stg_stripe__invoices', 'stg_stripe__credit_notes', 'int_charge_invoices'],
    lookups={
        'stg_stripe__credit_note_lines': {
            'on': 'credit_note_id', 'through': {'stg_stripe__credit_notes': 'credit_note_id'}
        },
        'stg_stripe__refunds': {'on': 'charge_id', 'through': {'int_charge_invoices': 'charge_id'}},
        'int_rate_days': {
            'whole': true, 'on': 'day', 'through': {'stg_stripe__invoices': run_date('coalesce(finalized_at, created_at)')}
        },
    }
)) }}

with lines as (

    select * from {{ ref('fct_invoice_lines') }}
    where is_billed

),

invoices as (

    select
        invoice_id,
        customer_id,
        subscription_id,
        currency,
        coalesce(total_excluding_tax_minor, total_minor - coalesce(tax_minor, 0)) as untaxed_minor,
        total_minor,
        {{ local_date('coalesce(finalized_at, created_at)') }} as invoiced_on
    from {{ ref('stg_stripe__invoices') }}
    where status in ('paid', 'open', 'uncollectible') and not is_deleted

),

notes as (

    select
        credit_note_id,
        invoice_id,
        refund_ids,
        {{ local_date('created_at') }} as credited_on
    from {{ ref('stg_stripe__credit_notes') }}
    where coalesce(status, 'issued') <> 'void' and not is_deleted

),

note_lines as (

    select
        note_lines.credit_note_line_id,
        note_lines.invoice_line_id,
        notes.invoice_id,
        notes.credited_on,
        coalesce(note_lines.amount_minor, 0) - coalesce(note_lines.discount_amount_minor, 0)
        - coalesce(note_lines.inclusive_tax_amount_minor, 0) as net_minor
    from {{ ref('stg_stripe__credit_note_lines') }} as note_lines
    inner join notes on note_lines.credit_note_id = notes.credit_note_id

),

noted_refunds as (

    select {{ json_array_rows('refund_ids') }} as refund_id from notes
    where refund_ids is not null and refund_ids <> ''

),

refunds as (

    select
        refunds.refund_id,
        payments.invoice_id,
        {{ local_date('refunds.created_at') }} as refunded_on,
        refunds.amount_minor
    from {{ ref('stg_stripe__refunds') }} as refunds
    inner join {{ ref('int_charge_invoices') }} as payments
        on refunds.charge_id = payments.charge_id
    where
        refunds.status = 'succeeded' and not refunds.is_deleted
        and not exists (select 1 from noted_refunds where noted_refunds.refund_id = refunds.refund_id)

),

unioned as (

    select
        'invoice_line' as kind,
        invoice_line_id as source_id,
        invoice_line_id,
        invoice_id,
        service_from,
        service_to,
        net_amount_minor as net_minor
    from lines

    union all

    -- a free-text credit has no service period: it counts on the note's day
    select
        'credit_note' as kind,
        note_lines.credit_note_line_id as source_id,
        note_lines.invoice_line_id,
        note_lines.invoice_id,
        coalesce(lines.service_from, note_lines.credited_on) as service_from,
        coalesce(lines.service_to, note_lines.credited_on) as service_to,
        -note_lines.net_minor as net_minor
    from note_lines
    left join lines on note_lines.invoice_line_id = lines.invoice_line_id

    union all

    select
        'refund' as kind,
        refunds.refund_id as source_id,
        cast(null as string) as invoice_line_id,
        refunds.invoice_id,
        refunds.refunded_on as service_from,
        refunds.refunded_on as service_to,
        -{{ divide_half_up('refunds.amount_minor * ' ~ whole('invoices.untaxed_minor'), 'invoices.total_minor') }} as net_minor
    from refunds
    inner join invoices on refunds.invoice_id = invoices.invoice_id
    where invoices.total_minor > 0

),

rated as (

    select
        unioned.*,
        invoices.customer_id,
        invoices.subscription_id,
        invoices.currency,
        invoices.invoiced_on,
        {{ from_minor('unioned.net_minor', 'invoices.currency') }} as net_amount_native,
        {{ require_rate('rates.rate', 'invoices.currency', 'invoices.invoiced_on') }} as rate
    from unioned
    inner join invoices on unioned.invoice_id = invoices.invoice_id
    left join {{ ref('int_rate_days') }} as rates
        on invoices.currency = rates.currency and invoices.invoiced_on = rates.day

)

select
    kind,
    source_id,
    invoice_line_id,
    invoice_id,
    customer_id,
    subscription_id,
    invoiced_on,
    service_from,
    greatest({{ days_between('service_from', 'service_to') }}, 1) as service_days,
    currency,
    cast(net_minor as bigint) as net_minor,
    rate,
    {{ convert('net_amount_native', 'rate') }} as net_amount
from rated
