-- grain: one month and channel, the total, and what the ledger names no channel for, with sales and marketing cost
{{ config(schema='staging') }}

with channels as (

    select
        channel_key,
        channel
    from {{ ref('dim_channels') }}

),

spend as (

    select
        {{ month_of('spend.spent_on') }} as month,
        channels.channel,
        sum(spend.amount) as ad_spend
    from {{ ref('fct_spend') }} as spend
    inner join channels on spend.channel_key = channels.channel_key
    group by 1, 2

),

-- programmes, people and tools serve all channels
costs as (

    select
        month,
        sum(amount) as other_cost
    from {{ ref('fct_costs') }}
    where cost_group = 'sales_marketing'
    group by month

),

unioned as (

    select
        month,
        'channel' as segment_type,
        channel as segment,
        ad_spend,
        {{ money('0') }} as other_cost
    from spend

    union all

    select
        month,
        'channel' as segment_type,
        'unallocated' as segment,
        {{ money('0') }} as ad_spend,
        other_cost
    from costs

    union all

    select
        month,
        'all' as segment_type,
        'all' as segment,
        ad_spend,
        {{ money('0') }} as other_cost
    from spend

    union all

    select
        month,
        'all' as segment_type,
        'all' as segment,
        {{ money('0') }} as ad_spend,
        other_cost
    from costs

)

select
    month,
    segment_type,
    segment,
    sum(ad_spend) as ad_spend,
    sum(ad_spend + other_cost) as sales_marketing_cost
from unioned
group by month, segment_type, segment
