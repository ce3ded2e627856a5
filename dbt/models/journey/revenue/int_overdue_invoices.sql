-- grain: one invoice and the time [from_at, until_at) in which it was overdue; until_at is NULL while it lasts
{{ config(schema='staging', meta=timed({
    'stg_stripe__invoices':
        "status = 'open' and (due_at >= :since and due_at < :now"
        ~ ' or coalesce(finalized_at, created_at) >= :since and coalesce(finalized_at, created_at) < :now)'
})) }}

with subscriptions as (

    select
        subscription_id,
        collection_method
    from {{ ref('stg_stripe__subscriptions') }}

),

-- a subscription may have changed since, so an invoice's own way of collection goes first; an invoice that somebody has
-- given up or paid at an instant that nobody knows was never waited for
invoices as (

    select
        invoices.invoice_id,
        invoices.customer_id,
        invoices.subscription_id,
        invoices.status,
        invoices.due_at,
        coalesce(invoices.attempt_count, 0) as attempts,
        coalesce(invoices.finalized_at, invoices.created_at) as asked_at,
        coalesce(
            invoices.uncollectible_at, invoices.voided_at, invoices.paid_at,
            case when invoices.status <> 'open' then coalesce(invoices.finalized_at, invoices.created_at) end
        ) as settled_at,
        coalesce({{ json_text('invoices.payload', 'collection_method') }}, subscriptions.collection_method, '') = 'send_invoice'
            as is_sent
    from {{ ref('stg_stripe__invoices') }} as invoices
    left join subscriptions on invoices.subscription_id = subscriptions.subscription_id
    where invoices.status <> 'draft' and not invoices.is_deleted

),

-- by card from the first attempt, which is made when the invoice is final, if it fails; by transfer from the day it is due
overdue as (

    select
        invoice_id,
        customer_id,
        subscription_id,
        case when is_sent then due_at else asked_at end as from_at,
        settled_at as until_at
    from invoices
    where is_sent or attempts > 1 or (attempts = 1 and status <> 'paid')

)

select
    invoice_id,
    customer_id,
    subscription_id,
    from_at,
    until_at
from overdue
where from_at < coalesce(until_at, {{ as_of() }})
