-- grain: one subscription (or none), account, currency and month, with its MRR beside its recognised invoice lines
{{ config(schema='staging', meta=carried(
    by=['account_key', 'month'],
    keyed=['int_mrr_pace', 'int_revenue_classes'],
    lookups={'fct_subscription_periods': {'on': 'account_key', 'through': {'this': 'account_key'}}},
    due={}
)) }}

-- a subscription whose collection is paused has no MRR, and is billed for changes all the same
with paused as (

    select distinct
        subscription_id,
        account_key,
        currency,
        {{ explode_dates(
            month_of('starts_on'),
            month_of('least(coalesce(' ~ date_add('ends_on', -1) ~ ', ' ~ as_of_date() ~ '), ' ~ as_of_date() ~ ')'), 'month'
        ) }} as month
    from {{ ref('fct_subscription_periods') }}
    where state = 'collection_paused' and mrr_native = 0 and starts_on <= {{ as_of_date() }}

),

joined as (

    select
        coalesce(pace.subscription_id, classes.subscription_id) as subscription_id,
        coalesce(pace.account_key, classes.account_key) as account_key,
        coalesce(pace.currency, classes.currency) as currency,
        coalesce(pace.month, classes.month) as month,
        coalesce(pace.currency, classes.currency) = '{{ var("currency") | upper }}' as is_reporting_currency,
        pace.rate,
        pace.mrr_close,
        pace.shown,
        coalesce(pace.pace, 0) as pace,
        coalesce(pace.used_pace, 0) as used_pace,
        coalesce(pace.licensed_pace_native, 0) as pace_native,
        coalesce(pace.peak_native, 0) as peak_native,
        coalesce(classes.recurring, 0) as recurring,
        coalesce(classes.recurring_native, 0) as recurring_native,
        coalesce(classes.passing_discount_native, 0) as passing_native,
        coalesce(classes.recurring_native, 0) + coalesce(classes.passing_discount_native, 0) as listed_native,
        coalesce(classes.usage, 0) as usage,
        coalesce(classes.one_off, 0) as one_off,
        paused.month is not null as is_paused
    from {{ ref('int_mrr_pace') }} as pace
    full outer join {{ ref('int_revenue_classes') }} as classes
        on
            pace.subscription_id = classes.subscription_id and pace.account_key = classes.account_key
            and pace.currency = classes.currency and pace.month = classes.month
    left join paused
        on
            pace.subscription_id = paused.subscription_id and pace.account_key = paused.account_key
            and pace.currency = paused.currency and pace.month = paused.month

),

-- at the month's rate; in the reporting currency without the detour of whole cents
converted as (

    select
        *,
        case when is_reporting_currency then recurring else {{ convert('recurring_native', 'rate') }} end as net,
        case
            when is_reporting_currency then recurring + passing_native
            else {{ convert('listed_native', 'rate') }}
        end as listed
    from joined

)

-- a month is 28 to 31 days of a cycle of 28 to 31, and what begins within a day counts for all of it: a difference that
-- is larger than that is no matter of the calendar
select
    subscription_id,
    account_key,
    currency,
    month,
    mrr_close,
    shown,
    pace,
    used_pace,
    pace - used_pace as licensed_pace,
    pace_native <> 0 as has_licensed_mrr,
    passing_native <> 0 as has_passing_discount,
    recurring,
    listed,
    net,
    usage,
    one_off,
    case
        when pace_native = 0 then 'invoiced_without_mrr'
        when listed_native = 0 then 'mrr_without_invoice'
        when 28 * abs(listed_native - pace_native) <= 3 * abs(pace_native) + peak_native then 'days_of_the_month'
        when is_paused then 'changes_while_paused'
        -- service ended at once, and what was invoiced runs on
        when mrr_close = 0 and listed_native > pace_native then 'invoiced_without_mrr'
    end as difference_reason
from converted
