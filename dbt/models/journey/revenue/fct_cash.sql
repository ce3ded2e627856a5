-- grain: one movement of the billing provider's balance, payouts to the bank left out
{{ config(meta=carried(
    by='balance_transaction_id',
    keyed=['stg_stripe__balance_transactions'],
    lookups={
        'stg_stripe__refunds': {'on': 'refund_id', 'through': {'stg_stripe__balance_transactions': 'source_id'}},
        'stg_stripe__disputes': {'on': 'dispute_id', 'through': {'stg_stripe__balance_transactions': 'source_id'}},
        'stg_stripe__charges': {
            'on': 'charge_id',
            'through': {
                'stg_stripe__balance_transactions': 'source_id',
                'stg_stripe__refunds': 'charge_id',
                'stg_stripe__disputes': 'charge_id',
            },
        },
        'account_sources': {'on': 'source_id', 'through': {'stg_stripe__charges': 'customer_id'}},
        'int_rate_days': {'whole': true, 'on': 'day', 'through': {'stg_stripe__balance_transactions': run_date('created_at')}},
    },
    due={'stg_stripe__balance_transactions': has_come('created_at')}
)) }}

with entries as (

    select
        *,
        {{ local_date('created_at') }} as occurred_on
    from {{ ref('stg_stripe__balance_transactions') }}
    where
        not is_deleted and created_at <= {{ as_of() }}
        and coalesce(type, '') not like 'payout%' and coalesce(reporting_category, '') not like 'payout%'

),

charges as (

    select
        charge_id,
        customer_id
    from {{ ref('stg_stripe__charges') }}

),

-- what an entry is about leads to a charge, and the charge to its payer
sources as (

    select
        charge_id as source_id,
        charge_id
    from charges
    union all
    select
        refund_id as source_id,
        charge_id
    from {{ ref('stg_stripe__refunds') }}
    union all
    select
        dispute_id as source_id,
        charge_id
    from {{ ref('stg_stripe__disputes') }}

),

accounts as (

    select
        source_id as customer_id,
        account_key
    from {{ ref('account_sources') }}
    where source_system = 'stripe' and source_type = 'customer'

),

joined as (

    select
        entries.*,
        charges.charge_id,
        charges.customer_id,
        accounts.account_key,
        {{ require_rate('rates.rate', 'entries.currency', 'entries.occurred_on') }} as rate
    from entries
    left join sources on entries.source_id = sources.source_id
    left join charges on sources.charge_id = charges.charge_id
    left join accounts on charges.customer_id = accounts.customer_id
    left join {{ ref('int_rate_days') }} as rates
        on entries.currency = rates.currency and entries.occurred_on = rates.day

)

select
    cast({{ key(['balance_transaction_id']) }} as string) as cash_key,
    cast(balance_transaction_id as string) as balance_transaction_id,
    cast(coalesce(account_key, 'unknown') as string) as account_key,
    cast(customer_id as string) as customer_id,
    cast(charge_id as string) as charge_id,
    cast(occurred_on as date) as occurred_on,
    cast({{ local_date('available_at') }} as date) as available_on,
    cast(
        case
            when reporting_category like 'dispute%' then 'dispute'
            when type in ('charge', 'payment') then 'charge'
            when type in ('refund', 'payment_refund', 'refund_failure', 'payment_failure_refund') then 'refund'
            when type in ('stripe_fee', 'application_fee', 'tax_fee') or reporting_category = 'fee' then 'fee'
            else 'other'
        end
    as string) as kind,
    cast(type as string) as type,
    cast(reporting_category as string) as reporting_category,
    cast(currency as string) as currency,
    {{ money('amount') }} as amount_native,
    {{ money('coalesce(fee, 0)') }} as fee_native,
    {{ money('amount - coalesce(fee, 0)') }} as net_native,
    cast(rate as decimal(18, 12)) as rate,
    {{ convert('amount', 'rate') }} as amount,
    {{ convert('coalesce(fee, 0)', 'rate') }} as fee,
    {{ money(convert('amount', 'rate') ~ ' - ' ~ convert('coalesce(fee, 0)', 'rate')) }} as net
from joined
