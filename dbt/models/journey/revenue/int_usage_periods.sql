-- grain: one metered item and the days [starts_on, ends_on) on which a usage period is the last that is over
{{ config(schema='staging', meta=carried(
    by='subscription_item_id',
    keyed=['int_subscription_lines'],
    due={'int_subscription_lines': "usage_type = 'metered' and " ~ day_has_come('ends_on')}
)) }}

with lines as (

    select
        subscription_item_id,
        currency,
        starts_on,
        ends_on,
        billing_interval,
        interval_count,
        net_minor
    from {{ ref('int_subscription_lines') }}
    where
        usage_type = 'metered' and standing = 'counted' and kind = 'cycle'
        and ends_on > starts_on and ends_on <= {{ as_of_date() }}

),

-- tiers have lines of their own
used as (

    select
        subscription_item_id,
        ends_on as over_on,
        min(starts_on) as used_from,
        max(currency) as currency,
        max(billing_interval) as billing_interval,
        max(interval_count) as interval_count,
        sum(net_minor) as net_minor
    from lines
    group by subscription_item_id, ends_on

),

measured as (

    select
        *,
        {{ days_between('used_from', 'over_on') }} as days,
        {{ from_minor('net_minor', 'currency') }} as amount
    from used

),

-- a period that is shorter than a cycle, as the first and the last may be, counts by its days
monthly as (

    select
        *,
        case
            when days >= interval_count * case billing_interval when 'day' then 1 when 'week' then 7 when 'month' then 28 else 365 end
                then {{ from_parts(divide_half_up(
                    to_parts('amount') ~ ' * ' ~ months_numerator('billing_interval'),
                    months_denominator('billing_interval', 'interval_count')
                )) }}
            else {{ from_parts(divide_half_up(to_parts('amount') ~ ' * 365', '12 * days')) }}
        end as usage_mrr
    from measured

)

select
    subscription_item_id,
    over_on as starts_on,
    lead(over_on) over (partition by subscription_item_id order by over_on) as ends_on,
    used_from,
    currency,
    {{ money('amount') }} as usage_amount,
    {{ money('usage_mrr') }} as usage_mrr
from monthly
