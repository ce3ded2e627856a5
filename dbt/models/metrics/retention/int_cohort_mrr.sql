-- grain: one account and month from its first as a customer on, with its MRR at the exchange rates its cohort began with
{{ config(schema='staging', meta=carried(
    by='account_key',
    keyed=['int_cohort_accounts', 'int_account_currency_months'],
    lookups={'int_rate_days': {'whole': true, 'on': 'day', 'through': {'int_cohort_accounts': date_add('cohort_month', -1)}}}
)) }}

with cohorts as (

    select
        account_key,
        cohort_month
    from {{ ref('int_cohort_accounts') }}

),

months as (

    select * from {{ ref('int_account_currency_months') }}

),

opening as (

    select
        account_key,
        currency,
        rate_open,
        row_number() over (partition by account_key, currency order by month) as place
    from months

),

-- the rate before the cohort's month; a currency that had none yet is taken at its first
rated as (

    select
        cohorts.account_key,
        cohorts.cohort_month,
        opening.currency,
        case
            when opening.currency = '{{ var("currency") | upper }}' then opening.rate_open
            else coalesce(rates.rate, opening.rate_open)
        end as cohort_rate
    from cohorts
    inner join opening on cohorts.account_key = opening.account_key and opening.place = 1
    left join {{ ref('int_rate_days') }} as rates
        on opening.currency = rates.currency and {{ date_add('cohorts.cohort_month', -1) }} = rates.day

)

select
    months.account_key,
    months.month,
    sum({{ convert('months.mrr_close_native', 'rated.cohort_rate') }}) as mrr
from months
inner join rated
    on
        months.account_key = rated.account_key and months.currency = rated.currency
        and months.month >= rated.cohort_month
group by months.account_key, months.month
