-- grain: one account and month, from the account's first month with a subscription or revenue to the run's month
{{ config(meta=carried(
    by=['account_key', 'month'],
    keyed={
        'int_account_month_ends': ['account_key', 'month'],
        'int_account_usage_months': ['account_key', 'month'],
        'fct_revenue': ['account_key', 'month'],
    },
    due={'this': month_turns() ~ ' and ' ~ month_was_open()}
)) }}

with revenue as (

    select
        account_key,
        month,
        sum(amount) as recognised_revenue
    from {{ ref('fct_revenue') }}
    where not is_future
    group by account_key, month

),

joined as (

    select
        ends.*,
        coalesce(usage_months.usage_mrr, 0) as usage_mrr,
        coalesce(revenue.recognised_revenue, 0) as recognised_revenue
    from {{ ref('int_account_month_ends') }} as ends
    left join {{ ref('int_account_usage_months') }} as usage_months
        on ends.account_key = usage_months.account_key and ends.month = usage_months.month
    left join revenue on ends.account_key = revenue.account_key and ends.month = revenue.month

)

select
    cast({{ key(['account_key', 'month']) }} as string) as account_month_key,
    cast(account_key as string) as account_key,
    cast(month as date) as month,
    {{ month_end('month') }} < {{ as_of_date() }} as is_complete,
    cast('{{ var("currency") | upper }}' as string) as currency,
    {{ money('mrr_opening') }} as mrr_opening,
    {{ money('mrr_new') }} as mrr_new,
    {{ money('mrr_expansion') }} as mrr_expansion,
    {{ money('mrr_contraction') }} as mrr_contraction,
    {{ money('mrr_churn') }} as mrr_churn,
    {{ money('mrr_reactivation') }} as mrr_reactivation,
    {{ money('mrr_fx') }} as mrr_fx,
    {{ money('mrr') }} as mrr,
    {{ money('mrr_constant') }} as mrr_constant,
    {{ money('mrr_committed') }} as mrr_committed,
    {{ money('mrr_at_risk') }} as mrr_at_risk,
    {{ money('usage_mrr') }} as usage_mrr,
    {{ money('recognised_revenue') }} as recognised_revenue,
    is_customer_at_start,
    is_customer,
    cast('{{ policy_version() }}' as string) as policy_version
from joined
