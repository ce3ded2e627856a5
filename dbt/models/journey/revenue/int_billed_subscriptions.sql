-- grain: one subscription, its account, and the days on which it begins, is on trial and ends
{{ config(schema='staging', meta=carried(
    by='subscription_id',
    keyed=['stg_stripe__subscriptions'],
    lookups={'account_sources': {'on': 'source_id', 'through': {'stg_stripe__subscriptions': 'customer_id'}}},
    due={'stg_stripe__subscriptions': has_come('coalesce(ended_at, canceled_at, modified_at)')}
)) }}

with subscriptions as (

    select * from {{ ref('stg_stripe__subscriptions') }}

),

accounts as (

    select
        source_id as customer_id,
        account_key
    from {{ ref('account_sources') }}
    where source_system = 'stripe' and source_type = 'customer'

),

dated as (

    select
        *,
        case
            when ended_at is not null then ended_at
            when status in ('canceled', 'incomplete_expired') or is_deleted then coalesce(canceled_at, modified_at)
        end as over_at
    from subscriptions

)

select
    dated.subscription_id,
    dated.customer_id,
    coalesce(accounts.account_key, 'unknown') as account_key,
    dated.status,
    dated.cancellation_reason,
    dated.pause_behavior,
    {{ local_date('coalesce(dated.start_at, dated.created_at)') }} as started_on,
    case when dated.trial_end_at is not null then {{ local_date('coalesce(dated.trial_start_at, dated.start_at, dated.created_at)') }} end
        as trial_from,
    {{ local_date('dated.trial_end_at') }} as trial_to,
    case when dated.over_at <= {{ as_of() }} then {{ local_date('dated.over_at') }} end as ended_on,
    case when dated.over_at <= {{ as_of() }} then coalesce(dated.cancellation_reason, 'cancelled') end as ended_because
from dated
left join accounts on dated.customer_id = accounts.customer_id
