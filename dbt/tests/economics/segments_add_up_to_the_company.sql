-- the total of the segment mart is the company's mart, which shows whole cents
select
    companies.month,
    companies.mrr_end,
    totals.mrr_end as segments_mrr_end
from {{ ref('unit_economics_monthly') }} as companies
left join {{ ref('unit_economics_by_segment_monthly') }} as totals
    on companies.month = totals.month and totals.segment_type = 'all'
where
    totals.month is null
    {% for column in ['customers_start', 'customers_new', 'customers_reactivated', 'customers_churned', 'customers_end'] -%}
    or coalesce(companies.{{ column }}, -1) <> coalesce(totals.{{ column }}, -1)
    {% endfor -%}
    {% for column in [
        'mrr_start', 'mrr_end', 'mrr_kept', 'mrr_kept_and_grown', 'recognised_revenue', 'payment_fees', 'cost_of_revenue',
        'ad_spend', 'sales_marketing_cost'
    ] if column not in ['mrr_kept', 'mrr_kept_and_grown'] or 'stripe' in var('sources_on') -%}
    or coalesce(companies.{{ column }}, -1) <> coalesce({{ round_money('totals.' ~ column) }}, -1)
    {% endfor %}
