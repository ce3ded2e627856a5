-- grain: one cost of a month, category and vendor
{{ config(meta=timed({
    'stg_ledger__costs': day_turns() ~ ' and ' ~ month_end('month') ~ ' > ' ~ run_date(':since')
})) }}

with costs as (

    select
        *,
        {{ month_of('month') }} as cost_month,
        least({{ month_end('month') }}, {{ as_of_date() }}) as rated_on
    from {{ ref('stg_ledger__costs') }}
    where not is_deleted

),

rated as (

    select
        costs.*,
        {{ require_rate('rates.rate', 'costs.currency', 'costs.rated_on') }} as rate
    from costs
    left join {{ ref('int_rate_days') }} as rates on costs.currency = rates.currency and costs.rated_on = rates.day

)

select
    cast({{ key(['cost_id']) }} as string) as cost_key,
    cast(cost_id as string) as cost_id,
    cast(cost_month as date) as month,
    cast(category as string) as category,
    cast(
        case
            when category in (
                {%- for category in var('cost_of_revenue_categories') %}
                '{{ category }}'{{ ',' if not loop.last }}
                {%- endfor %}
            ) then 'cost_of_revenue'
            when category in (
                {%- for category in var('sales_marketing_categories') %}
                '{{ category }}'{{ ',' if not loop.last }}
                {%- endfor %}
            ) then 'sales_marketing'
            else 'operating'
        end
    as string) as cost_group,
    cast(vendor as string) as vendor,
    cast(currency as string) as currency,
    {{ money('amount') }} as amount_native,
    {{ convert('amount', 'rate') }} as amount
from rated
