-- grain: one email or web event
{{ config(schema='staging', meta=carried(by='source_id', keyed={'int_encharge_events': 'event_id', 'int_web_sessions': 'event_id'})) }}

with events as (

    select * from {{ ref('int_encharge_events') }}

),

sessions as (

    select * from {{ ref('int_web_sessions') }}

)

select
    events.event_type,
    events.event_id as source_id,
    events.occurred_at,
    cast(null as string) as account_key,
    events.person_key,
    sessions.channel,
    coalesce(events.campaign_id, sessions.campaign_id) as campaign_id,
    cast(null as string) as owner_id,
    cast(null as string) as deal_id,
    events.email_id,
    coalesce(events.email_subject, events.email_name, events.form_name, events.page_title, events.url, events.tag)
        as label,
    cast(null as string) as direction,
    events.score_value,
    events.is_automated,
    true as can_be_touch,
    cast(null as decimal(18, 4)) as amount_native,
    cast(null as string) as currency
from events
left join sessions on events.event_id = sessions.event_id
