-- grain: one invoice line of a subscription item, with its invoice's standing and its price's terms
{{ config(schema='staging', meta=carried(
    by='invoice_line_id',
    keyed=['stg_stripe__invoice_lines'],
    lookups={
        'stg_stripe__invoices': {'on': 'invoice_id', 'through': {'stg_stripe__invoice_lines': 'invoice_id'}},
        'dim_plans': {'whole': true, 'on': 'price_id', 'through': {'stg_stripe__invoice_lines': 'price_id'}},
        'stg_stripe__subscription_items': {
            'on': 'subscription_item_id', 'through': {'stg_stripe__invoice_lines': 'subscription_item_id'}
        },
    },
    due={'stg_stripe__invoice_lines': has_come('period_start_at')}
)) }}

with lines as (

    select
        *,
        coalesce(quantity, 1) as units,
        coalesce(is_proration, false) as is_part_of_cycle,
        amount_minor - coalesce(discount_amount_minor, 0) as taxed_minor,
        coalesce(inclusive_tax_amount_minor, 0) as tax_inside_minor
    from {{ ref('stg_stripe__invoice_lines') }}
    where subscription_item_id is not null and not is_deleted and period_start_at <= {{ as_of() }}

),

invoices as (

    select
        invoice_id,
        created_at,
        is_deleted,
        case
            when status in ('paid', 'open') then 'counted'
            when status = 'void' then 'waived'
            -- Stripe says why, or its invoice was never tried and given up as soon as it was final
            when status = 'uncollectible' and coalesce(
                {{ json_text('payload', 'status_details.uncollectible.reason') }},
                case
                    when coalesce(attempt_count, 0) = 0
                        and coalesce({{ json_text('payload', 'collection_method') }}, '') <> 'send_invoice'
                        and uncollectible_at < {{ timestamp_add('finalized_at', 1, 'day') }} then 'subscription_paused'
                end,
                ''
            ) = 'subscription_paused' then 'waived'
            when status = 'uncollectible' then 'counted'
            else 'draft'
        end as standing
    from {{ ref('stg_stripe__invoices') }}

),

plans as (

    select * from {{ ref('dim_plans') }}

),

items as (

    select
        items.subscription_item_id,
        items.interval as billing_interval,
        items.interval_count,
        items.usage_type
    from {{ ref('stg_stripe__subscription_items') }} as items

),

described as (

    select
        lines.*,
        {{ local_date('lines.period_start_at') }} as starts_on,
        {{ local_date('lines.period_end_at') }} as ends_on,
        invoices.created_at as invoiced_at,
        invoices.standing,
        case
            when not lines.is_part_of_cycle then 'cycle'
            when lines.amount > 0 then 'charge'
            when lines.amount < 0 then 'credit'
            else 'none'
        end as kind,
        plans.unit_amount,
        -- a price in tiers has no amount per unit, and on a cycle's invoice a line for each tier
        plans.unit_amount is null and not lines.is_part_of_cycle as is_tier,
        coalesce(plans.billing_interval, items.billing_interval, 'month') as billing_interval,
        coalesce(
            case when plans.billing_interval is not null then plans.interval_count end,
            items.interval_count,
            greatest({{ months_between('lines.period_start_at', 'lines.period_end_at') }}, 1)
        ) as interval_count,
        coalesce(plans.usage_type, items.usage_type, 'licensed') as usage_type
    from lines
    inner join invoices on lines.invoice_id = invoices.invoice_id and not invoices.is_deleted
    left join plans on lines.price_id = plans.price_id
    left join items on lines.subscription_item_id = items.subscription_item_id

)

select
    invoice_line_id,
    invoice_id,
    subscription_item_id,
    subscription_id,
    customer_id,
    price_id,
    currency,
    amount,
    units,
    taxed_minor,
    tax_inside_minor,
    unit_amount,
    unit_amount_decimal,
    period_start_at,
    period_end_at,
    starts_on,
    ends_on,
    invoiced_at,
    standing,
    kind,
    is_tier,
    billing_interval,
    interval_count,
    usage_type
from described
