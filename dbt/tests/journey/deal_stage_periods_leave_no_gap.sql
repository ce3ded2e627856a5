-- A deal is in exactly one stage at every instant: each stay begins where the one before ended, and only the last is open.
with periods as (

    select
        deal_key,
        entered_at,
        exited_at,
        lead(entered_at) over (partition by deal_key order by entered_at) as next_entered_at
    from {{ ref('fct_deal_stage_periods') }}

)

select * from periods
where
    (exited_at is null) <> (next_entered_at is null)
    or exited_at <> next_entered_at
    or exited_at <= entered_at
