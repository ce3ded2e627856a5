-- grain: one journey stage that a person or account entered
{{ config(schema='staging') }}

with periods as (

    select * from {{ ref('fct_stage_periods') }}
    where not is_skipped

),

origins as (

    select person_key, channel, campaign_id from {{ ref('int_person_origins') }}

)

select
    'stage_entered' as event_type,
    periods.stage_period_key as source_id,
    periods.entered_at as occurred_at,
    periods.account_key,
    periods.person_key,
    origins.channel,
    origins.campaign_id,
    cast(null as string) as owner_id,
    cast(null as string) as deal_id,
    cast(null as string) as email_id,
    periods.stage as label,
    cast(null as string) as direction,
    cast(null as bigint) as score_value,
    false as is_automated,
    false as can_be_touch
from periods
left join origins on periods.person_key = origins.person_key
