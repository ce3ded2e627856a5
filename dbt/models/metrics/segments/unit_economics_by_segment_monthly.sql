-- grain: one month and segment of a kind of segment; segment_type all has everybody
with months as (

    select
        months.*,
        lifetimes.is_hidden,
        lifetimes.losses,
        lifetimes.lifetime_months,
        lifetimes.margin_3_months,
        lifetimes.extrapolated_share,
        {{ if_on(['stripe'], 'lifetimes.clv') }} as clv,
        {{ if_on(['stripe'], money_per('months.ad_spend', 'months.customers_new')) }} as cac_paid
    from {{ ref('int_segment_months') }} as months
    inner join {{ ref('int_segment_lifetimes') }} as lifetimes
        on
            months.month = lifetimes.month
            and months.segment_type = lifetimes.segment_type
            and months.segment = lifetimes.segment

)

select
    cast(month as date) as month,
    is_complete,
    cast(segment_type as string) as segment_type,
    cast(segment as string) as segment,
    cast(segment_name as string) as segment_name,
    cast('{{ var("currency") | upper }}' as string) as currency,
    {% for column in [
        'n', 'customers_start', 'customers_new', 'customers_reactivated', 'customers_churned', 'customers_moved_in',
        'customers_moved_out', 'customers_end'
    ] -%}
    cast({{ if_on(['stripe'], column) }} as bigint) as {{ column }},
    {% endfor -%}
    n < {{ var('minimum_segment_accounts') }} as is_small,
    {% for column in [
        'mrr_start', 'mrr_new', 'mrr_expansion', 'mrr_contraction', 'mrr_churn', 'mrr_reactivation', 'mrr_fx', 'mrr_moved_in',
        'mrr_moved_out', 'mrr_end', 'mrr_kept', 'mrr_kept_and_grown', 'recognised_revenue', 'payment_fees', 'cost_of_revenue'
    ] -%}
    {{ money(if_on(['stripe'], column)) }} as {{ column }},
    {% endfor -%}
    {{ if_on(['stripe'], ratio('customers_churned', 'customers_start')) }} as customer_churn_rate,
    cast(case
        when not is_billing_on then 'billing is not connected'
        when customers_start = 0 then 'no customers at the start'
    end as string) as customer_churn_rate_reason,
    {{ if_on(['stripe'], money_per('mrr_end', 'customers_end')) }} as arpa,
    cast(case
        when not is_billing_on then 'billing is not connected'
        when customers_end = 0 then 'no customers at the end'
    end as string) as arpa_reason,
    {{ if_on(['stripe'], ratio('mrr_kept', 'mrr_start')) }} as gross_revenue_retention,
    {{ if_on(['stripe'], ratio('mrr_kept_and_grown', 'mrr_start')) }} as net_revenue_retention,
    cast(case
        when not is_billing_on then 'billing is not connected'
        when mrr_start = 0 then 'no customers at the start'
    end as string) as revenue_retention_reason,
    case when recognised_revenue > 0 then
        {{ if_on(['stripe'], ratio('recognised_revenue - cost_of_revenue', 'recognised_revenue')) }}
    end as gross_margin,
    cast(case
        when not is_billing_on then 'billing is not connected'
        when not is_costed then 'no costs in the ledger for this month'
        when recognised_revenue <= 0 then 'no revenue'
    end as string) as gross_margin_reason,
    {{ money('ad_spend') }} as ad_spend,
    {{ money('sales_marketing_cost') }} as sales_marketing_cost,
    cac_paid,
    cast(case
        when segment_type not in ('channel', 'all') then 'spend is not known by this kind of segment'
        when segment = 'unallocated' then 'serves all channels'
        when not is_billing_on then 'billing is not connected'
        when customers_new = 0 then 'no new customers'
        when ad_spend is null then 'no spend in the ledger for this month'
    end as string) as cac_paid_reason,
    {{ money('clv') }} as clv,
    extrapolated_share as clv_extrapolated_share,
    lifetime_months as clv_lifetime_months,
    margin_3_months as clv_gross_margin,
    cast(case
        when clv is not null then null
        when not is_billing_on then 'billing is not connected'
        when customers_end = 0 then 'no customers at the end'
        when is_hidden then 'fewer than {{ var("minimum_segment_accounts") }} accounts'
        when losses = 0 then 'no customer has left yet'
        else 'gross margin unknown'
    end as string) as clv_reason,
    case when customers_new >= {{ var('minimum_new_customers') }} then {{ ratio('clv', 'cac_paid') }} end as ltv_to_cac_paid,
    cast(case
        when segment_type not in ('channel', 'all') then 'spend is not known by this kind of segment'
        when clv is null then 'no lifetime value'
        when cac_paid is null then 'no cost of acquisition'
        when cac_paid = 0 then 'acquisition cost nothing'
        when customers_new < {{ var('minimum_new_customers') }} then 'fewer than {{ var("minimum_new_customers") }} new customers'
    end as string) as ltv_to_cac_paid_reason,
    cast('{{ policy_version() }}' as string) as policy_version
from months
