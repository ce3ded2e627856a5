-- grain: one month, source and measure: MRR at the month's end, arrived at in three ways
{{ config(schema='staging') }}

with months as (

    select * from {{ ref('int_metric_months') }}

),

rollforward as (

    select
        month,
        mrr_closing
    from {{ ref('mrr_rollforward') }}

),

-- the state on the last day, summed up from the items
live as (

    select
        months.month,
        months.shown_through,
        periods.account_key,
        periods.currency,
        sum(periods.mrr_native) as mrr_native,
        sum(
            case
                when periods.evidence in ('invoice_line', 'proration') or periods.usage_mrr_native <> 0 then 0
                else periods.mrr_native
            end
        ) as unbilled_native
    from months
    inner join {{ ref('fct_subscription_periods') }} as periods
        on
            periods.starts_on <= months.shown_through
            and (periods.ends_on is null or periods.ends_on > months.shown_through)
    where periods.mrr_native <> 0
    group by months.month, months.shown_through, periods.account_key, periods.currency

),

converted as (

    select
        live.month,
        {{ convert('live.mrr_native', require_rate('rates.rate', 'live.currency', 'live.shown_through')) }} as mrr,
        {{ convert('live.unbilled_native', require_rate('rates.rate', 'live.currency', 'live.shown_through')) }} as unbilled
    from live
    left join {{ ref('int_rate_days') }} as rates on live.currency = rates.currency and live.shown_through = rates.day

),

from_items as (

    select
        month,
        sum(mrr) as mrr,
        sum(unbilled) as unbilled
    from converted
    group by month

),

from_accounts as (

    select
        month,
        sum(mrr) as mrr
    from {{ ref('fct_account_months') }}
    group by month

),

moved as (

    select
        {{ month_of('moved_on') }} as month,
        sum(amount) as amount
    from {{ ref('fct_mrr_movements') }}
    group by 1

),

from_movements as (

    select
        months.month,
        sum(coalesce(moved.amount, 0)) over (order by months.month rows between unbounded preceding and current row) as mrr
    from months
    left join moved on months.month = moved.month

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
    coalesce(from_accounts.mrr, 0) as amount,
    {{ round_money('coalesce(from_accounts.mrr, 0)') }} - rollforward.mrr_closing as difference,
    false as is_remark,
    'account months do not sum to the roll-forward' as reason
from rollforward
left join from_accounts on rollforward.month = from_accounts.month

union all

select
    rollforward.month,
    'fct_mrr_movements' as source,
    'mrr' as measure,
    from_movements.mrr as amount,
    {{ round_money('from_movements.mrr') }} - rollforward.mrr_closing as difference,
    false as is_remark,
    'all movements up to the month do not sum to the roll-forward' as reason
from rollforward
inner join from_movements on rollforward.month = from_movements.month

union all

select
    rollforward.month,
    'fct_subscription_periods' as source,
    'mrr' as measure,
    coalesce(from_items.mrr, 0) as amount,
    {{ round_money('coalesce(from_items.mrr, 0)') }} - rollforward.mrr_closing as difference,
    false as is_remark,
    'items in force on the last day do not sum to the roll-forward' as reason
from rollforward
left join from_items on rollforward.month = from_items.month

union all

-- where the subscription says one thing and the invoices nothing, the subscription counts, and it shows here
select
    month,
    'fct_subscription_periods' as source,
    'mrr_without_invoice' as measure,
    unbilled as amount,
    0 as difference,
    true as is_remark,
    'known from the subscription itself; no invoice shows this state' as reason
from from_items
where unbilled <> 0
