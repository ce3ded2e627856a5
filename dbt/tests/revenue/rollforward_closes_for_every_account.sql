-- opening and movements of every account and month make its closing, and movements never stop adding up to its MRR
with months as (

    select
        account_key,
        month,
        mrr_opening + mrr_new + mrr_expansion + mrr_contraction + mrr_churn + mrr_reactivation + mrr_fx as footed,
        mrr,
        sum(mrr_new + mrr_expansion + mrr_contraction + mrr_churn + mrr_reactivation + mrr_fx) over (
            partition by account_key order by month rows between unbounded preceding and current row
        ) as moved
    from {{ ref('fct_account_months') }}

)

select * from months
where footed <> mrr or moved <> mrr
