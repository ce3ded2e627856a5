-- from an account's first month on there is a row for each, up to the run's
with ordered as (

    select
        account_key,
        month,
        lead(month) over (partition by account_key order by month) as next_month
    from {{ ref('fct_account_months') }}

)

select * from ordered
where coalesce(next_month, {{ date_add(month_of(as_of_date()), 1, 'month') }}) <> {{ date_add('month', 1, 'month') }}
