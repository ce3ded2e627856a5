-- grain: one page visit or form, with the channel and campaign of the session it lies in
-- A session ends after 30 minutes of silence, and a visit that names another source or campaign begins a new one.
{{ config(schema='staging', meta=carried(
    by='visitor',
    keyed={
        'int_encharge_events':
            "case when person_key <> 'unknown' then person_key else coalesce(anonymous_id, event_id) end"
    }
)) }}

with visits as (

    select
        event_id,
        occurred_at,
        person_key,
        case
            when person_key <> 'unknown' then person_key
            else coalesce(anonymous_id, event_id)
        end as visitor,
        utm_campaign,
        {{ channel_signature('utm_source', 'utm_medium', 'referrer_host', 'null') }} as signature_key
    from {{ ref('int_encharge_events') }}
    where event_type in ('page_visited', 'form_submitted') and not is_automated

),

signatures as (

    select
        signature_key,
        channel
    from {{ ref('int_channel_signatures') }}

),

sourced as (

    select
        visits.event_id,
        visits.occurred_at,
        visits.person_key,
        visits.visitor,
        signatures.channel,
        visits.utm_campaign,
        case
            when signatures.channel is not null
                then concat_ws('|', signatures.channel, coalesce({{ campaign_id('visits.utm_campaign') }}, ''))
        end as source,
        lag(visits.occurred_at) over (
            partition by visits.visitor order by visits.occurred_at, visits.event_id
        ) as previous_at
    from visits
    left join signatures on visits.signature_key = signatures.signature_key

),

paused as (

    select
        *,
        case
            when previous_at is null or {{ seconds_between('previous_at', 'occurred_at') }} > 1800 then 1
            else 0
        end as is_return
    from sourced

),

returns as (

    select
        *,
        sum(is_return) over (
            partition by visitor order by occurred_at, event_id
            rows between unbounded preceding and current row
        ) as return_number
    from paused

),

-- the same link clicked again, or a page with it loaded again, is the same session
starts as (

    select
        *,
        case
            when is_return = 1 then 1
            when source is null then 0
            when source = lag(source) over (
                partition by visitor, return_number, source is not null order by occurred_at, event_id
            ) then 0
            else 1
        end as is_start
    from returns

),

numbered as (

    select
        *,
        sum(is_start) over (
            partition by visitor order by occurred_at, event_id
            rows between unbounded preceding and current row
        ) as session_number
    from starts

),

sessions as (

    select
        visitor,
        session_number,
        coalesce(channel, 'direct') as channel,
        utm_campaign
    from numbered
    where is_start = 1

)

select
    numbered.event_id,
    numbered.visitor,
    numbered.occurred_at,
    numbered.person_key,
    {{ key(['numbered.visitor', 'numbered.session_number']) }} as session_key,
    numbered.is_start = 1 as is_session_start,
    sessions.channel,
    sessions.utm_campaign,
    {{ campaign_id('sessions.utm_campaign') }} as campaign_id
from numbered
inner join sessions
    on numbered.visitor = sessions.visitor and numbered.session_number = sessions.session_number
