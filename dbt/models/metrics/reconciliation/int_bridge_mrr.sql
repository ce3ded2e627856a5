-- grain: one month, account and step from MRR at the month's end to what was recognised
{{ config(schema='staging') }}

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
        coalesce(pace.account_key, classes.account_key) as account_key,
        coalesce(pace.month, classes.month) as month,
        coalesce(pace.currency, classes.currency) = '{{ var("currency") | upper }}' as is_reporting_currency,
        pace.rate,
        pace.mrr_close,
        pace.shown,
        coalesce(pace.pace, 0) as pace,
        coalesce(pace.pace_native, 0) as pace_native,
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

),

-- a month is 28 to 31 days of a cycle of 28 to 31, and what begins within a day counts for all of it: a difference that
-- is larger than that is no matter of the calendar
compared as (

    select
        *,
        case
            when pace_native = 0 then 'invoiced_without_mrr'
            when listed_native = 0 then 'mrr_without_invoice'
            when 28 * abs(listed_native - pace_native) <= 3 * abs(pace_native) + peak_native then 'days_of_the_month'
            when is_paused then 'changes_while_paused'
            -- service ended at once, and what was invoiced runs on
            when mrr_close = 0 and listed_native > pace_native then 'invoiced_without_mrr'
        end as difference_reason
    from converted

),

closings as (

    select
        account_key,
        month,
        sum(mrr_close) as mrr_close
    from {{ ref('int_mrr_pace') }}
    group by account_key, month

),

steps as (

    -- subscriptions are converted one by one, and accounts as a whole
    select
        months.month,
        months.account_key,
        'step' as side,
        'rounding' as reason,
        closings.mrr_close - months.mrr as amount
    from {{ ref('fct_account_months') }} as months
    inner join closings on months.account_key = closings.account_key and months.month = closings.month
    where abs(closings.mrr_close - months.mrr) < 0.01
    union all
    select
        month,
        account_key,
        'step' as side,
        'month_not_over' as reason,
        shown - mrr_close as amount
    from compared
    where mrr_close is not null
    union all
    select
        month,
        account_key,
        'step' as side,
        'changes_within_the_month' as reason,
        pace - shown as amount
    from compared
    where mrr_close is not null
    union all
    select
        month,
        account_key,
        'step' as side,
        difference_reason as reason,
        case when pace_native = 0 then recurring else listed - pace end as amount
    from compared
    where difference_reason is not null
    union all
    select
        month,
        account_key,
        'step' as side,
        'passing_discounts' as reason,
        net - listed as amount
    from compared
    where pace_native <> 0 and passing_native <> 0
    union all
    select
        month,
        account_key,
        'step' as side,
        'exchange_rates' as reason,
        recurring - net as amount
    from compared
    where pace_native <> 0
    union all
    {% for reason in ['usage', 'one_off'] %}
    select
        month,
        account_key,
        'step' as side,
        '{{ reason }}' as reason,
        {{ reason }} as amount
    from compared
    union all
    {% endfor %}
    select
        month,
        account_key,
        'step' as side,
        case when kind = 'refund' then 'refunds' else 'credit_notes' end as reason,
        amount
    from {{ ref('fct_revenue') }}
    where kind <> 'invoice_line' and not is_future
    union all
    select
        month,
        account_key,
        'from' as side,
        'mrr_end' as reason,
        mrr as amount
    from {{ ref('fct_account_months') }}
    union all
    select
        month,
        account_key,
        'to' as side,
        'recognised' as reason,
        recognised_revenue as amount
    from {{ ref('fct_account_months') }}

)

select
    month,
    account_key,
    side,
    reason,
    sum(amount) as amount
from steps
group by month, account_key, side, reason
