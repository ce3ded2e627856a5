-- a segment's opening and movements make its closing, in MRR and customers, and the next month opens with it
with months as (

    select
        *,
        lag(mrr_end) over (partition by segment_type, segment order by month) as mrr_end_before,
        lag(customers_end) over (partition by segment_type, segment order by month) as customers_end_before
    from {{ ref('unit_economics_by_segment_monthly') }}

)

select
    month,
    segment_type,
    segment
from months
where
    mrr_start + mrr_new + mrr_expansion + mrr_contraction + mrr_churn + mrr_reactivation + mrr_fx + mrr_moved_in + mrr_moved_out
    <> mrr_end
    or mrr_start <> coalesce(mrr_end_before, 0)
    or customers_start <> coalesce(customers_end_before, 0)
    or gross_revenue_retention > 1
    or gross_revenue_retention > net_revenue_retention + 0.000000001
