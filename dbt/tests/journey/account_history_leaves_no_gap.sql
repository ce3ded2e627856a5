-- The history of an account is one line from 1900 to now: each row begins where the one before ended, only the last is
-- open, and none is empty or runs backwards.
with history as (

    select
        account_key,
        valid_from,
        valid_to,
        is_current,
        lag(valid_to) over (partition by account_key order by valid_from) as previous_valid_to,
        lead(valid_from) over (partition by account_key order by valid_from) as next_valid_from
    from {{ ref('dim_account_history') }}

)

select * from history
where
    valid_from <> coalesce(previous_valid_to, cast('1900-01-01' as timestamp))
    or (valid_to is null) <> (next_valid_from is null)
    or is_current <> (valid_to is null)
    or valid_to <= valid_from
