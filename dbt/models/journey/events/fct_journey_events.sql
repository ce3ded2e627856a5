-- grain: one touch or milestone of a person and/or account
{{ config(meta=carried(
    by=['source_system', 'source_id'],
    keyed={
        'int_journey_events_encharge': ["'encharge'", 'source_id'],
        'int_journey_events_hubspot': ["'hubspot'", 'source_id'],
        'int_journey_events_stripe': ["'stripe'", 'source_id'],
        'int_journey_events_stages': ["'journey'", 'source_id'],
    },
    lookups={
        'dim_people': {'on': 'person_key', 'through': events_with('person_key')},
        'dim_owners': {'whole': true, 'on': 'owner_id', 'through': events_with('owner_id')},
        'int_person_origins': {'on': 'person_key', 'through': events_with('person_key')},
        'int_account_origins': {'on': 'account_key', 'through': dict(events_with('account_key'), dim_people='account_key')},
        'dim_campaigns': {
            'whole': true, 'on': 'campaign_id',
            'through': dict(events_with('campaign_id'), int_person_origins='campaign_id', int_account_origins='campaign_id'),
        },
    }
)) }}

with events as (

    select
        'encharge' as source_system,
        *
    from {{ ref('int_journey_events_encharge') }}
    union all
    select
        'hubspot' as source_system,
        *
    from {{ ref('int_journey_events_hubspot') }}
    union all
    select
        'stripe' as source_system,
        *
    from {{ ref('int_journey_events_stripe') }}
    union all
    select
        'journey' as source_system,
        *
    from {{ ref('int_journey_events_stages') }}

),

types as (

    select
        event_type,
        channel,
        is_touch,
        is_milestone
    from {{ ref('event_types') }}

),

people as (

    select
        person_key,
        account_key
    from {{ ref('dim_people') }}

),

owners as (

    select
        owner_id,
        owner_key
    from {{ ref('dim_owners') }}

),

campaigns as (

    select
        campaign_id,
        campaign_key
    from {{ ref('dim_campaigns') }}

),

person_origins as (

    select
        person_key,
        channel,
        campaign_id
    from {{ ref('int_person_origins') }}

),

account_origins as (

    select
        account_key,
        channel,
        campaign_id
    from {{ ref('int_account_origins') }}

),

placed as (

    select
        events.*,
        coalesce(nullif(events.account_key, 'unknown'), people.account_key, 'unknown') as known_account_key,
        types.channel as type_channel,
        types.is_touch,
        types.is_milestone
    from events
    inner join types on events.event_type = types.event_type
    left join people on events.person_key = people.person_key

),

-- a milestone that happens on no channel stands under the one that brought the person, else the account
joined as (

    select
        placed.*,
        coalesce(placed.type_channel, placed.channel, person_origins.channel, account_origins.channel) as known_channel,
        coalesce(campaigns.campaign_key, 'unknown') as campaign_key,
        coalesce(owners.owner_key, 'unknown') as owner_key
    from placed
    left join owners on placed.owner_id = owners.owner_id
    left join person_origins
        on
            placed.is_milestone
            and coalesce(placed.type_channel, placed.channel) is null
            and placed.person_key = person_origins.person_key
    left join account_origins
        on
            placed.is_milestone
            and coalesce(placed.type_channel, placed.channel) is null
            and person_origins.person_key is null
            and placed.known_account_key = account_origins.account_key
    left join campaigns
        on coalesce(placed.campaign_id, person_origins.campaign_id, account_origins.campaign_id) = campaigns.campaign_id

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
    cast(score_value as bigint) as score_value,
    cast(amount_native as decimal(18, 4)) as amount_native,
    cast(currency as string) as currency
from joined
