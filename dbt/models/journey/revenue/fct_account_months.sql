-- grain: one account and month, from the account's first month with a subscription or revenue to the run's month
with starts as (

    select
        account_key,
        {{ month_of('starts_on') }} as month
    from {{ ref('fct_subscription_periods') }}
    union all
    select
        account_key,
        month
    from {{ ref('fct_revenue') }}
    where not is_future

),

spans as (

    select
        account_key,
        min(month) as first_month
    from starts
    group by account_key

),

spine as (

    select
        account_key,
        {{ explode_dates('first_month', month_of(as_of_date()), 'month') }} as month
    from spans

),

closings as (

    select
        account_key,
        month,
        sum(mrr_close) as mrr,
        sum(mrr_close_constant) as mrr_constant,
        sum(committed_close) as mrr_committed,
        sum(at_risk_close) as mrr_at_risk
    from {{ ref('int_account_currency_months') }}
    group by account_key, month

),

movements as (

    select
        account_key,
        {{ month_of('moved_on') }} as month,
        sum(case when movement = 'new' then amount else 0 end) as mrr_new,
        sum(case when movement = 'expansion' then amount else 0 end) as mrr_expansion,
        sum(case when movement = 'contraction' then amount else 0 end) as mrr_contraction,
        sum(case when movement = 'churn' then amount else 0 end) as mrr_churn,
        sum(case when movement = 'reactivation' then amount else 0 end) as mrr_reactivation,
        sum(case when movement = 'fx' then amount else 0 end) as mrr_fx,
        sum(case when movement in ('new', 'reactivation') then 1 when movement = 'churn' then -1 else 0 end) as customer_step
    from {{ ref('fct_mrr_movements') }}
    group by 1, 2

),

revenue as (

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
        spine.account_key,
        spine.month,
        coalesce(lag(closings.mrr) over (partition by spine.account_key order by spine.month), 0) as mrr_opening,
        coalesce(movements.mrr_new, 0) as mrr_new,
        coalesce(movements.mrr_expansion, 0) as mrr_expansion,
        coalesce(movements.mrr_contraction, 0) as mrr_contraction,
        coalesce(movements.mrr_churn, 0) as mrr_churn,
        coalesce(movements.mrr_reactivation, 0) as mrr_reactivation,
        coalesce(movements.mrr_fx, 0) as mrr_fx,
        coalesce(closings.mrr, 0) as mrr,
        coalesce(closings.mrr_constant, 0) as mrr_constant,
        coalesce(closings.mrr_committed, 0) as mrr_committed,
        coalesce(closings.mrr_at_risk, 0) as mrr_at_risk,
        coalesce(usage_months.usage_mrr, 0) as usage_mrr,
        coalesce(movements.customer_step, 0) as customer_step,
        sum(coalesce(movements.customer_step, 0)) over (
            partition by spine.account_key order by spine.month rows between unbounded preceding and current row
        ) as customer,
        coalesce(revenue.recognised_revenue, 0) as recognised_revenue
    from spine
    left join closings on spine.account_key = closings.account_key and spine.month = closings.month
    left join movements on spine.account_key = movements.account_key and spine.month = movements.month
    left join {{ ref('int_account_usage_months') }} as usage_months
        on spine.account_key = usage_months.account_key and spine.month = usage_months.month
    left join revenue on spine.account_key = revenue.account_key and spine.month = revenue.month

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
    customer - customer_step > 0 as is_customer_at_start,
    customer > 0 as is_customer,
    cast('{{ policy_version() }}' as string) as policy_version
from joined
