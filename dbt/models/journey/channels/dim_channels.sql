-- grain: one marketing or sales channel, and one for unknown
with known as (

    select
        channel,
        label,
        channel_group
    from {{ ref('channels') }}

),

-- money was spent on a channel that no rule knows: it gets a row, so that spend by channel sums to the total
spent as (

    select distinct
        spend.channel,
        spend.channel as label,
        'other' as channel_group
    from {{ ref('int_spend_channels') }} as spend
    where spend.channel <> 'unknown' and not exists (
        select 1 from known
        where known.channel = spend.channel
    )

),

unioned as (

    select
        {{ key(['channel']) }} as channel_key,
        channel,
        label,
        channel_group
    from known
    union all
    select
        {{ key(['channel']) }} as channel_key,
        channel,
        label,
        channel_group
    from spent
    union all
    select
        'unknown' as channel_key,
        'unknown' as channel,
        'Unknown' as label,
        'unknown' as channel_group

)

select
    cast(channel_key as string) as channel_key,
    cast(channel as string) as channel,
    cast(label as string) as label,
    cast(channel_group as string) as channel_group
from unioned
