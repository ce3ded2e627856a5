-- grain: one month
with economics as (

    select * from {{ ref('unit_economics_monthly') }}

),

rollforward as (

    select * from {{ ref('mrr_rollforward') }}

),

joined as (

    select
        economics.month,
        economics.is_complete,
        economics.mrr_start,
        economics.mrr_end,
        economics.sales_marketing_cost,
        {{ is_on(['stripe']) }} as is_billing_on,
        {% for movement in ['new', 'expansion', 'contraction', 'churn', 'reactivation', 'fx'] -%}
        {{ if_on(['stripe'], 'rollforward.mrr_' ~ movement) }} as mrr_{{ movement }},
        {% endfor -%}
        lag(economics.mrr_end, 3) over (order by economics.month) as mrr_quarter_ago,
        count(economics.sales_marketing_cost) over (order by economics.month rows between 5 preceding and 3 preceding)
            as costed_months,
        sum(economics.sales_marketing_cost) over (order by economics.month rows between 5 preceding and 3 preceding) as cost
    from economics
    inner join rollforward on economics.month = rollforward.month

),

derived as (

    select
        *,
        -(mrr_contraction + mrr_churn) as mrr_lost,
        -(mrr_contraction + mrr_churn + mrr_expansion + mrr_reactivation) as mrr_lost_net,
        mrr_new + mrr_expansion + mrr_reactivation as mrr_gained,
        (mrr_end - mrr_quarter_ago) * 12 as arr_growth,
        case when costed_months = 3 then cost end as quarter_cost
    from joined

)

select
    cast(month as date) as month,
    is_complete,
    cast('{{ var("currency") | upper }}' as string) as currency,
    {{ money('mrr_start') }} as mrr_start,
    {{ money('mrr_new') }} as mrr_new,
    {{ money('mrr_expansion') }} as mrr_expansion,
    {{ money('mrr_contraction') }} as mrr_contraction,
    {{ money('mrr_churn') }} as mrr_churn,
    {{ money('mrr_reactivation') }} as mrr_reactivation,
    {{ money('mrr_fx') }} as mrr_fx,
    {{ money('mrr_end') }} as mrr_end,
    {{ money('mrr_lost') }} as mrr_lost,
    {{ money('mrr_lost_net') }} as mrr_lost_net,
    {{ ratio('mrr_lost', 'mrr_start') }} as gross_revenue_churn_rate,
    {{ ratio('mrr_lost_net', 'mrr_start') }} as net_revenue_churn_rate,
    cast(case
        when not is_billing_on then 'billing is not connected'
        when mrr_start = 0 then 'no customers at the start'
    end as string) as revenue_churn_rate_reason,
    {{ money('mrr_gained') }} as mrr_gained,
    {{ ratio('mrr_gained', 'mrr_lost') }} as quick_ratio,
    cast(case
        when not is_billing_on then 'billing is not connected'
        when mrr_lost = 0 then 'nothing was lost'
    end as string) as quick_ratio_reason,
    {{ money('arr_growth') }} as magic_number_arr_growth,
    {{ money('quarter_cost') }} as magic_number_cost,
    {{ ratio('arr_growth', 'quarter_cost') }} as magic_number,
    cast(case
        when not is_billing_on then 'billing is not connected'
        when mrr_quarter_ago is null then 'no month a quarter ago'
        when quarter_cost is null then 'no costs in the ledger for a month of the quarter before'
        when quarter_cost = 0 then 'nothing was spent in the quarter before'
    end as string) as magic_number_reason,
    cast('{{ policy_version() }}' as string) as policy_version
from derived
