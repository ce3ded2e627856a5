-- grain: one subscription (or none), account, currency and month with recognised invoice lines, by what they were sold as
{{ config(schema='staging', meta=carried(
    by=['account_key', 'month'],
    keyed=['fct_revenue'],
    lookups={
        'fct_invoice_lines': {'on': 'invoice_line_id', 'through': {'fct_revenue': 'invoice_line_id'}},
        'dim_plans': {'whole': true, 'on': 'plan_key', 'through': {'fct_invoice_lines': 'plan_key'}},
        'stg_stripe__invoice_line_discounts': {
            'on': 'invoice_line_id', 'through': {'fct_invoice_lines': 'invoice_line_id'}
        },
    }
)) }}

with passing as (

    select
        invoice_line_id,
        sum(amount) as discount_native
    from {{ ref('stg_stripe__invoice_line_discounts') }}
    where discount_id not in (select discount_id from {{ ref('int_lasting_discounts') }} where discount_id is not null)
    group by invoice_line_id

),

lines as (

    select
        lines.invoice_line_id,
        lines.subscription_id,
        lines.service_from,
        greatest({{ days_between('lines.service_from', 'lines.service_to') }}, 1) as service_days,
        case
            when plans.usage_type = 'metered' then 'usage'
            when plans.type = 'recurring' or (plans.type = 'unknown' and lines.subscription_id is not null) then 'recurring'
            else 'one_off'
        end as class,
        coalesce(passing.discount_native, 0) as discount_native
    from {{ ref('fct_invoice_lines') }} as lines
    inner join {{ ref('dim_plans') }} as plans on lines.plan_key = plans.plan_key
    left join passing on lines.invoice_line_id = passing.invoice_line_id

),

revenue as (

    select
        coalesce(lines.subscription_id, 'none') as subscription_id,
        revenue.account_key,
        revenue.currency,
        revenue.month,
        lines.class,
        revenue.amount_native,
        revenue.amount,
        case when lines.class = 'recurring' and lines.discount_native <> 0 then
            {{ from_parts(divide_half_up(
                to_parts('lines.discount_native')
                ~ ' * (' ~ days_between('greatest(revenue.month, lines.service_from)', 'revenue.recognised_to') ~ ' + 1)',
                'lines.service_days'
            )) }}
        else 0 end as discount_native
    from {{ ref('fct_revenue') }} as revenue
    inner join lines on revenue.invoice_line_id = lines.invoice_line_id
    where revenue.kind = 'invoice_line' and not revenue.is_future

)

select
    subscription_id,
    account_key,
    currency,
    month,
    sum(case when class = 'recurring' then amount_native else 0 end) as recurring_native,
    sum(case when class = 'recurring' then amount else 0 end) as recurring,
    sum(discount_native) as passing_discount_native,
    sum(case when class = 'usage' then amount else 0 end) as usage,
    sum(case when class = 'one_off' then amount else 0 end) as one_off
from revenue
group by subscription_id, account_key, currency, month
