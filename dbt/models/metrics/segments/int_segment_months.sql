-- grain: one month and segment about which anything is known; the total has every month
{{ config(schema='staging') }}

with keys as (

    select
        month,
        segment_type,
        segment
    from {{ ref('int_segment_openings') }}
    union
    select
        month,
        segment_type,
        segment
    from {{ ref('int_segment_flows') }}
    union
    select
        month,
        segment_type,
        segment
    from {{ ref('int_segment_costs') }}
    union
    select
        month,
        segment_type,
        segment
    from {{ ref('int_segment_spend') }}
    union
    select
        month,
        'all' as segment_type,
        'all' as segment
    from {{ ref('int_metric_months') }}

),

names as (

    select
        'owner' as segment_type,
        owner_id as segment,
        name as segment_name
    from {{ ref('dim_owners') }}
    union all
    select
        'channel' as segment_type,
        channel as segment,
        label as segment_name
    from {{ ref('dim_channels') }}

),

joined as (

    select
        keys.month,
        keys.segment_type,
        keys.segment,
        months.is_complete,
        coalesce(names.segment_name, keys.segment) as segment_name,
        {{ is_on(['stripe']) }} as is_billing_on,
        costs.is_costed,
        coalesce(openings.customers_start, 0) as customers_start,
        coalesce(flows.customers_new, 0) as customers_new,
        coalesce(flows.customers_reactivated, 0) as customers_reactivated,
        coalesce(flows.customers_churned, 0) as customers_churned,
        -- only plans change; the other segments are those of today
        case when keys.segment_type = 'plan' then coalesce(flows.customers_moved_in, 0) else 0 end as customers_moved_in,
        case when keys.segment_type = 'plan' then coalesce(openings.customers_moved_out, 0) else 0 end as customers_moved_out,
        coalesce(flows.customers_end, 0) as customers_end,
        coalesce(flows.arrivals, 0) as arrivals,
        coalesce(openings.mrr_start, 0) as mrr_start,
        coalesce(flows.mrr_new, 0) as mrr_new,
        coalesce(flows.mrr_expansion, 0) as mrr_expansion,
        coalesce(flows.mrr_contraction, 0) as mrr_contraction,
        coalesce(flows.mrr_churn, 0) as mrr_churn,
        coalesce(flows.mrr_reactivation, 0) as mrr_reactivation,
        coalesce(flows.mrr_fx, 0) as mrr_fx,
        case when keys.segment_type = 'plan' then coalesce(flows.mrr_moved_in, 0) else 0 end as mrr_moved_in,
        case when keys.segment_type = 'plan' then -coalesce(openings.mrr_moved_out, 0) else 0 end as mrr_moved_out,
        coalesce(flows.mrr_end, 0) as mrr_end,
        coalesce(openings.mrr_kept, 0) as mrr_kept,
        coalesce(openings.mrr_kept_and_grown, 0) as mrr_kept_and_grown,
        coalesce(flows.recognised_revenue, 0) as recognised_revenue,
        coalesce(segment_costs.payment_fees, 0) as payment_fees,
        case when costs.is_costed then coalesce(segment_costs.payment_fees, 0) + coalesce(segment_costs.shared_cost, 0) end
            as cost_of_revenue,
        -- a month that is kept in the ledger and has no spend on a channel had none
        case when keys.segment_type in ('channel', 'all') then
            coalesce(spend.ad_spend, case when costs.is_costed then 0 end)
        end as ad_spend,
        case when keys.segment_type in ('channel', 'all') and costs.is_costed then coalesce(spend.sales_marketing_cost, 0) end
            as sales_marketing_cost
    from keys
    inner join {{ ref('int_metric_months') }} as months on keys.month = months.month
    inner join {{ ref('int_monthly_costs') }} as costs on keys.month = costs.month
    left join names on keys.segment_type = names.segment_type and keys.segment = names.segment
    {% for part in ['openings', 'flows', 'spend'] -%}
    left join {{ ref('int_segment_' ~ part) }} as {{ part }}
        on keys.month = {{ part }}.month and keys.segment_type = {{ part }}.segment_type and keys.segment = {{ part }}.segment
    {% endfor -%}
    left join {{ ref('int_segment_costs') }} as segment_costs
        on keys.month = segment_costs.month and keys.segment_type = segment_costs.segment_type
            and keys.segment = segment_costs.segment

)

select
    *,
    customers_start + arrivals + customers_moved_in as n
from joined
