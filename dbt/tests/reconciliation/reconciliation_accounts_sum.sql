-- The accounts of a month sum to the company's own figures.
with accounts as (

    select
        month,
        sum(invoiced) as invoiced,
        sum(cash_settled) as cash_settled,
        sum(recognised) as recognised,
        sum(mrr_end) as mrr_end
    from {{ ref('revenue_reconciliation_by_account') }}
    group by month

),

company as (

    select
        month,
        sum(case when source = 'stripe' and measure = 'invoiced' then amount else 0 end) as invoiced,
        -- amount and fee are converted apart: the facts' sum, not that of the provider's net
        sum(case when source = 'fct_cash' and measure = 'cash' then amount else 0 end) as cash_settled,
        sum(case when source = 'mrr_rollforward' and measure = 'mrr' then amount else 0 end) as mrr_end
    from {{ ref('revenue_reconciliation') }}
    group by month

),

revenue as (

    select
        month,
        sum(recognised_revenue) as recognised
    from {{ ref('fct_account_months') }}
    group by month

)

select
    company.month,
    accounts.invoiced,
    company.invoiced as invoiced_of_all,
    accounts.cash_settled,
    company.cash_settled as cash_settled_of_all,
    accounts.mrr_end,
    company.mrr_end as mrr_end_of_all,
    accounts.recognised,
    revenue.recognised as recognised_of_all
from company
left join accounts on company.month = accounts.month
left join revenue on company.month = revenue.month
where
    {{ round_money('coalesce(accounts.invoiced, 0)') }} <> company.invoiced
    or {{ round_money('coalesce(accounts.cash_settled, 0)') }} <> company.cash_settled
    or {{ round_money('coalesce(accounts.mrr_end, 0)') }} <> company.mrr_end
    or coalesce(accounts.recognised, 0) <> coalesce(revenue.recognised, 0)
