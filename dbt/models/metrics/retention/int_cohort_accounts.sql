-- grain: one account that became a customer, with its cohort: month, first MRR, and the segments it started in
{{ config(schema='staging', meta=carried(by='account_key', keyed=['fct_mrr_movements', 'int_account_month_segments'])) }}

with beginnings as (

    select
        account_key,
        moved_on,
        amount
    from {{ ref('fct_mrr_movements') }}
    where movement = 'new'

),

leavings as (

    select
        account_key,
        min({{ month_of('moved_on') }}) as left_month
    from {{ ref('fct_mrr_movements') }}
    where movement = 'churn'
    group by account_key

)

select
    beginnings.account_key,
    {{ month_of('beginnings.moved_on') }} as cohort_month,
    leavings.left_month,
    beginnings.amount as mrr_start,
    {{ segment_columns('segments') }}
from beginnings
inner join {{ ref('int_account_month_segments') }} as segments
    on
        beginnings.account_key = segments.account_key
        and {{ month_of('beginnings.moved_on') }} = segments.month
left join leavings on beginnings.account_key = leavings.account_key
