-- grain: one campaign (by its name, whatever system names it), and one for unknown
with spend as (

    select
        {{ campaign_id('spend.campaign') }} as campaign_id,
        spend.campaign as name,
        channels.channel,
        sum(spend.amount) as weight,
        'ledger' as source_system,
        1 as source_rank
    from {{ ref('stg_ledger__ad_spend') }} as spend
    inner join {{ ref('int_spend_channels') }} as channels on spend.channel = channels.spend_channel
    where not spend.is_deleted
    group by {{ campaign_id('spend.campaign') }}, spend.campaign, channels.channel

),

emails as (

    select
        campaign_id,
        max(campaign_name) as name,
        'email' as channel,
        count(*) as weight,
        'encharge' as source_system,
        2 as source_rank
    from {{ ref('int_encharge_events') }}
    where campaign_id is not null
    group by campaign_id

),

links as (

    select
        campaign_id,
        max(utm_campaign) as name,
        channel,
        count(*) as weight,
        'encharge' as source_system,
        3 as source_rank
    from {{ ref('int_web_sessions') }}
    where campaign_id is not null
    group by campaign_id, channel

),

origins as (

    select
        campaign_id,
        max(utm_campaign) as name,
        channel,
        count(*) as weight,
        max(source_system) as source_system,
        4 as source_rank
    from {{ ref('int_person_origins') }}
    where campaign_id is not null
    group by campaign_id, channel

),

unioned as (

    select
        campaign_id,
        name,
        channel,
        cast(weight as double) as weight,
        source_system,
        source_rank
    from spend
    union all
    select
        campaign_id,
        name,
        channel,
        cast(weight as double) as weight,
        source_system,
        source_rank
    from emails
    union all
    select
        campaign_id,
        name,
        channel,
        cast(weight as double) as weight,
        source_system,
        source_rank
    from links
    union all
    select
        campaign_id,
        name,
        channel,
        cast(weight as double) as weight,
        source_system,
        source_rank
    from origins

),

-- a campaign on several channels stands under the one with the most spend, or the most visits when nothing was spent
ranked as (

    select
        *,
        row_number() over (
            partition by campaign_id order by source_rank asc, weight desc, channel asc, name asc
        ) as preference
    from unioned
    where campaign_id is not null and campaign_id <> 'unknown'

),

campaigns as (

    select
        {{ key(['campaign_id']) }} as campaign_key,
        campaign_id,
        coalesce(name, campaign_id) as name,
        case when channel is null or channel = 'unknown' then 'unknown' else {{ key(['channel']) }} end as channel_key,
        source_system
    from ranked
    where preference = 1

    union all

    select
        'unknown' as campaign_key,
        'unknown' as campaign_id,
        'Unknown' as name,
        'unknown' as channel_key,
        'unknown' as source_system

)

select
    cast(campaign_key as string) as campaign_key,
    cast(campaign_id as string) as campaign_id,
    cast(name as string) as name,
    cast(channel_key as string) as channel_key,
    cast(source_system as string) as source_system
from campaigns
