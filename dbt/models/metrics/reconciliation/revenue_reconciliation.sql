-- grain: one month, source and measure
with lines as (

    select * from {{ ref('int_reconciled_invoices') }}

),

notes as (

    select * from {{ ref('int_reconciled_credit_notes') }}

),

cash as (

    select * from {{ ref('int_reconciled_cash') }}

),

mrr as (

    select * from {{ ref('int_reconciled_mrr') }}

),

unioned as (

    select * from lines
    union all
    select * from notes
    union all
    select * from cash
    union all
    select * from mrr

)

select
    cast(month as date) as month,
    cast(source as string) as source,
    cast(measure as string) as measure,
    cast('{{ var("currency") | upper }}' as string) as currency,
    {{ round_money('amount') }} as amount,
    {{ round_money('difference') }} as difference,
    cast(case when {{ round_money('difference') }} <> 0 or is_remark then reason end as string) as reason,
    cast('{{ policy_version() }}' as string) as policy_version
from unioned
