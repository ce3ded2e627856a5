-- new and won back less left make the change in customers; retention keeps its bounds
with moves as (

    select
        {{ month_of('moved_on') }} as month,
        sum(case movement when 'new' then 1 when 'reactivation' then 1 when 'churn' then -1 else 0 end) as change
    from {{ ref('fct_mrr_movements') }}
    group by 1

)

select
    marts.month,
    marts.customers_start,
    marts.customers_end,
    moves.change,
    marts.gross_revenue_retention,
    marts.net_revenue_retention
from {{ ref('unit_economics_monthly') }} as marts
left join moves on marts.month = moves.month
where
    marts.customers_start + coalesce(moves.change, 0) <> marts.customers_end
    or marts.gross_revenue_retention < 0
    or marts.gross_revenue_retention > 1
    or marts.gross_revenue_retention > marts.net_revenue_retention + 0.000000001
