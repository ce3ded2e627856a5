-- grain: one month, with its MRR at the end by items and by accounts, and what moved within it
{{ config(schema='staging', meta=carried(
    by='month',
    keyed={
        'int_metric_months': 'month',
        'int_live_mrr': 'month',
        'fct_account_months': 'month',
        'fct_mrr_movements': month_of('moved_on'),
    },
    lookups={'int_rate_days': {'whole': true, 'on': 'day', 'through': {'int_metric_months': 'shown_through'}}}
)) }}

with months as (

    select * from {{ ref('int_metric_months') }}

),

converted as (

    select
        live.month,
        {{ convert('live.mrr_native', require_rate('rates.rate', 'live.currency', 'months.shown_through')) }} as mrr,
        {{ convert('live.unbilled_native', require_rate('rates.rate', 'live.currency', 'months.shown_through')) }} as unbilled
    from {{ ref('int_live_mrr') }} as live
    inner join months on live.month = months.month
    left join {{ ref('int_rate_days') }} as rates on live.currency = rates.currency and months.shown_through = rates.day

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

)

select
    months.month,
    coalesce(from_items.mrr, 0) as items_mrr,
    coalesce(from_items.unbilled, 0) as unbilled_mrr,
    coalesce(from_accounts.mrr, 0) as accounts_mrr,
    coalesce(moved.amount, 0) as moved
from months
left join from_items on months.month = from_items.month
left join from_accounts on months.month = from_accounts.month
left join moved on months.month = moved.month
