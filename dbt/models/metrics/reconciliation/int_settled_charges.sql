-- grain: one charge that succeeded, at its invoice's rate and as it reached the balance
{{ config(schema='staging', meta=carried(
    by='charge_id',
    keyed=['stg_stripe__charges', 'fct_cash', 'int_charge_invoices'],
    lookups={'int_invoice_rates': {'on': 'invoice_id', 'through': {'int_charge_invoices': 'invoice_id'}}}
)) }}

with charges as (

    select
        charge_id,
        currency,
        {{ money('coalesce(amount_captured, amount)') }} as charged_native
    from {{ ref('stg_stripe__charges') }}
    where status = 'succeeded' and not is_deleted

),

-- a charge that reached the balance in parts is one
entries as (

    select
        charge_id,
        min(account_key) as account_key,
        {{ month_of('min(occurred_on)') }} as month,
        min(currency) as currency,
        max(rate) as rate,
        sum(amount_native) as amount_native,
        sum(amount) as amount
    from {{ ref('fct_cash') }}
    where kind = 'charge' and charge_id is not null
    group by charge_id

),

joined as (

    select
        coalesce(charges.charge_id, entries.charge_id) as charge_id,
        invoices.invoice_id,
        invoices.month as invoice_month,
        coalesce(invoices.account_key, entries.account_key) as account_key,
        entries.month,
        entries.amount as settled,
        charges.charged_native,
        {{ convert('charges.charged_native', 'invoices.rate') }} as charged,
        -- in one currency the balance must have what was charged; what differs keeps no reason
        case
            when entries.currency = charges.currency
                then {{ convert('entries.amount_native - charges.charged_native', 'entries.rate') }}
            else 0
        end as mismatch
    from charges
    full outer join entries on charges.charge_id = entries.charge_id
    left join {{ ref('int_charge_invoices') }} as links on charges.charge_id = links.charge_id
    left join {{ ref('int_invoice_rates') }} as invoices on links.invoice_id = invoices.invoice_id

)

select
    charge_id,
    invoice_id,
    account_key,
    invoice_month,
    month,
    charged_native,
    charged,
    settled,
    settled - charged - mismatch as exchange_effect
from joined
-- neither invoiced nor settled: nothing to compare
where invoice_id is not null or month is not null
