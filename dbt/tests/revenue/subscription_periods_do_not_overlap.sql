-- an item is in one state a day
with ordered as (

    select
        subscription_item_id,
        starts_on,
        ends_on,
        lead(starts_on) over (partition by subscription_item_id order by starts_on) as next_starts_on
    from {{ ref('fct_subscription_periods') }}

)

select * from ordered
where ends_on <= starts_on or (next_starts_on is not null and (ends_on is null or next_starts_on < ends_on))
