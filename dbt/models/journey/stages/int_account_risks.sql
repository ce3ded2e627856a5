-- grain: one reason to worry about a paying account: [from_at, until_at), open while it lasts
{{ config(schema='staging', meta=carried(
    by='account_key',
    keyed=['account_sources', 'fct_mrr_movements'],
    lookups={
        'int_overdue_invoices': {'on': 'customer_id', 'through': {'account_sources': 'source_id'}},
        'stg_stripe__subscriptions': {'on': 'customer_id', 'through': {'account_sources': 'source_id'}},
    },
    due={
        'int_overdue_invoices': has_come('from_at') ~ ' or ' ~ has_come('until_at'),
        'stg_stripe__subscriptions': has_come('coalesce(canceled_at, modified_at)') ~ ' or ' ~ has_come('ended_at'),
        'fct_mrr_movements': "movement = 'contraction' and " ~ day_has_come('moved_on'),
        'this': "risk = 'contraction' and until_at is null",
    }
)) }}

with policy as (

    select value as risk from {{ ref('stage_policy') }}
    where signal = 'risk' and stage = 'at_risk'

),

accounts as (

    select
        source_id,
        account_key
    from {{ ref('account_sources') }}
    where source_system = 'stripe' and source_type = 'customer'

),

cancellations as (

    select
        'cancellation_scheduled' as risk,
        customer_id,
        coalesce(canceled_at, modified_at) as from_at,
        ended_at as until_at
    from {{ ref('stg_stripe__subscriptions') }}
    where cancel_at_period_end or cancel_at is not null or (canceled_at is not null and canceled_at < ended_at)

),

of_customers as (

    select
        'past_due' as risk,
        customer_id,
        from_at,
        until_at
    from {{ ref('int_overdue_invoices') }}
    union all
    select * from cancellations

),

risks as (

    select
        of_customers.risk,
        accounts.account_key,
        of_customers.from_at,
        of_customers.until_at
    from of_customers
    inner join accounts on of_customers.customer_id = accounts.source_id

    union all

    select
        'contraction' as risk,
        account_key,
        {{ local_midnight('moved_on') }} as from_at,
        {{ timestamp_add(local_midnight('moved_on'), var('at_risk_days'), 'day') }} as until_at
    from {{ ref('fct_mrr_movements') }}
    where movement = 'contraction'

)

select
    risks.account_key,
    risks.risk,
    risks.from_at,
    case when risks.until_at <= {{ as_of() }} then risks.until_at end as until_at
from risks
inner join policy on risks.risk = policy.risk
where risks.from_at <= {{ as_of() }} and (risks.until_at is null or risks.until_at > risks.from_at)
