-- grain: one month and segment, with the cost of its revenue
{{ config(schema='staging', meta=carried(
    by='month',
    keyed=['gross_margin_by_account_monthly', 'int_account_month_segments'],
    lookups={
        'int_account_segments': {'on': 'account_key', 'through': {'gross_margin_by_account_monthly': 'account_key'}}
    }
)) }}

with margins as (

    select
        margins.month,
        coalesce(months.plan, 'unknown') as plan,
        {% for type in segment_types() if type != 'plan' %}
            segments.{{ type }},
        {% endfor %}
        margins.payment_fees,
        margins.shared_cost
    from {{ ref('gross_margin_by_account_monthly') }} as margins
    inner join {{ ref('int_account_segments') }} as segments on margins.account_key = segments.account_key
    left join {{ ref('int_account_month_segments') }} as months
        on margins.account_key = months.account_key and margins.month = months.month

)

select
    month,
    {{ segment_type() }} as segment_type,
    {{ segment() }} as segment,
    sum(payment_fees) as payment_fees,
    sum(shared_cost) as shared_cost
from margins
group by {{ segment_sets(['month']) }}  -- noqa: PRS
