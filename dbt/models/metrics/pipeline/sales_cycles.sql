-- grain: one month of close, segment type and segment
{{ config(meta=timed({'this': month_turns()})) }}

with deals as (

    select * from {{ ref('int_deal_cohorts') }}
    where basis = 'closed'

),

measured as (

    select
        month,
        segment_type,
        segment,
        sum(case when is_won then 1 else 0 end) as deals_won,
        sum(case when is_lost then 1 else 0 end) as deals_lost,
        sum(case when is_won then cycle_days else 0 end) as days_won,
        sum(case when is_lost then cycle_days else 0 end) as days_lost,
        {{ percentile_disc('case when is_won then cycle_days end', 0.5) }} as median_days_won,
        {{ percentile_disc('case when is_won then cycle_days end', 0.9) }} as p90_days_won,
        {{ percentile_disc('case when is_lost then cycle_days end', 0.5) }} as median_days_lost,
        {{ percentile_disc('case when is_lost then cycle_days end', 0.9) }} as p90_days_lost
    from deals
    group by month, segment_type, segment

)

select
    cast(month as date) as month,
    {{ month_end('month') }} < {{ as_of_date() }} as is_complete,
    cast(segment_type as string) as segment_type,
    cast(segment as string) as segment,
    cast(deals_won as bigint) as deals_won,
    cast(days_won as bigint) as days_won,
    cast(median_days_won as int) as median_days_won,
    cast(p90_days_won as int) as p90_days_won,
    cast(case when deals_won = 0 then 'no deal was won' end as string) as median_days_won_reason,
    cast(deals_lost as bigint) as deals_lost,
    cast(days_lost as bigint) as days_lost,
    cast(median_days_lost as int) as median_days_lost,
    cast(p90_days_lost as int) as p90_days_lost,
    cast(deals_won as bigint) as n,
    {{ is_small('deals_won') }} as is_small,
    cast('{{ policy_version() }}' as string) as policy_version
from measured
