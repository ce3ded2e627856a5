-- the segments of each kind, unknown included, sum to everybody's figures to the last digit; spend is told apart by channel only
{% set everybody = [
    'customers_start', 'customers_new', 'customers_reactivated', 'customers_churned', 'customers_end', 'mrr_start', 'mrr_new',
    'mrr_expansion', 'mrr_contraction', 'mrr_churn', 'mrr_reactivation', 'mrr_fx', 'mrr_end', 'mrr_kept', 'mrr_kept_and_grown',
    'recognised_revenue', 'payment_fees', 'cost_of_revenue'
] %}
{% set spend = ['ad_spend', 'sales_marketing_cost'] %}

with totals as (

    select * from {{ ref('unit_economics_by_segment_monthly') }}
    where segment_type = 'all'

),

kinds as (

    select distinct segment_type from {{ ref('unit_economics_by_segment_monthly') }}
    where segment_type <> 'all'

),

summed as (

    select
        month,
        segment_type,
        {% for column in everybody + spend -%}
        sum({{ column }}) as {{ column }}{{ ',' if not loop.last }}
        {% endfor %}
    from {{ ref('unit_economics_by_segment_monthly') }}
    where segment_type <> 'all'
    group by month, segment_type

)

select
    totals.month,
    kinds.segment_type
from totals
cross join kinds
left join summed on totals.month = summed.month and kinds.segment_type = summed.segment_type
where
    {% for column in everybody -%}
    coalesce(totals.{{ column }}, 0) <> coalesce(summed.{{ column }}, 0) or
    {% endfor -%}
    (
        kinds.segment_type = 'channel'
        and (
            {% for column in spend -%}
            coalesce(totals.{{ column }}, 0) <> coalesce(summed.{{ column }}, 0){{ ' or' if not loop.last }}
            {% endfor %}
        )
    )
