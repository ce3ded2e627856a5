-- grain: one month, segment type and segment
{{ config(meta=timed({'this': month_turns()})) }}

with months as (

    select
        *,
        deals_closing - net_deals as deals_opening,
        amount_closing - net_amount as amount_opening
    from {{ ref('int_pipeline_months') }}

),

-- a close month in which nothing is open and nothing moves is no row
shown as (

    select
        *,
        deals_opening + deals_created + deals_reopened + deals_moved_in as deals_seen
    from months
    where segment_type <> 'close_month' or deals_opening <> 0 or deals_created + deals_reopened + deals_moved_in > 0

)

select
    cast(month as date) as month,
    {{ month_end('month') }} < {{ as_of_date() }} as is_complete,
    cast(segment_type as string) as segment_type,
    cast(segment as string) as segment,
    cast('{{ var("currency") | upper }}' as string) as currency,
    cast(deals_opening as bigint) as deals_opening,
    cast(deals_created as bigint) as deals_created,
    cast(deals_reopened as bigint) as deals_reopened,
    cast(-deals_won as bigint) as deals_won,
    cast(-deals_lost as bigint) as deals_lost,
    cast(deals_moved_in as bigint) as deals_moved_in,
    cast(-deals_moved_out as bigint) as deals_moved_out,
    cast(deals_closing as bigint) as deals_closing,
    {{ money('amount_opening') }} as amount_opening,
    {{ money('amount_created') }} as amount_created,
    {{ money('amount_reopened') }} as amount_reopened,
    {{ money('-amount_won') }} as amount_won,
    {{ money('-amount_lost') }} as amount_lost,
    {{ money('amount_changed') }} as amount_changed,
    {{ money('amount_moved_in') }} as amount_moved_in,
    {{ money('-amount_moved_out') }} as amount_moved_out,
    {{ money('amount_closing') }} as amount_closing,
    cast(deals_seen as bigint) as n,
    {{ is_small('deals_seen') }} as is_small,
    cast('{{ policy_version() }}' as string) as policy_version
from shown
