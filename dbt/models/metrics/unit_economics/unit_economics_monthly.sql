-- grain: one month
with valued as (

    select * from {{ ref('int_unit_economics') }}

)

select
    cast(month as date) as month,
    is_complete,
    cast('{{ var("currency") | upper }}' as string) as currency,
    cast('{{ policy_version() }}' as string) as policy_version,
    cast(customers_start as bigint) as customers_start,
    cast(customers_new as bigint) as customers_new,
    cast(customers_reactivated as bigint) as customers_reactivated,
    cast(customers_churned as bigint) as customers_churned,
    cast(customers_end as bigint) as customers_end,
    customer_churn_rate,
    {{ ratio('customers_churned', 'customers_start + customers_new') }} as customer_churn_rate_with_new,
    cast(case
        when not is_billing_on then 'billing is not connected'
        when customers_start = 0 then 'no customers at the start'
    end as string) as customer_churn_rate_reason,
    cast(case
        when not is_billing_on then 'billing is not connected'
        when customers_start + customers_new = 0 then 'no customers'
    end as string) as customer_churn_rate_with_new_reason,
    mrr_start,
    mrr_end,
    {{ money('mrr_end * 12') }} as arr,
    mrr_new,
    arpa,
    recognised_revenue,
    revenue_per_customer,
    cast(case
        when not is_billing_on then 'billing is not connected'
        when customers_end = 0 then 'no customers at the end'
    end as string) as arpa_reason,
    cast(case
        when not is_billing_on then 'billing is not connected'
        when customers_end = 0 then 'no customers at the end'
    end as string) as revenue_per_customer_reason,
    payment_fees,
    cost_of_revenue,
    {{ money('gross_margin_amount') }} as gross_margin_amount,
    gross_margin,
    cast(case
        when not is_billing_on then 'billing is not connected'
        when not is_costed then 'no costs in the ledger for this month'
        when recognised_revenue <= 0 then 'no revenue'
    end as string) as gross_margin_reason,
    operating_cost,
    {{ money('profit') }} as profit,
    cast(case
        when not is_billing_on then 'billing is not connected'
        when not is_costed then 'no costs in the ledger for this month'
    end as string) as profit_reason,
    ad_spend,
    programme_spend,
    sales_marketing_cost,
    cac_paid,
    cac_blended,
    cac_fully_loaded,
    cac_lagged,
    lagged_cost as cac_lagged_cost,
    cast(lag_months as integer) as cac_lag_months,
    cast(case
        when not is_billing_on then 'billing is not connected'
        when customers_new = 0 then 'no new customers'
        when ad_spend is null then 'no spend in the ledger for this month'
    end as string) as cac_paid_reason,
    cast(case
        when not is_billing_on then 'billing is not connected'
        when customers_new = 0 then 'no new customers'
        when not is_costed then 'no costs in the ledger for this month'
    end as string) as cac_blended_reason,
    cast(case
        when not is_billing_on then 'billing is not connected'
        when customers_new = 0 then 'no new customers'
        when not is_costed then 'no costs in the ledger for this month'
    end as string) as cac_fully_loaded_reason,
    cast(case
        when not is_billing_on then 'billing is not connected'
        when lag_months is null then 'no deal has been won'
        when customers_new = 0 then 'no new customers'
        when lagged_cost is null then 'no costs in the ledger for the month of the spend'
    end as string) as cac_lagged_reason,
    mrr_per_new_customer,
    case when gross_margin > 0 then
        {{ ratio('cac_fully_loaded', 'cast(mrr_per_new_customer as double) * gross_margin') }}
    end as cac_payback_months,
    cast(case
        when cac_fully_loaded is null then 'no cost of acquisition'
        when gross_margin is null then 'gross margin unknown'
        when gross_margin <= 0 then 'gross margin is not positive'
        when mrr_per_new_customer = 0 then 'new customers brought no recurring revenue'
    end as string) as cac_payback_months_reason,
    {{ money('clv') }} as clv,
    {{ ratio('extrapolated_months', 'lifetime_months') }} as clv_extrapolated_share,
    lifetime_months as clv_lifetime_months,
    margin_3_months as clv_gross_margin,
    {{ money('clv_simple') }} as clv_simple,
    cast(case
        when clv is not null then null
        when customers_end is null then 'billing is not connected'
        when customers_end = 0 then 'no customers at the end'
        when losses = 0 then 'no customer has left yet'
        else 'gross margin unknown'
    end as string) as clv_reason,
    cast(case
        when clv_simple is not null then null
        when customers_start is null then 'billing is not connected'
        when customers_start = 0 then 'no customers at the start'
        when customers_churned = 0 then 'nobody left'
        when arpa is null then 'no customers at the end'
        else 'gross margin unknown'
    end as string) as clv_simple_reason,
    case when customers_new >= {{ var('minimum_new_customers') }} then {{ ratio('clv', 'cac_fully_loaded') }} end as ltv_to_cac,
    cast(case
        when clv is null then 'no lifetime value'
        when cac_fully_loaded is null then 'no cost of acquisition'
        when cac_fully_loaded = 0 then 'acquisition cost nothing'
        when customers_new < {{ var('minimum_new_customers') }} then 'fewer than {{ var("minimum_new_customers") }} new customers'
    end as string) as ltv_to_cac_reason,
    cast(leads_created as bigint) as leads_created,
    cast(leads_converted as bigint) as leads_converted,
    case when are_leads_mature and is_billing_on then {{ ratio('leads_converted', 'leads_created') }} end as lead_conversion_rate,
    cast(case
        when not are_leads_on then 'neither CRM nor email marketing is connected'
        when not is_billing_on then 'billing is not connected'
        when not are_leads_mature then 'not every lead is {{ var("lead_conversion_days") }} days old'
        when leads_created = 0 then 'no leads'
    end as string) as lead_conversion_rate_reason,
    {{ round_money('mrr_kept') }} as mrr_kept,
    {{ round_money('mrr_kept_and_grown') }} as mrr_kept_and_grown,
    {{ if_on(['stripe'], ratio('mrr_kept', 'cohort_mrr')) }} as gross_revenue_retention,
    {{ if_on(['stripe'], ratio('mrr_kept_and_grown', 'cohort_mrr')) }} as net_revenue_retention,
    cast(case
        when not is_billing_on then 'billing is not connected'
        when cohort_mrr = 0 then 'no customers at the start'
    end as string) as gross_revenue_retention_reason,
    cast(case
        when not is_billing_on then 'billing is not connected'
        when cohort_mrr = 0 then 'no customers at the start'
    end as string) as net_revenue_retention_reason
from valued
