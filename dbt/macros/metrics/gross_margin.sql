{#- Gross margin by month and one column of `int_margin_parts` (account_key or plan), from its parts. -#}
{% macro gross_margin_by(column, alias) -%}
with parts as (

    select * from {{ ref('int_margin_parts') }}
    where {{ is_on(['stripe']) }}

),

summed as (

    select
        month,
        {{ column }},
        count(distinct case when recognised_revenue > 0 then account_key end) as accounts,
        sum(recognised_revenue) as recognised_revenue,
        sum(payment_fees) as payment_fees,
        case when count(shared_cost) = count(*) then sum(shared_cost) end as shared_cost
    from parts
    group by month, {{ column }}

),

margins as (

    select
        *,
        payment_fees + shared_cost as cost_of_revenue,
        recognised_revenue - payment_fees - shared_cost as gross_margin_amount
    from summed

)

select
    cast(month as date) as month,
    {{ month_end('month') }} < {{ as_of_date() }} as is_complete,
    cast({{ column }} as string) as {{ alias }},
    cast('{{ var("currency") | upper }}' as string) as currency,
    {{ money('recognised_revenue') }} as recognised_revenue,
    {{ money('payment_fees') }} as payment_fees,
    {{ money('shared_cost') }} as shared_cost,
    {{ money('cost_of_revenue') }} as cost_of_revenue,
    {{ money('gross_margin_amount') }} as gross_margin_amount,
    case when recognised_revenue > 0 then {{ ratio('gross_margin_amount', 'recognised_revenue') }} end as gross_margin,
    cast(case
        when shared_cost is null then 'no costs in the ledger for this month'
        when recognised_revenue <= 0 then 'no revenue'
    end as string) as gross_margin_reason,
    {%- if caller is defined %}
    {{ caller() }}
    {%- endif %}
    cast('{{ policy_version() }}' as string) as policy_version
from margins
{%- endmacro %}
