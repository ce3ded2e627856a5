-- grain: one item and the days [starts_on, ends_on) on which nothing about its subscription changes, with its MRR
{{ config(schema='staging') }}

-- money in hundred-millionths, as whole numbers, so that one rounding at the end decides
with measured as (

    select
        *,
        {{ whole('cast(cycle_amount as decimal(27, 8)) * 100000000') }} as gross,
        {{ whole('cast(100 - percent_off as decimal(9, 6)) * 1000000') }} as kept,
        {{ whole('cast(max(shared_amount_off) over same_days as decimal(27, 8)) * 100000000') }} as shared_off,
        {{ whole('cast(item_amount_off as decimal(27, 8)) * 100000000') }} as own_off,
        {{ whole('cast(sum(cycle_amount) over same_days as decimal(27, 8)) * 100000000') }} as subscription_gross
    from {{ ref('int_item_spans') }}
    window same_days as (partition by subscription_id, segment_starts_on)

),

discounted as (

    select
        *,
        greatest(
            {{ divide_half_up('gross * kept', '100000000') }}
            - case when shared_off > 0 and subscription_gross > 0 then
                {{ divide_half_up('shared_off * gross', 'subscription_gross') }}
            else 0 end
            - own_off,
            0
        ) as net
    from measured

)

select
    discounted.subscription_item_id,
    discounted.subscription_id,
    discounted.customer_id,
    discounted.account_key,
    discounted.segment_starts_on as starts_on,
    discounted.segment_ends_on as ends_on,
    discounted.evidence,
    discounted.price_id,
    discounted.quantity,
    discounted.currency,
    discounted.billing_interval,
    discounted.interval_count,
    cast(cycle_amount as decimal(18, 4)) as cycle_amount,
    is_past_due,
    is_cancelling,
    case
        when usage_type = 'metered' or {{ months_numerator('discounted.billing_interval') }} is null then 'not_recurring'
        {% if policy('churn_date') == 'request' %}when is_cancelling then 'cancelling'{% endif %}
        when precedence = 1 then 'trial'
        when precedence = 2 then 'collection_paused'
        when precedence = 3 then 'not_paying'
        {% if policy('mrr_past_due') == 'exclude' %}when is_past_due then 'past_due'{% endif %}
        when net = 0 then 'free'
        else 'recurring'
    end as state,
    {{ from_parts(divide_half_up(
        'gross * coalesce(' ~ months_numerator('discounted.billing_interval') ~ ', 0)',
        '10000 * ' ~ months_denominator('discounted.billing_interval', 'discounted.interval_count')
    )) }} as full_gross_mrr,
    {{ from_parts(divide_half_up(
        'net * coalesce(' ~ months_numerator('discounted.billing_interval') ~ ', 0)',
        '10000 * ' ~ months_denominator('discounted.billing_interval', 'discounted.interval_count')
    )) }} as full_mrr,
    cast(case when discounted.precedence is null then coalesce(usage_periods.usage_mrr, 0) else 0 end as decimal(18, 4))
        as usage_mrr
from discounted
left join {{ ref('int_usage_periods') }} as usage_periods
    on
        discounted.subscription_item_id = usage_periods.subscription_item_id
        and discounted.segment_starts_on >= usage_periods.starts_on
        and (usage_periods.ends_on is null or discounted.segment_starts_on < usage_periods.ends_on)
