-- Every person and account is in exactly one stage at every instant from the first one on: each stay begins where the one
-- before ended, only the last is open, and none is empty or runs backwards. Skipped stages take no time and are left out.
with periods as (

    select
        entity_type,
        entity_key,
        entered_at,
        exited_at,
        lead(entered_at) over (partition by entity_type, entity_key order by entered_at) as next_entered_at
    from {{ ref('fct_stage_periods') }}
    where not is_skipped

)

select * from periods
where
    (exited_at is null) <> (next_entered_at is null)
    or exited_at <> next_entered_at
    or exited_at <= entered_at
