-- two marts, one set of figures
with summed as (

    select
        month,
        sum(amount) as amount
    from {{ ref('mrr_movements_monthly') }}
    group by month

)

select
    rollforward.month,
    summed.amount,
    rollforward.mrr_closing - rollforward.mrr_opening as change
from {{ ref('mrr_rollforward') }} as rollforward
left join summed on rollforward.month = summed.month
where summed.month is null or summed.amount <> rollforward.mrr_closing - rollforward.mrr_opening
