-- new once and first; churn only from more than zero to zero; reactivation only after churn; no movement out of thin air
-- a policy that keeps customers without MRR makes a fall to zero contraction
{% set keeps = policy('full_discount') == 'customer' or policy('reactivation_gap_days') > 0 %}
with ordered as (

    select
        account_key,
        moved_on,
        movement,
        amount,
        mrr_before,
        mrr_after,
        row_number() over (partition by account_key order by moved_on, case when movement = 'fx' then 2 else 1 end) as position,
        lag(mrr_after) over (partition by account_key order by moved_on, case when movement = 'fx' then 2 else 1 end) as mrr_until,
        sum(case movement when 'new' then 1 when 'reactivation' then 1 when 'churn' then -1 else 0 end) over (
            partition by account_key order by moved_on, case when movement = 'fx' then 2 else 1 end
            rows between unbounded preceding and current row
        ) as is_paying
    from {{ ref('fct_mrr_movements') }}

)

select * from ordered
where
    mrr_before + amount <> mrr_after
    or coalesce(mrr_until, 0) <> mrr_before
    or mrr_after < 0
    or (movement = 'new') <> (position = 1)
    or (movement = 'churn' and not ({{ 'true' if keeps else 'mrr_before > 0' }} and mrr_after = 0))
    or (movement = 'reactivation' and not (mrr_before = 0 and mrr_after > 0))
    or (movement = 'expansion' and not ({{ 'true' if keeps else 'mrr_before > 0' }} and amount > 0))
    or (movement = 'contraction' and not ({{ 'true' if keeps else 'mrr_after > 0' }} and amount < 0))
    or is_paying not in (0, 1)
    or (mrr_after > 0 and is_paying = 0)
    {% if not keeps %}or is_paying <> case when mrr_after > 0 then 1 else 0 end{% endif %}
