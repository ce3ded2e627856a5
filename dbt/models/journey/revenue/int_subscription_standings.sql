-- grain: one subscription and the days [starts_on, ends_on) on which it is past due, or has been asked to end
{{ config(schema='staging', meta=carried(
    by='subscription_id',
    keyed=['stg_stripe__subscription_versions', 'int_overdue_invoices'],
    due={
        'stg_stripe__subscription_versions': has_come('modified_at') ~ ' or ' ~ has_come('canceled_at'),
        'int_overdue_invoices': has_come('from_at'),
    }
)) }}

with versions as (

    select
        subscription_id,
        status,
        canceled_at,
        modified_at,
        extracted_at,
        _dlt_load_id,
        version_hash,
        coalesce(cancel_at_period_end, false) or cancel_at is not null
        or (ended_at is not null and canceled_at < ended_at) as is_cancelling
    from {{ ref('stg_stripe__subscription_versions') }}

),

ordered as (

    select
        *,
        row_number() over (
            partition by subscription_id order by modified_at, extracted_at, _dlt_load_id, version_hash
        ) as version_number,
        lag(is_cancelling) over (
            partition by subscription_id order by modified_at, extracted_at, _dlt_load_id, version_hash
        ) as was_cancelling,
        lead(modified_at) over (
            partition by subscription_id order by modified_at, extracted_at, _dlt_load_id, version_hash
        ) as next_modified_at
    from versions

),

watched as (

    select
        subscription_id,
        modified_at as watched_from
    from ordered
    where version_number = 1

),

invoices as (

    select
        overdue.subscription_id,
        overdue.from_at,
        overdue.until_at,
        watched.watched_from
    from {{ ref('int_overdue_invoices') }} as overdue
    inner join watched on overdue.subscription_id = watched.subscription_id

),

-- a cancellation that was taken back leaves a version that no longer has it
changes as (

    select
        *,
        lead(modified_at) over (partition by subscription_id order by version_number) as ends_at
    from ordered
    where coalesce(was_cancelling, false) <> is_cancelling

),

-- past due by the subscription's own status, and by its invoices before we watched
spans as (

    select
        subscription_id,
        'past_due' as standing,
        from_at,
        case when until_at < watched_from then until_at else watched_from end as until_at
    from invoices
    where from_at < watched_from

    union all

    select
        subscription_id,
        'past_due' as standing,
        modified_at as from_at,
        next_modified_at as until_at
    from ordered
    where status = 'past_due'

    union all

    select
        subscription_id,
        'cancelling' as standing,
        case
            when canceled_at <= modified_at then canceled_at else modified_at
        end as from_at,
        ends_at as until_at
    from changes
    where is_cancelling

),

daily as (

    select
        subscription_id,
        standing,
        {{ local_date('from_at') }} as starts_on,
        {{ local_date('until_at') }} as ends_on
    from spans
    where from_at <= {{ as_of() }}

)

select distinct
    subscription_id,
    standing,
    starts_on,
    ends_on
from daily
where ends_on is null or ends_on > starts_on
