-- grain: one month
with months as (

    select * from {{ ref('int_metric_months') }}

),

movements as (

    select
        {{ month_of('moved_on') }} as month,
        sum(case when movement = 'new' then amount else 0 end) as mrr_new,
        sum(case when movement = 'expansion' then amount else 0 end) as mrr_expansion,
        sum(case when movement = 'contraction' then amount else 0 end) as mrr_contraction,
        sum(case when movement = 'churn' then amount else 0 end) as mrr_churn,
        sum(case when movement = 'reactivation' then amount else 0 end) as mrr_reactivation,
        sum(case when movement = 'fx' then amount else 0 end) as mrr_fx
    from {{ ref('fct_mrr_movements') }}
    group by 1

),

closings as (

    select
        month,
        sum(mrr) as mrr,
        sum(mrr_committed) as mrr_committed,
        sum(mrr_at_risk) as mrr_at_risk,
        sum(usage_mrr) as usage_mrr
    from {{ ref('fct_account_months') }}
    group by month

),

exact as (

    select
        months.month,
        months.is_complete,
        coalesce(lag(closings.mrr) over (order by months.month), 0) as opening,
        coalesce(movements.mrr_new, 0) as new,
        coalesce(movements.mrr_expansion, 0) as expansion,
        coalesce(movements.mrr_contraction, 0) as contraction,
        coalesce(movements.mrr_churn, 0) as churn,
        coalesce(movements.mrr_reactivation, 0) as reactivation,
        coalesce(movements.mrr_fx, 0) as fx,
        coalesce(closings.mrr, 0) as closing,
        coalesce(closings.mrr_committed, 0) as committed,
        coalesce(closings.mrr_at_risk, 0) as at_risk,
        coalesce(closings.usage_mrr, 0) as usage
    from months
    left join movements on months.month = movements.month
    left join closings on months.month = closings.month

),

-- what is shown is the difference of rounded running totals, so that a month foots to the last digit
cascade as (

    select
        *,
        {{ round_money('opening') }} as shown_0,
        {{ round_money('opening + new') }} as shown_1,
        {{ round_money('opening + new + expansion') }} as shown_2,
        {{ round_money('opening + new + expansion + contraction') }} as shown_3,
        {{ round_money('opening + new + expansion + contraction + churn') }} as shown_4,
        {{ round_money('opening + new + expansion + contraction + churn + reactivation') }} as shown_5,
        {{ round_money('opening + new + expansion + contraction + churn + reactivation + fx') }} as shown_6,
        {{ round_money('closing') }} as shown_closing
    from exact

)

select
    cast(month as date) as month,
    is_complete,
    cast('{{ var("currency") | upper }}' as string) as currency,
    {{ money('shown_0') }} as mrr_opening,
    {{ money('shown_1 - shown_0') }} as mrr_new,
    {{ money('shown_2 - shown_1') }} as mrr_expansion,
    {{ money('shown_3 - shown_2') }} as mrr_contraction,
    {{ money('shown_4 - shown_3') }} as mrr_churn,
    {{ money('shown_5 - shown_4') }} as mrr_reactivation,
    {{ money('shown_6 - shown_5') }} as mrr_fx,
    {{ money('0') }} as mrr_restatement,
    {{ money('shown_closing') }} as mrr_closing,
    {{ money('shown_6 - shown_closing') }} as difference,
    {{ round_money('committed') }} as mrr_committed_end,
    {{ round_money('at_risk') }} as mrr_at_risk_end,
    {{ round_money('usage') }} as usage_mrr_end,
    cast('{{ policy_version() }}' as string) as policy_version
from cascade
