-- grain: one month, with everything that a unit economics figure is made of
{{ config(schema='staging') }}

with months as (

    select * from {{ ref('int_metric_months') }}

),

joined as (

    select
        months.month,
        months.is_complete,
        months.last_day,
        {{ is_on(['stripe']) }} as is_billing_on,
        {{ is_on(['hubspot', 'encharge']) }} as are_leads_on,
        {{ if_on(['stripe'], 'customers.customers_start') }} as customers_start,
        {{ if_on(['stripe'], 'customers.customers_new') }} as customers_new,
        {{ if_on(['stripe'], 'customers.customers_reactivated') }} as customers_reactivated,
        {{ if_on(['stripe'], 'customers.customers_churned') }} as customers_churned,
        {{ if_on(['stripe'], 'customers.customers_end') }} as customers_end,
        {{ if_on(['stripe'], 'rollforward.mrr_opening') }} as mrr_start,
        {{ if_on(['stripe'], 'rollforward.mrr_closing') }} as mrr_end,
        {{ if_on(['stripe'], 'rollforward.mrr_new') }} as mrr_new,
        {{ if_on(['stripe'], 'customers.recognised_revenue') }} as recognised_revenue,
        customers.mrr_opening as cohort_mrr,
        customers.mrr_kept,
        customers.mrr_kept_and_grown,
        costs.is_costed,
        {{ if_on(['stripe'], 'costs.payment_fees') }} as payment_fees,
        {{ if_on(['stripe'], 'costs.cost_of_revenue') }} as cost_of_revenue,
        costs.ad_spend,
        costs.programme_spend,
        costs.blended_cost,
        costs.sales_marketing_cost,
        costs.operating_cost,
        cycles.lag_months,
        lagged.sales_marketing_cost as lagged_cost,
        {{ if_on(['hubspot', 'encharge'], 'coalesce(leads.leads_created, 0)') }} as leads_created,
        {{ if_on(['hubspot', 'encharge'], 'coalesce(leads.leads_converted, 0)') }} as leads_converted,
        {{ date_add('months.last_day', var('lead_conversion_days')) }} < {{ as_of_date() }} as are_leads_mature,
        coalesce(lifetimes.losses, 0) as losses,
        lifetimes.observed_months,
        lifetimes.extrapolated_months
    from months
    left join {{ ref('int_monthly_customers') }} as customers on months.month = customers.month
    left join {{ ref('mrr_rollforward') }} as rollforward on months.month = rollforward.month
    left join {{ ref('int_monthly_costs') }} as costs on months.month = costs.month
    cross join {{ ref('int_sales_cycle') }} as cycles
    left join {{ ref('int_monthly_costs') }} as lagged
        on {{ date_add('months.month', '-cycles.lag_months', 'month') }} = lagged.month
    left join {{ ref('int_monthly_leads') }} as leads on months.month = leads.month
    left join {{ ref('int_monthly_lifetimes') }} as lifetimes on months.month = lifetimes.month and lifetimes.segment_type = 'all'

),

margins as (

    select
        *,
        recognised_revenue - cost_of_revenue as gross_margin_amount,
        case when cost_of_revenue is not null then recognised_revenue end as costed_revenue
    from joined

),

derived as (

    select
        *,
        case when recognised_revenue > 0 then {{ ratio('gross_margin_amount', 'recognised_revenue') }} end as gross_margin,
        gross_margin_amount - sales_marketing_cost - operating_cost as profit,
        {{ trailing_margin('gross_margin_amount', 'costed_revenue') }} as margin_3_months,
        {{ ratio('customers_churned', 'customers_start') }} as customer_churn_rate,
        {{ money_per('mrr_end', 'customers_end') }} as arpa,
        {{ money_per('recognised_revenue', 'customers_end') }} as revenue_per_customer,
        {{ money_per('ad_spend', 'customers_new') }} as cac_paid,
        {{ money_per('blended_cost', 'customers_new') }} as cac_blended,
        {{ money_per('sales_marketing_cost', 'customers_new') }} as cac_fully_loaded,
        {{ money_per('lagged_cost', 'customers_new') }} as cac_lagged,
        {{ money_per('mrr_new', 'customers_new') }} as mrr_per_new_customer,
        observed_months + extrapolated_months as lifetime_months
    from margins

),

valued as (

    select
        *,
        case when customers_end > 0 and losses > 0 then
            {{ lifetime_value('arpa', 'margin_3_months', 'lifetime_months') }}
        end as clv,
        case when customer_churn_rate > 0 then
            {{ round_money('cast(arpa as double) * margin_3_months / customer_churn_rate') }}
        end as clv_simple
    from derived

)

select * from valued
