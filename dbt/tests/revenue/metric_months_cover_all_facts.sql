-- no fact lies before the first month of the marts, or in a month that they do not have
with facts as (

    select
        'fct_mrr_movements' as fact,
        {{ month_of('moved_on') }} as month
    from {{ ref('fct_mrr_movements') }}
    union all
    select
        'fct_account_months' as fact,
        month
    from {{ ref('fct_account_months') }}
    union all
    select
        'fct_revenue' as fact,
        month
    from {{ ref('fct_revenue') }}
    where not is_future
    union all
    select
        'fct_cash' as fact,
        {{ month_of('occurred_on') }} as month
    from {{ ref('fct_cash') }}
    union all
    select
        'fct_costs' as fact,
        month
    from {{ ref('fct_costs') }}
    where month <= {{ as_of_date() }}
    union all
    select
        'fct_spend' as fact,
        {{ month_of('spent_on') }} as month
    from {{ ref('fct_spend') }}
    where spent_on <= {{ as_of_date() }}

)

select
    fact,
    month,
    count(*) as records
from facts
where not exists (select 1 from {{ ref('unit_economics_monthly') }} as marts where marts.month = facts.month)
group by fact, month
