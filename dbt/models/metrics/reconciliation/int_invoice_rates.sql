-- grain: one invoice that counts, with the exchange rate of its day
{{ config(schema='staging') }}

with invoices as (

    select
        invoice_id,
        currency,
        {{ local_date('coalesce(finalized_at, created_at)') }} as invoiced_on,
        {{ money('coalesce(total_excluding_tax, total - coalesce(tax, 0))') }} as net_native
    from {{ ref('stg_stripe__invoices') }}
    where status in ('paid', 'open', 'uncollectible') and not is_deleted

)

select
    invoices.invoice_id,
    {{ month_of('invoices.invoiced_on') }} as month,
    invoices.net_native,
    {{ require_rate('rates.rate', 'invoices.currency', 'invoices.invoiced_on') }} as rate
from invoices
left join {{ ref('int_rate_days') }} as rates
    on invoices.currency = rates.currency and invoices.invoiced_on = rates.day
