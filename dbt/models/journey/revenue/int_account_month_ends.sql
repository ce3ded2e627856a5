-- grain: one account and month, from the account's first with a subscription or revenue to the run's, with its MRR at the end
{{ config(schema='staging', meta=carried(
    by='account_key',
    keyed=['int_account_spans', 'int_account_currency_months', 'fct_mrr_movements'],
    due={'this': month_turns()}
)) }}

with spine as (

    select
        account_key,
        {{ explode_dates('first_month', month_of(as_of_date()), 'month') }} as month
    from {{ ref('int_account_spans') }}

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
        coalesce(movements.customer_step, 0) as customer_step,
        sum(coalesce(movements.customer_step, 0)) over (
            partition by spine.account_key order by spine.month rows between unbounded preceding and current row
        ) as customer
    from spine
    left join closings on spine.account_key = closings.account_key and spine.month = closings.month
    left join movements on spine.account_key = movements.account_key and spine.month = movements.month

)

select
    account_key,
    month,
    mrr_opening,
    mrr_new,
    mrr_expansion,
    mrr_contraction,
    mrr_churn,
    mrr_reactivation,
    mrr_fx,
    mrr,
    mrr_constant,
    mrr_committed,
    mrr_at_risk,
    customer - customer_step > 0 as is_customer_at_start,
    customer > 0 as is_customer
from joined
