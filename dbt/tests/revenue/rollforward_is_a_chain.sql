-- every month opens with what the month before closed with, and no month is missing
with chained as (

    select
        month,
        mrr_opening,
        lag(mrr_closing) over (order by month) as closed_before,
        lag(month) over (order by month) as month_before
    from {{ ref('mrr_rollforward') }}

)

select * from chained
where
    coalesce(closed_before, 0) <> mrr_opening
    or (month_before is not null and {{ date_add('month_before', 1, 'month') }} <> month)
