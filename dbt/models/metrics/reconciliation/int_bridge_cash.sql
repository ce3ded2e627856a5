-- grain: one month, account and step from what was invoiced to what was settled
{{ config(schema='staging', meta=carried(
    by=['account_key', 'month'],
    keyed={
        'int_invoice_rates': ['account_key', 'month'],
        'int_settled_charges': [['account_key', 'month'], ['account_key', 'invoice_month']],
        'fct_cash': ['account_key', month_of('occurred_on')],
    }
)) }}

with invoices as (

    select
        *,
        {{ convert('net_native', 'rate') }} as net,
        {{ convert('total_native', 'rate') }} as total,
        {{ convert('due_native', 'rate') }} as due,
        {{ convert('remaining_native', 'rate') }} as remaining
    from {{ ref('int_invoice_rates') }}

),

settled as (

    select * from {{ ref('int_settled_charges') }}

),

paid as (

    select
        invoice_id,
        sum(charged_native) as charged_native,
        sum(charged) as charged
    from settled
    where invoice_id is not null
    group by invoice_id

),

-- what an invoice says is paid, less what its charges say
gaps as (

    select
        invoices.month,
        invoices.account_key,
        invoices.is_paid_elsewhere,
        {{ convert(
            'invoices.due_native - invoices.remaining_native - coalesce(paid.charged_native, 0)', 'invoices.rate'
        ) }} as gap,
        coalesce(paid.charged, 0) - (invoices.due - invoices.remaining) as difference
    from invoices
    left join paid on invoices.invoice_id = paid.invoice_id

),

steps as (

    {% for side, reason, amount, condition in [
        ('from', 'invoiced', 'net', 'true'),
        ('step', 'tax', 'total - net', 'total <> net'),
        ('step', 'credit_before_payment', 'due - total', 'due <> total'),
        ('step', 'not_paid_yet', '-remaining', "status <> 'uncollectible' and remaining <> 0"),
        ('step', 'written_off', '-remaining', "status = 'uncollectible' and remaining <> 0"),
    ] %}
    select
        month,
        account_key,
        '{{ side }}' as side,
        '{{ reason }}' as reason,
        {{ amount }} as amount
    from invoices
    where {{ condition }}
    union all
    {% endfor %}
    select
        month,
        account_key,
        'step' as side,
        'paid_elsewhere' as reason,
        -gap as amount
    from gaps
    where is_paid_elsewhere and gap <> 0
    union all
    select
        month,
        account_key,
        'step' as side,
        'rounding' as reason,
        difference + gap as amount
    from gaps
    where difference + gap <> 0
    union all
    select
        invoice_month as month,
        account_key,
        'step' as side,
        case when month is null then 'not_settled_yet' else 'paid_in_another_month' end as reason,
        -charged as amount
    from settled
    where invoice_id is not null and (month is null or month <> invoice_month)
    union all
    select
        month,
        account_key,
        'step' as side,
        'paid_in_another_month' as reason,
        charged as amount
    from settled
    where invoice_id is not null and month <> invoice_month
    union all
    select
        month,
        account_key,
        'step' as side,
        case when invoice_id is null then 'charges_without_invoice' else 'exchange_rates' end as reason,
        case when invoice_id is null then settled else exchange_effect end as amount
    from settled
    where month is not null
    union all
    select
        {{ month_of('occurred_on') }} as month,
        account_key,
        'step' as side,
        'charges_without_invoice' as reason,
        amount
    from {{ ref('fct_cash') }}
    where kind = 'charge' and charge_id is null
    union all
    select
        {{ month_of('occurred_on') }} as month,
        account_key,
        'step' as side,
        case kind when 'refund' then 'refunds' when 'dispute' then 'disputes' when 'fee' then 'fees' else 'balance_adjustments' end
            as reason,
        amount
    from {{ ref('fct_cash') }}
    where kind <> 'charge'
    union all
    select
        {{ month_of('occurred_on') }} as month,
        account_key,
        'step' as side,
        'fees' as reason,
        -fee as amount
    from {{ ref('fct_cash') }}
    union all
    select
        {{ month_of('occurred_on') }} as month,
        account_key,
        'to' as side,
        'cash_settled' as reason,
        net as amount
    from {{ ref('fct_cash') }}

)

select
    month,
    account_key,
    side,
    reason,
    sum(amount) as amount
from steps
group by month, account_key, side, reason
