-- grain: one invoice that counts, with the exchange rate of its day
{{ config(schema='staging', meta=carried(
    by='invoice_id',
    keyed=['stg_stripe__invoices'],
    lookups={
        'account_sources': {'on': 'source_id', 'through': {'stg_stripe__invoices': 'customer_id'}},
        'int_rate_days': {
            'whole': true, 'on': 'day', 'through': {'stg_stripe__invoices': run_date('coalesce(finalized_at, created_at)')}
        },
    }
)) }}

with invoices as (

    select
        invoice_id,
        customer_id,
        status,
        currency,
        {{ local_date('coalesce(finalized_at, created_at)') }} as invoiced_on,
        {{ money('coalesce(total_excluding_tax, total - coalesce(tax, 0))') }} as net_native,
        {{ money('total') }} as total_native,
        {{ money('coalesce(amount_due, total)') }} as due_native,
        {{ money('coalesce(amount_remaining, 0)') }} as remaining_native,
        {{ json_text('payload', 'paid_out_of_band') }} = 'true' as is_paid_elsewhere
    from {{ ref('stg_stripe__invoices') }}
    where status in ('paid', 'open', 'uncollectible') and not is_deleted

),

accounts as (

    select
        source_id as customer_id,
        account_key
    from {{ ref('account_sources') }}
    where source_system = 'stripe' and source_type = 'customer'

)

select
    invoices.invoice_id,
    coalesce(accounts.account_key, 'unknown') as account_key,
    invoices.status,
    invoices.currency,
    {{ month_of('invoices.invoiced_on') }} as month,
    invoices.net_native,
    invoices.total_native,
    invoices.due_native,
    invoices.remaining_native,
    coalesce(invoices.is_paid_elsewhere, false) as is_paid_elsewhere,
    {{ require_rate('rates.rate', 'invoices.currency', 'invoices.invoiced_on') }} as rate
from invoices
left join accounts on invoices.customer_id = accounts.customer_id
left join {{ ref('int_rate_days') }} as rates
    on invoices.currency = rates.currency and invoices.invoiced_on = rates.day
