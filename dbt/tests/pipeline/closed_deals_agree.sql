-- Win rates, the waterfall and the deals themselves name the same won and lost deals, in count and value. The waterfall
-- counts every end, also of a deal that was taken up again, so it may have more.
with deals as (

    select
        sum(case when is_won then 1 else 0 end) as won,
        sum(case when is_lost then 1 else 0 end) as lost,
        sum(case when is_won then {{ round_money('coalesce(amount, 0)') }} else 0 end) as amount_won,
        count(*) as deals
    from {{ ref('fct_deals') }}

),

rates as (

    select
        basis,
        sum(deals_won) as won,
        sum(deals_lost) as lost,
        sum(amount_won) as amount_won,
        sum(deals_won + deals_lost + deals_open) as deals
    from {{ ref('win_rates') }}
    where segment_type = 'all'
    group by basis

),

waterfall as (

    select
        coalesce(sum(deals_won), 0) as won,
        coalesce(sum(deals_created), 0) as created
    from {{ ref('pipeline_waterfall') }}
    where segment_type = 'all'

)

select
    rates.basis,
    rates.won,
    deals.won as deals_won
from rates
cross join deals
cross join waterfall
where
    rates.won <> deals.won
    or rates.lost <> deals.lost
    or rates.amount_won <> deals.amount_won
    or (rates.basis = 'created' and rates.deals <> deals.deals)
    or waterfall.won < deals.won
    or waterfall.created <> deals.deals
