-- grain: one month, account and step from MRR at the month's end to what was recognised
{{ config(schema='staging', meta=carried(
    by=['account_key', 'month'],
    keyed=['int_mrr_beside_revenue', 'int_mrr_pace', 'fct_account_months', 'int_bridge_recognised_end']
)) }}

with compared as (

    select * from {{ ref('int_mrr_beside_revenue') }}

),

closings as (

    select
        account_key,
        month,
        sum(mrr_close) as mrr_close
    from {{ ref('int_mrr_pace') }}
    group by account_key, month

),

steps as (

    -- subscriptions are converted one by one, and accounts as a whole
    select
        months.month,
        months.account_key,
        'step' as side,
        'rounding' as reason,
        closings.mrr_close - months.mrr as amount
    from {{ ref('fct_account_months') }} as months
    inner join closings on months.account_key = closings.account_key and months.month = closings.month
    where abs(closings.mrr_close - months.mrr) < 0.01
    union all
    select
        month,
        account_key,
        'step' as side,
        'month_not_over' as reason,
        shown - mrr_close as amount
    from compared
    where mrr_close is not null
    union all
    select
        month,
        account_key,
        'step' as side,
        'changes_within_the_month' as reason,
        pace - shown as amount
    from compared
    where mrr_close is not null
    union all
    select
        month,
        account_key,
        'step' as side,
        difference_reason as reason,
        case when has_licensed_mrr then listed - licensed_pace else recurring end as amount
    from compared
    where difference_reason is not null
    union all
    select
        month,
        account_key,
        'step' as side,
        'passing_discounts' as reason,
        net - listed as amount
    from compared
    where has_licensed_mrr and has_passing_discount
    union all
    select
        month,
        account_key,
        'step' as side,
        'exchange_rates' as reason,
        recurring - net as amount
    from compared
    where has_licensed_mrr
    union all
    -- by policy MRR has the use of the period before
    select
        month,
        account_key,
        'step' as side,
        'usage' as reason,
        usage - used_pace as amount
    from compared
    union all
    select
        month,
        account_key,
        'step' as side,
        'one_off' as reason,
        one_off as amount
    from compared
    union all
    select
        month,
        account_key,
        'from' as side,
        'mrr_end' as reason,
        mrr as amount
    from {{ ref('fct_account_months') }}
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
