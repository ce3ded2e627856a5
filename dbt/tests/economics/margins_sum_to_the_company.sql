-- revenue and its cost by account and by plan sum to the same figures, which the company's mart shows in whole cents
{% set columns = ['recognised_revenue', 'payment_fees', 'cost_of_revenue'] %}

with accounts as (

    select
        month,
        {% for column in columns -%}
        sum({{ column }}) as {{ column }}{{ ',' if not loop.last }}
        {% endfor %}
    from {{ ref('gross_margin_by_account_monthly') }}
    group by month

),

plans as (

    select
        month,
        {% for column in columns -%}
        sum({{ column }}) as {{ column }}{{ ',' if not loop.last }}
        {% endfor %}
    from {{ ref('gross_margin_by_plan_monthly') }}
    group by month

)

select companies.month
from {{ ref('unit_economics_monthly') }} as companies
left join accounts on companies.month = accounts.month
left join plans on companies.month = plans.month
where
    {% for column in columns -%}
    coalesce(accounts.{{ column }}, 0) <> coalesce(plans.{{ column }}, 0)
    or coalesce(companies.{{ column }}, 0) <> {{ round_money('coalesce(accounts.' ~ column ~ ', 0)') }}
    {{ 'or' if not loop.last }}
    {% endfor %}
