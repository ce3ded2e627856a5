-- grain: one journey of an account, from its first touch to churn; an account that is won back starts the next one
{{ config(meta=carried(
    by='account_key',
    keyed=['int_journey_windows', 'fct_stage_periods', 'fct_journey_events', 'fct_deals'],
    due={
        'fct_journey_events': 'occurred_at > :since',
        'fct_stage_periods': 'entered_at > :since',
        'fct_deals': 'created_at > :since or closed_at > :since',
    }
)) }}

with journeys as (

    select
        account_key,
        journey_number,
        customer_at,
        churned_at,
        after_at,
        coalesce(until_at, {{ as_of() }}) as until_at
    from {{ ref('int_journey_windows') }}

),

entries as (

    select
        account_key,
        stage,
        entered_at
    from {{ ref('fct_stage_periods') }}
    where entity_type = 'account' and not is_skipped

),

events as (

    select
        account_key,
        occurred_at,
        channel_key,
        campaign_key
    from {{ ref('fct_journey_events') }}
    where is_touch and account_key <> 'unknown'

),

touches as (

    select
        journeys.account_key,
        journeys.journey_number,
        min(events.occurred_at) as first_touch_at,
        count(*) as touches
    from events
    inner join journeys
        on
            events.account_key = journeys.account_key
            and events.occurred_at > journeys.after_at
            and events.occurred_at <= journeys.until_at
    group by journeys.account_key, journeys.journey_number

),

first_touches as (

    select
        touches.account_key,
        touches.journey_number,
        touches.first_touch_at,
        touches.touches,
        min(events.channel_key) as channel_key,
        min(events.campaign_key) as campaign_key
    from touches
    inner join events
        on touches.account_key = events.account_key and touches.first_touch_at = events.occurred_at
    group by touches.account_key, touches.journey_number, touches.first_touch_at, touches.touches

),

stages as (

    select
        journeys.account_key,
        journeys.journey_number,
        min(case when entries.stage = 'lead' then entries.entered_at end) as lead_at,
        min(case when entries.stage = 'mql' then entries.entered_at end) as mql_at,
        min(case when entries.stage = 'sql' then entries.entered_at end) as sql_at,
        min(case when entries.stage = 'opportunity' then entries.entered_at end) as opportunity_at
    from entries
    inner join journeys
        on
            entries.account_key = journeys.account_key
            and entries.entered_at > journeys.after_at
            and entries.entered_at <= journeys.until_at
    group by journeys.account_key, journeys.journey_number

),

deals as (

    select
        journeys.account_key,
        journeys.journey_number,
        min(deals.created_at) as deal_created_at,
        min(case when deals.is_won and deals.closed_at <= journeys.until_at then deals.closed_at end) as won_at
    from {{ ref('fct_deals') }} as deals
    inner join journeys
        on
            deals.account_key = journeys.account_key
            and deals.created_at > journeys.after_at
            and deals.created_at <= journeys.until_at
    group by journeys.account_key, journeys.journey_number

),

joined as (

    select
        journeys.account_key,
        journeys.journey_number,
        first_touches.first_touch_at,
        first_touches.channel_key,
        first_touches.campaign_key,
        coalesce(first_touches.touches, 0) as touches,
        stages.lead_at,
        stages.mql_at,
        stages.sql_at,
        coalesce(stages.opportunity_at, deals.deal_created_at) as opportunity_at,
        deals.won_at,
        journeys.customer_at,
        journeys.churned_at
    from journeys
    left join first_touches
        on journeys.account_key = first_touches.account_key and journeys.journey_number = first_touches.journey_number
    left join stages
        on journeys.account_key = stages.account_key and journeys.journey_number = stages.journey_number
    left join deals
        on journeys.account_key = deals.account_key and journeys.journey_number = deals.journey_number

)

select
    cast({{ key(['account_key', 'journey_number']) }} as string) as journey_key,
    cast(account_key as string) as account_key,
    cast(journey_number as int) as journey_number,
    cast(coalesce(channel_key, 'unknown') as string) as first_touch_channel_key,
    cast(coalesce(campaign_key, 'unknown') as string) as first_touch_campaign_key,
    cast(touches as bigint) as touches,
    {%- set instants = ['first_touch', 'lead', 'mql', 'sql', 'opportunity', 'won', 'customer', 'churned'] %}
    {%- for instant in instants %}
        cast({{ instant }}_at as timestamp) as {{ instant }}_at,
    {%- endfor %}
    {%- for instant in instants[:-1] %}
        cast({{ days_between(local_date(instant ~ '_at'), local_date(instants[loop.index] ~ '_at')) }} as int)
            as days_{{ instant }}_to_{{ instants[loop.index] }},
    {%- endfor %}
    cast({{ days_between(local_date('first_touch_at'), local_date('customer_at')) }} as int)
        as days_first_touch_to_customer,
    customer_at is not null as is_converted,
    churned_at is null as is_open
from joined
