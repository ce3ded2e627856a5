-- grain: one charge that paid an invoice
{{ config(schema='staging', meta=carried(
    by='charge_id',
    keyed=['stg_stripe__charges', 'stg_stripe__invoice_payments'],
    lookups={
        'stg_stripe__invoice_payments': {
            'on': 'payment_intent_id', 'through': {'stg_stripe__charges': 'payment_intent_id'}
        },
    }
)) }}

with charges as (

    select * from {{ ref('stg_stripe__charges') }}

),

payments as (

    select * from {{ ref('stg_stripe__invoice_payments') }}

),

-- newer API versions link them by a payment, older ones on the charge itself
linked as (

    select
        charge_id,
        invoice_id
    from charges
    where invoice_id is not null
    union all
    select
        charge_id,
        invoice_id
    from payments
    where charge_id is not null
    union all
    select
        charges.charge_id,
        payments.invoice_id
    from charges
    inner join payments on charges.payment_intent_id = payments.payment_intent_id

)

select
    charge_id,
    min(invoice_id) as invoice_id
from linked
where invoice_id is not null
group by charge_id
