-- grain: one month of settlement, source and measure: the billing system's balance against the facts
{{ config(schema='staging', meta=carried(
    by='month',
    keyed={'stg_stripe__balance_transactions': month_of(run_date('created_at'))},
    lookups={
        'fct_cash': {
            'on': 'balance_transaction_id', 'through': {'stg_stripe__balance_transactions': 'balance_transaction_id'}
        },
        'int_rate_days': {'whole': true, 'on': 'day', 'through': {'stg_stripe__balance_transactions': run_date('created_at')}},
    },
    due={'stg_stripe__balance_transactions': has_come('created_at')}
)) }}

with entries as (

    select
        entries.balance_transaction_id,
        entries.currency,
        {{ local_date('entries.created_at') }} as occurred_on,
        {{ money('entries.net') }} as net_native
    from {{ ref('stg_stripe__balance_transactions') }} as entries
    where
        not entries.is_deleted and entries.created_at <= {{ as_of() }}
        and coalesce(entries.type, '') not like 'payout%' and coalesce(entries.reporting_category, '') not like 'payout%'

),

compared as (

    select
        {{ month_of('entries.occurred_on') }} as month,
        {{ convert('entries.net_native', require_rate('rates.rate', 'entries.currency', 'entries.occurred_on')) }} as net,
        coalesce(cash.net, 0) as cash_net,
        {{ convert(
            'coalesce(cash.net_native, 0) - entries.net_native',
            require_rate('rates.rate', 'entries.currency', 'entries.occurred_on')
        ) }} as difference
    from entries
    left join {{ ref('fct_cash') }} as cash on entries.balance_transaction_id = cash.balance_transaction_id
    left join {{ ref('int_rate_days') }} as rates
        on entries.currency = rates.currency and entries.occurred_on = rates.day

)

select
    month,
    'stripe' as source,
    'cash' as measure,
    sum(net) as amount,
    0 as difference,
    false as is_remark,
    '' as reason
from compared
group by month

union all

select
    month,
    'fct_cash' as source,
    'cash' as measure,
    sum(cash_net) as amount,
    sum(difference) as difference,
    false as is_remark,
    'amount less fee is not the net that the billing system booked' as reason
from compared
group by month
