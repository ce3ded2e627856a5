-- grain: one day of the reporting calendar
{{ config(meta=timed({'this': 'year(' ~ run_date(':now') ~ ') > year(' ~ run_date(':since') ~ ')'})) }}

with nodes as (

    select * from {{ ref('identity_nodes') }}

),

-- a holiday of the ledger, by hand or of the configured country
holidays as (

    select
        date as date_day,
        name
    from {{ ref('stg_ledger__holidays') }}
    where not is_deleted

),

-- whole years: from ten before the run, or the first record if that is older, to three after the run
bounds as (

    select
        cast(date_trunc('year', least(
            {{ date_add(as_of_date(), -10, 'year') }},
            coalesce(min({{ local_date('created_at') }}), {{ as_of_date() }})
        )) as date) as first_day,
        {{ date_add("date_trunc('year', " ~ date_add(as_of_date(), 4, 'year') ~ ")", -1, 'day') }} as last_day
    from nodes
    where created_at >= cast('1990-01-01' as timestamp)

),

days as (

    select {{ explode_dates('first_day', 'last_day') }} as date_day
    from bounds

),

-- the day as it would stand if the fiscal year began in January
shifted as (

    select
        days.date_day,
        {{ date_add(month_of('days.date_day'), 1 - var('fiscal_year_start'), 'month') }} as fiscal_month,
        holidays.name as holiday,
        holidays.date_day is not null as is_holiday,
        holidays.date_day is null and {{ iso_weekday('days.date_day') }} < 6 as is_working_day
    from days
    left join holidays on days.date_day = holidays.date_day

)

select
    date_day as date_key,
    date_day,
    {{ month_of('date_day') }} as month,
    cast(date_trunc('quarter', date_day) as date) as quarter,
    cast(year(date_day) as integer) as year,
    -- a fiscal year is named after the calendar year in which it ends
    cast(year(fiscal_month) + {{ 0 if var('fiscal_year_start') == 1 else 1 }} as integer) as fiscal_year,
    cast(quarter(fiscal_month) as integer) as fiscal_quarter,
    {{ iso_week('date_day') }} as iso_week,
    {{ iso_weekday('date_day') }} as day_of_week,
    {{ iso_weekday('date_day') }} >= 6 as is_weekend,
    date_day = {{ month_end('date_day') }} as is_month_end,
    is_holiday,
    cast(holiday as string) as holiday,
    is_working_day,
    cast(
        sum(case when is_working_day then 1 else 0 end) over (order by date_day rows between unbounded preceding and current row)
        as integer
    ) as working_day_number
from shifted
