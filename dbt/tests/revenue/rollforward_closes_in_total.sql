-- what is shown foots to the last digit, and agrees with the facts
select *
from {{ ref('mrr_rollforward') }}
where
    difference <> 0
    or mrr_opening + mrr_new + mrr_expansion + mrr_contraction + mrr_churn + mrr_reactivation + mrr_fx + mrr_restatement
    <> mrr_closing
