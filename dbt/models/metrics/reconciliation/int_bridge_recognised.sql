-- grain: one month, account and step from what was invoiced to what was recognised
{{ config(schema='staging', meta=carried(
    by=['account_key', 'month'],
    keyed={
        'int_compared_invoices': ['account_key', 'month'],
        'fct_revenue': [['account_key', 'month'], ['account_key', month_of('invoiced_on')]],
        'int_bridge_recognised_end': ['account_key', 'month'],
    }
)) }}

-- lines that do not sum to their invoice are no rounding, and so stay without a reason
with compared as (

    select
        month,
        account_key,
        invoiced,
        on_lines - invoiced - lines_difference as rounding
    from {{ ref('int_compared_invoices') }}

),

revenue as (

    select
        account_key,
        {{ month_of('invoiced_on') }} as invoice_month,
        month as service_month,
        is_future,
        sum(amount) as amount
    from {{ ref('fct_revenue') }}
    where kind = 'invoice_line'
    group by 1, 2, 3, 4

),

steps as (

    select
        month,
        account_key,
        'from' as side,
        'invoiced' as reason,
        invoiced as amount
    from compared
    union all
    select
        month,
        account_key,
        'step' as side,
        'rounding' as reason,
        rounding as amount
    from compared
    union all
    -- seen from the invoice's month
    select
        invoice_month as month,
        account_key,
        'step' as side,
        case when is_future or service_month > invoice_month then 'deferred' else 'earned_before_invoice' end as reason,
        -amount as amount
    from revenue
    where is_future or service_month <> invoice_month
    union all
    -- seen from the service's month
    select
        service_month as month,
        account_key,
        'step' as side,
        case when service_month > invoice_month then 'deferred_earlier' else 'earned_before_invoice' end as reason,
        amount
    from revenue
    where not is_future and service_month <> invoice_month
    union all
    select
        month,
        account_key,
        side,
        reason,
        amount
    from {{ ref('int_bridge_recognised_end') }}

)

select
    month,
    account_key,
    side,
    reason,
    sum(amount) as amount
from steps
group by month, account_key, side, reason
