-- MRR by plan closes for every plan, transfers cancel out, and the plans sum to the movements and closings of all accounts
with plans as (

    select
        month,
        sum(mrr_opening) as mrr_opening,
        {% for movement in ['new', 'expansion', 'contraction', 'churn', 'reactivation', 'fx'] -%}
        sum(mrr_{{ movement }}) as mrr_{{ movement }},
        {% endfor -%}
        sum(mrr_transfer_in + mrr_transfer_out) as transfers,
        sum(mrr_closing) as mrr_closing
    from {{ ref('mrr_rollforward_by_plan') }}
    group by month

),

accounts as (

    select
        month,
        sum(mrr_opening) as mrr_opening,
        {% for movement in ['new', 'expansion', 'contraction', 'churn', 'reactivation', 'fx'] -%}
        sum(mrr_{{ movement }}) as mrr_{{ movement }},
        {% endfor -%}
        sum(mrr) as mrr_closing
    from {{ ref('fct_account_months') }}
    group by month

)

select accounts.month
from accounts
left join plans on accounts.month = plans.month
where
    {% for column in ['opening', 'new', 'expansion', 'contraction', 'churn', 'reactivation', 'fx', 'closing'] -%}
    accounts.mrr_{{ column }} <> coalesce(plans.mrr_{{ column }}, 0) or
    {% endfor -%}
    plans.transfers <> 0
