-- grain: one reason for an account to be in a funnel stage: [from_at, until_at), open while it lasts
{{ config(schema='staging', meta=carried(
    by='account_key',
    keyed=['dim_people', 'fct_deals', 'fct_deal_stage_periods', 'account_sources'],
    lookups={
        'int_person_stage_signals': {'on': 'person_key', 'through': {'dim_people': 'person_key'}},
        'stg_hubspot__companies': {'on': 'company_id', 'through': {'account_sources': 'source_id'}},
        'stg_stripe__customers': {'on': 'customer_id', 'through': {'account_sources': 'source_id'}},
        'stg_stripe__subscriptions': {'on': 'customer_id', 'through': {'account_sources': 'source_id'}},
    },
    due={
        'int_person_stage_signals': has_come('from_at'),
        'fct_deals': has_come('created_at'),
        'fct_deal_stage_periods': has_come('entered_at'),
        'stg_hubspot__companies': has_come('created_at'),
        'stg_stripe__customers': has_come('created_at'),
        'stg_stripe__subscriptions': has_come('trial_start_at'),
    }
)) }}

with policy as (

    select
        policy.source_system,
        policy.signal,
        policy.value,
        stages.funnel_rank
    from {{ ref('stage_policy') }} as policy
    inner join {{ ref('journey_stages') }} as stages on policy.stage = stages.stage
    where policy.entity_type = 'account'

),

-- where billing is read, an account is a customer by what it pays, not by what the CRM says
billing as (

    select case when is_billed then 6 else 7 end as highest_rank from {{ ref('int_billing_presence') }}

),

people as (

    select
        people.account_key,
        signals.funnel_rank,
        signals.from_at,
        signals.until_at
    from {{ ref('int_person_stage_signals') }} as signals
    inner join {{ ref('dim_people') }} as people on signals.person_key = people.person_key
    where people.account_key <> 'unknown'

),

deals as (

    select
        account_key,
        created_at as from_at,
        closed_at as until_at,
        case when is_won then 'won' else 'open' end as value
    from {{ ref('fct_deals') }}
    where account_key <> 'unknown'

),

-- what holds for a stretch of time, where the policy names it
stretches as (

    select
        account_key,
        'deal_stage' as signal,
        lower(stage) as value,
        entered_at as from_at,
        exited_at as until_at
    from {{ ref('fct_deal_stage_periods') }}
    where account_key <> 'unknown'
    union all
    select
        sources.account_key,
        'trial' as signal,
        'active' as value,
        subscriptions.trial_start_at as from_at,
        subscriptions.trial_end_at as until_at
    from {{ ref('stg_stripe__subscriptions') }} as subscriptions
    inner join {{ ref('account_sources') }} as sources
        on sources.source_type = 'customer' and subscriptions.customer_id = sources.source_id
    where subscriptions.trial_start_at is not null

),

records as (

    select
        company_id as source_id,
        coalesce(created_at, first_extracted_at) as created_at,
        'hubspot' as source_system,
        'company' as source_type
    from {{ ref('stg_hubspot__companies') }}
    union all
    select
        customer_id as source_id,
        coalesce(created_at, first_extracted_at) as created_at,
        'stripe' as source_system,
        'customer' as source_type
    from {{ ref('stg_stripe__customers') }}

),

signals as (

    select * from people

    union all

    -- a lost deal counts as long as it was open, a won one for good
    select
        deals.account_key,
        policy.funnel_rank,
        deals.from_at,
        case when deals.value = 'open' then deals.until_at end as until_at
    from deals
    inner join policy
        on policy.source_system = 'hubspot' and policy.signal = 'deal' and deals.value = policy.value

    union all

    select
        stretches.account_key,
        policy.funnel_rank,
        stretches.from_at,
        stretches.until_at
    from stretches
    inner join policy on stretches.signal = policy.signal and stretches.value = lower(policy.value)

    union all

    select
        sources.account_key,
        policy.funnel_rank,
        records.created_at as from_at,
        cast(null as timestamp) as until_at
    from records
    inner join policy
        on
            policy.signal = 'record'
            and records.source_system = policy.source_system
            and records.source_type = policy.value
    inner join {{ ref('account_sources') }} as sources
        on
            records.source_system = sources.source_system
            and records.source_type = sources.source_type
            and records.source_id = sources.source_id

)

select
    signals.account_key,
    least(signals.funnel_rank, billing.highest_rank) as funnel_rank,
    signals.from_at,
    signals.until_at
from signals
cross join billing
where signals.from_at <= {{ as_of() }} and (signals.until_at is null or signals.until_at > signals.from_at)
