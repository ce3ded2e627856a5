-- grain: one month, source and measure: MRR at the month's end, arrived at in three ways
{{ config(schema='staging') }}

with rollforward as (

    select
        month,
        mrr_closing
    from {{ ref('mrr_rollforward') }}

),

closings as (

    select
        month,
        items_mrr,
        unbilled_mrr,
        accounts_mrr,
        sum(moved) over (order by month rows between unbounded preceding and current row) as moved_mrr
    from {{ ref('int_month_closings') }}

)

select
    month,
    'mrr_rollforward' as source,
    'mrr' as measure,
    mrr_closing as amount,
    0 as difference,
    false as is_remark,
    '' as reason
from rollforward

union all

select
    rollforward.month,
    'fct_account_months' as source,
    'mrr' as measure,
    closings.accounts_mrr as amount,
    {{ round_money('closings.accounts_mrr') }} - rollforward.mrr_closing as difference,
    false as is_remark,
    'account months do not sum to the roll-forward' as reason
from rollforward
inner join closings on rollforward.month = closings.month

union all

select
    rollforward.month,
    'fct_mrr_movements' as source,
    'mrr' as measure,
    closings.moved_mrr as amount,
    {{ round_money('closings.moved_mrr') }} - rollforward.mrr_closing as difference,
    false as is_remark,
    'all movements up to the month do not sum to the roll-forward' as reason
from rollforward
inner join closings on rollforward.month = closings.month

union all

select
    rollforward.month,
    'fct_subscription_periods' as source,
    'mrr' as measure,
    closings.items_mrr as amount,
    {{ round_money('closings.items_mrr') }} - rollforward.mrr_closing as difference,
    false as is_remark,
    'items in force on the last day do not sum to the roll-forward' as reason
from rollforward
inner join closings on rollforward.month = closings.month

union all

-- where the subscription says one thing and the invoices nothing, the subscription counts, and it shows here
select
    month,
    'fct_subscription_periods' as source,
    'mrr_without_invoice' as measure,
    unbilled_mrr as amount,
    0 as difference,
    true as is_remark,
    'known from the subscription itself; no invoice shows this state' as reason
from closings
where unbilled_mrr <> 0
