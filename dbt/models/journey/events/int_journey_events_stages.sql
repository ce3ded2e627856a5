-- grain: one journey stage that a person or account entered
{{ config(schema='staging', meta=carried(by='source_id', keyed={'fct_stage_periods': 'stage_period_key'})) }}

with periods as (

    select * from {{ ref('fct_stage_periods') }}
    where not is_skipped

)

select
    'stage_entered' as event_type,
    stage_period_key as source_id,
    entered_at as occurred_at,
    account_key,
    person_key,
    cast(null as string) as channel,
    cast(null as string) as campaign_id,
    cast(null as string) as owner_id,
    cast(null as string) as deal_id,
    cast(null as string) as email_id,
    stage as label,
    cast(null as string) as direction,
    cast(null as bigint) as score_value,
    false as is_automated,
    false as can_be_touch,
    cast(null as decimal(18, 4)) as amount_native,
    cast(null as string) as currency
from periods
