-- grain: one step of a subscription, paid invoice, failed charge or refund
{{ config(schema='staging', meta=carried(
    by='source_id',
    keyed={
        'stg_stripe__subscriptions': 'subscription_id',
        'stg_stripe__invoices': 'invoice_id',
        'stg_stripe__refunds': 'refund_id',
        'stg_stripe__charges': 'charge_id',
        'fct_mrr_movements': key(['account_key', 'moved_on', 'movement']),
    },
    lookups={
        'stg_stripe__charges': {'on': 'charge_id', 'through': {'stg_stripe__refunds': 'charge_id'}},
        'account_sources': {
            'on': 'source_id',
            'through': {
                'stg_stripe__subscriptions': 'customer_id',
                'stg_stripe__invoices': 'customer_id',
                'stg_stripe__charges': 'customer_id',
            },
        },
        'person_sources': {
            'on': 'source_id',
            'through': {
                'stg_stripe__subscriptions': 'customer_id',
                'stg_stripe__invoices': 'customer_id',
                'stg_stripe__charges': 'customer_id',
            },
        },
    },
    due={
        'stg_stripe__subscriptions': 'greatest(trial_start_at, trial_end_at, start_at, created_at, canceled_at, ended_at) > :since',
        'stg_stripe__invoices': 'coalesce(paid_at, finalized_at, created_at) > :since',
        'stg_stripe__charges': 'created_at > :since',
        'stg_stripe__refunds': 'created_at > :since',
        'fct_mrr_movements': run_midnight('moved_on') ~ ' > :since',
    }
)) }}

with subscriptions as (

    select
        *,
        coalesce(trial_end_at, start_at, created_at) as paid_from_at
    from {{ ref('stg_stripe__subscriptions') }}
    where status not in ('incomplete', 'incomplete_expired')

),

charges as (

    select * from {{ ref('stg_stripe__charges') }}

),

steps as (

    -- one that ends with its trial never started
    {% for event_type, instant, condition in [
        ('trial_started', 'trial_start_at', 'trial_start_at is not null'),
        ('subscription_started', 'paid_from_at',
            "(ended_at is null or ended_at > paid_from_at) and coalesce(status, '') <> 'trialing'"),
        ('cancellation_requested', 'canceled_at',
            'canceled_at is not null and (ended_at is null or canceled_at < ended_at)'),
        ('subscription_cancelled', 'ended_at', 'ended_at is not null'),
    ] %}
        select
            '{{ event_type }}' as event_type,
            subscription_id as source_id,
            {{ instant }} as occurred_at,
            customer_id,
            {{ 'coalesce(cancellation_feedback, cancellation_reason)' if 'cancel' in event_type else 'cast(null as string)' }}
                as label,
            cast(null as decimal(18, 4)) as amount_native,
            cast(null as string) as currency
        from subscriptions
        where {{ condition }}

        union all
    {% endfor %}

    select
        'invoice_paid' as event_type,
        invoice_id as source_id,
        coalesce(paid_at, finalized_at, created_at) as occurred_at,
        customer_id,
        billing_reason as label,
        amount_paid as amount_native,
        currency
    from {{ ref('stg_stripe__invoices') }}
    where status = 'paid' and amount_paid > 0

    union all

    select
        'invoice_failed' as event_type,
        charge_id as source_id,
        created_at as occurred_at,
        customer_id,
        coalesce(failure_code, failure_message) as label,
        amount as amount_native,
        currency
    from charges
    where status = 'failed'

    union all

    select
        'invoice_refunded' as event_type,
        refunds.refund_id as source_id,
        refunds.created_at as occurred_at,
        charges.customer_id,
        refunds.reason as label,
        refunds.amount as amount_native,
        refunds.currency
    from {{ ref('stg_stripe__refunds') }} as refunds
    inner join charges on refunds.charge_id = charges.charge_id
    where coalesce(refunds.status, 'succeeded') in ('succeeded', 'pending')

),

accounts as (

    select
        source_id,
        account_key
    from {{ ref('account_sources') }}
    where source_system = 'stripe' and source_type = 'customer'

),

people as (

    select
        source_id,
        person_key
    from {{ ref('person_sources') }}
    where source_system = 'stripe' and source_type = 'customer'

),

changes as (

    select
        'subscription_changed' as event_type,
        {{ key(['account_key', 'moved_on', 'movement']) }} as source_id,
        {{ local_midnight('moved_on') }} as occurred_at,
        account_key,
        'unknown' as person_key,
        movement as label,
        amount as amount_native,
        currency
    from {{ ref('fct_mrr_movements') }}
    where movement in ('expansion', 'contraction')

),

unioned as (

    select
        steps.event_type,
        steps.source_id,
        steps.occurred_at,
        coalesce(accounts.account_key, 'unknown') as account_key,
        coalesce(people.person_key, 'unknown') as person_key,
        steps.label,
        steps.amount_native,
        steps.currency
    from steps
    left join accounts on steps.customer_id = accounts.source_id
    left join people on steps.customer_id = people.source_id

    union all

    select * from changes

)

select
    event_type,
    source_id,
    occurred_at,
    account_key,
    person_key,
    cast(null as string) as channel,
    cast(null as string) as campaign_id,
    cast(null as string) as owner_id,
    cast(null as string) as deal_id,
    cast(null as string) as email_id,
    label,
    cast(null as string) as direction,
    cast(null as bigint) as score_value,
    false as is_automated,
    false as can_be_touch,
    amount_native,
    currency
from unioned
where occurred_at <= {{ as_of() }}
