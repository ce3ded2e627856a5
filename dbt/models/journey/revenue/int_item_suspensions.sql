-- grain: one item and the days [starts_on, ends_on) on which it earns nothing though it is there, with the reason
{{ config(schema='staging', meta=carried(
    by='subscription_item_id',
    keyed=['int_subscription_lines', 'int_item_states'],
    lookups={
        'int_billed_subscriptions': {
            'on': 'subscription_id',
            'through': {'int_subscription_lines': 'subscription_id', 'int_item_states': 'subscription_id'},
        },
        'stg_stripe__subscription_versions': {'on': 'subscription_id', 'through': {'int_item_states': 'subscription_id'}},
    }
)) }}

with lines as (

    select * from {{ ref('int_subscription_lines') }}

),

states as (

    select distinct
        subscription_item_id,
        subscription_id
    from {{ ref('int_item_states') }}

),

subscriptions as (

    select * from {{ ref('int_billed_subscriptions') }}

),

last_counted as (

    select
        subscription_item_id,
        max(starts_on) as starts_on
    from lines
    where standing = 'counted' and kind = 'cycle'
    group by subscription_item_id

),

-- a paused collection makes invoices void or uncollectible; a void invoice that was made anew is none
waived as (

    select
        waived.subscription_item_id,
        waived.subscription_id,
        waived.starts_on,
        waived.ends_on,
        max(waived.starts_on) over (partition by waived.subscription_item_id) as last_starts_on
    from lines as waived
    where
        waived.standing = 'waived' and waived.kind = 'cycle' and waived.ends_on > waived.starts_on
        and not exists (
            select 1 from lines as remade
            where
                remade.subscription_item_id = waived.subscription_item_id
                and remade.standing = 'counted' and remade.kind = 'cycle'
                and remade.starts_on <= waived.starts_on and remade.ends_on > waived.starts_on
        )

),

-- while the pause lasts, the last of them has no end
paused as (

    select
        waived.subscription_item_id,
        waived.starts_on,
        case
            when
                subscriptions.pause_behavior in ('void', 'mark_uncollectible') and waived.starts_on = waived.last_starts_on
                and coalesce(last_counted.starts_on < waived.starts_on, true)
                then cast(null as date)
            else waived.ends_on
        end as ends_on
    from waived
    left join subscriptions on waived.subscription_id = subscriptions.subscription_id
    left join last_counted on waived.subscription_item_id = last_counted.subscription_item_id

),

versions as (

    select
        subscription_id,
        status,
        trial_end_at,
        modified_at,
        row_number() over (
            partition by subscription_id order by modified_at, extracted_at, _dlt_load_id, version_hash
        ) as version_number,
        lead(modified_at) over (
            partition by subscription_id order by modified_at, extracted_at, _dlt_load_id, version_hash
        ) as next_modified_at
    from {{ ref('stg_stripe__subscription_versions') }}

),

-- before we watched: incomplete since ever, paused since the trial's end, unpaid since we saw it
statuses as (

    select
        versions.subscription_id,
        versions.status,
        case
            when versions.version_number > 1 or versions.status = 'unpaid' then {{ local_date('versions.modified_at') }}
            when versions.status = 'paused' and versions.trial_end_at <= versions.modified_at
                then {{ local_date('versions.trial_end_at') }}
            when versions.status = 'paused' then {{ local_date('versions.modified_at') }}
            else subscriptions.started_on
        end as starts_on,
        {{ local_date('versions.next_modified_at') }} as ends_on
    from versions
    inner join subscriptions on versions.subscription_id = subscriptions.subscription_id
    where versions.status in ('unpaid', 'paused', 'incomplete', 'incomplete_expired')

)

select
    subscription_item_id,
    starts_on,
    ends_on,
    'collection_paused' as reason,
    2 as precedence
from paused

union

select
    states.subscription_item_id,
    subscriptions.trial_from as starts_on,
    subscriptions.trial_to as ends_on,
    'trial' as reason,
    1 as precedence
from states
inner join subscriptions on states.subscription_id = subscriptions.subscription_id
where subscriptions.trial_to > subscriptions.trial_from

union

select
    states.subscription_item_id,
    statuses.starts_on,
    statuses.ends_on,
    statuses.status as reason,
    3 as precedence
from states
inner join statuses on states.subscription_id = statuses.subscription_id
where statuses.ends_on is null or statuses.ends_on > statuses.starts_on
