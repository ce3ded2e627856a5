-- grain: one item and the days [starts_on, ends_on) on which nothing about its subscription changes, with its MRR
{{ config(schema='staging', meta=carried(
    by='subscription_id',
    keyed=['int_item_spans'],
    lookups={
        'int_usage_periods': {'on': 'subscription_item_id', 'through': {'int_item_spans': 'subscription_item_id'}}
    }
)) }}

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

),

-- what was used comes to what its last invoice says, whatever the price's own amount is
used as (

    select
        discounted.*,
        {{ money('coalesce(usage_periods.usage_mrr, 0)') }} as used_mrr,
        {% if policy('mrr_metered_usage') == 'in' %}usage_type = 'metered'{% else %}false{% endif %} as is_counted_by_use
    from discounted
    left join {{ ref('int_usage_periods') }} as usage_periods
        on
            discounted.subscription_item_id = usage_periods.subscription_item_id
            and discounted.segment_starts_on >= usage_periods.starts_on
            and (usage_periods.ends_on is null or discounted.segment_starts_on < usage_periods.ends_on)

),

stated as (

    select
        *,
        case
            when {{ months_numerator('billing_interval') }} is null then 'not_recurring'
            when usage_type = 'metered' and not (is_counted_by_use and used_mrr > 0) then 'not_recurring'
            {% if policy('churn_date') == 'request' %}when is_cancelling then 'cancelling'{% endif %}
            when precedence = 1 then 'trial'
            when precedence = 2 then 'collection_paused'
            when precedence = 3 then 'not_paying'
            {% if policy('mrr_past_due') == 'exclude' %}when is_past_due then 'past_due'{% endif %}
            when net = 0 and not is_counted_by_use then 'free'
            else 'recurring'
        end as state
    from used

)

select
    subscription_item_id,
    subscription_id,
    customer_id,
    account_key,
    segment_starts_on as starts_on,
    segment_ends_on as ends_on,
    evidence,
    price_id,
    quantity,
    currency,
    billing_interval,
    interval_count,
    cast(cycle_amount as decimal(18, 4)) as cycle_amount,
    is_past_due,
    is_cancelling,
    state,
    case when is_counted_by_use then used_mrr else
        {{ from_parts(divide_half_up(
            'gross * coalesce(' ~ months_numerator('billing_interval') ~ ', 0)',
            '10000 * ' ~ months_denominator('billing_interval', 'interval_count')
        )) }}
    end as full_gross_mrr,
    case when is_counted_by_use then used_mrr else
        {{ from_parts(divide_half_up(
            'net * coalesce(' ~ months_numerator('billing_interval') ~ ', 0)',
            '10000 * ' ~ months_denominator('billing_interval', 'interval_count')
        )) }}
    end as full_mrr,
    {{ money("case when precedence is null or state in " ~ counted_states() ~ " then used_mrr else 0 end") }} as usage_mrr
from stated
