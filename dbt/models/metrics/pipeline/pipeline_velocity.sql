-- grain: one month of close, segment type and segment
-- Deals closed in the month are the one population: how many, their win rate, and of the won ones their value and days.
{{ config(meta=timed({'this': month_turns()})) }}

with deals as (

    select * from {{ ref('int_deal_cohorts') }}
    where basis = 'closed'

),

counted as (

    select
        month,
        segment_type,
        segment,
        count(*) as opportunities,
        sum(case when is_won then 1 else 0 end) as deals_won,
        sum(case when is_won then amount else 0 end) as amount_won,
        sum(case when is_won then cycle_days else 0 end) as days_won
    from deals
    group by month, segment_type, segment

)

select
    cast(month as date) as month,
    {{ month_end('month') }} < {{ as_of_date() }} as is_complete,
    cast(segment_type as string) as segment_type,
    cast(segment as string) as segment,
    cast('{{ var("currency") | upper }}' as string) as currency,
    cast(opportunities as bigint) as opportunities,
    cast(deals_won as bigint) as deals_won,
    {{ money('amount_won') }} as amount_won,
    cast(days_won as bigint) as days_won,
    {{ money_per('amount_won', 'deals_won') }} as average_value,
    {{ ratio('deals_won', 'opportunities') }} as win_rate,
    {{ ratio('days_won', 'deals_won') }} as average_cycle_days,
    -- opportunities x (amount / won) x (won / opportunities) / (days / won)
    case when days_won > 0 then {{ money_per(money('amount_won * deals_won'), 'days_won') }} end as velocity_per_day,
    cast(
        case
            when deals_won = 0 then 'no deal was won'
            when days_won = 0 then 'every won deal closed on the day it was created'
        end
        as string
    ) as velocity_per_day_reason,
    cast(opportunities as bigint) as n,
    {{ is_small('opportunities') }} as is_small,
    cast('{{ policy_version() }}' as string) as policy_version
from counted
