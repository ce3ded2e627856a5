-- grain: one channel name that the ad spend ledger uses, with the channel it means
{{ config(schema='staging') }}

with spend as (

    select distinct channel as spend_channel from {{ ref('stg_ledger__ad_spend') }}
    where channel is not null

),

rules as (

    select * from {{ ref('channel_mapping') }}

),

channels as (

    select * from {{ ref('channels') }}

),

matched as (

    select
        spend.spend_channel,
        min(rules.rule_order) as rule_order
    from spend
    inner join rules on lower(trim(spend.spend_channel)) like rules.spend_channel
    group by spend.spend_channel

)

select
    spend.spend_channel,
    -- a name of one of our channels is that channel; a name that no rule knows is a channel of its own
    coalesce(
        channels.channel,
        rules.channel,
        replace({{ campaign_id('spend.spend_channel') }}, '-', '_'),
        'unknown'
    ) as channel
from spend
left join channels on lower(trim(spend.spend_channel)) = channels.channel
left join matched on spend.spend_channel = matched.spend_channel
left join rules on matched.rule_order = rules.rule_order
