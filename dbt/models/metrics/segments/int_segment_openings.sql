-- grain: one month and segment, with the customers of its start and what became of their MRR
{{ config(schema='staging', meta=carried(by='month', keyed=['fct_account_months', 'int_account_month_segments'])) }}

with openings as (

    select
        months.month,
        months.mrr_opening,
        months.mrr_constant,
        segments.plan_open as plan,
        {% for type in segment_types() if type != 'plan' %}
            segments.{{ type }},
        {% endfor %}
        segments.plan_open <> segments.plan as is_moved
    from {{ ref('fct_account_months') }} as months
    inner join {{ ref('int_account_month_segments') }} as segments
        on months.account_key = segments.account_key and months.month = segments.month
    where months.is_customer_at_start

)

select
    month,
    {{ segment_type() }} as segment_type,
    {{ segment() }} as segment,
    count(*) as customers_start,
    sum(case when is_moved then 1 else 0 end) as customers_moved_out,
    sum(mrr_opening) as mrr_start,
    sum(case when is_moved then mrr_opening else 0 end) as mrr_moved_out,
    sum(least(mrr_opening, mrr_constant)) as mrr_kept,
    sum(mrr_constant) as mrr_kept_and_grown
from openings
group by {{ segment_sets(['month']) }}  -- noqa: PRS
