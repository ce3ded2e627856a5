-- grain: one touch or milestone of a person and/or account
with events as (

    select 'encharge' as source_system, * from {{ ref('int_journey_events_encharge') }}
    union all
    select 'hubspot' as source_system, * from {{ ref('int_journey_events_hubspot') }}
    union all
    select 'stripe' as source_system, * from {{ ref('int_journey_events_stripe') }}
    union all
    select 'journey' as source_system, * from {{ ref('int_journey_events_stages') }}

),

types as (

    select event_type, channel, is_touch, is_milestone from {{ ref('event_types') }}

),

people as (

    select person_key, account_key from {{ ref('dim_people') }}

),

owners as (

    select owner_id, owner_key from {{ ref('dim_owners') }}

),

campaigns as (

    select campaign_id, campaign_key from {{ ref('dim_campaigns') }}

),

joined as (

    select
        events.*,
        coalesce(nullif(events.account_key, 'unknown'), people.account_key, 'unknown') as known_account_key,
        coalesce(types.channel, events.channel) as known_channel,
        coalesce(campaigns.campaign_key, 'unknown') as campaign_key,
        coalesce(owners.owner_key, 'unknown') as owner_key,
        types.is_touch,
        types.is_milestone
    from events
    inner join types on events.event_type = types.event_type
    left join people on events.person_key = people.person_key
    left join owners on events.owner_id = owners.owner_id
    left join campaigns on events.campaign_id = campaigns.campaign_id

)

select
    cast({{ key(['source_system', 'event_type', 'source_id', 'person_key']) }} as string) as event_key,
    cast(occurred_at as timestamp) as occurred_at,
    cast(known_account_key as string) as account_key,
    cast(person_key as string) as person_key,
    cast(event_type as string) as event_type,
    cast(case when known_channel is null then 'unknown' else {{ key(['known_channel']) }} end as string)
        as channel_key,
    cast(campaign_key as string) as campaign_key,
    cast(owner_key as string) as owner_key,
    cast(source_system as string) as source_system,
    cast(source_id as string) as source_id,
    is_touch and can_be_touch and not is_automated as is_touch,
    is_milestone,
    is_automated,
    cast(case when deal_id is null then null else {{ key(["'hubspot'", 'deal_id']) }} end as string) as deal_key,
    cast(email_id as string) as email_id,
    cast(direction as string) as direction,
    cast(label as string) as label,
    cast(score_value as bigint) as score_value
from joined
