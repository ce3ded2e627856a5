-- Open pipeline today is that of yesterday + created + reopened - won - lost, in count; in value also + changed. And it is
-- what the deals' own snapshots say, which are counted another way.
with days as (

    select
        *,
        coalesce(lag(deals_open) over (order by day), 0) as deals_before,
        coalesce(lag(amount_open) over (order by day), 0) as amount_before
    from {{ ref('pipeline_daily') }}

),

snapshots as (

    select
        snapshot_date,
        count(*) as deals,
        sum(amount) as amount
    from {{ ref('fct_deal_snapshots') }}
    group by snapshot_date

)

select
    days.day,
    days.deals_open,
    days.amount_open,
    snapshots.deals,
    snapshots.amount
from days
full outer join snapshots on days.day = snapshots.snapshot_date
where
    days.day is null
    or days.deals_open <> days.deals_before + days.deals_created + days.deals_reopened - days.deals_won - days.deals_lost
    or days.amount_open
    <> days.amount_before + days.amount_created + days.amount_reopened - days.amount_won - days.amount_lost + days.amount_changed
    or days.deals_open <> coalesce(snapshots.deals, 0)
    or days.amount_open <> coalesce(snapshots.amount, 0)
