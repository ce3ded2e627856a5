-- grain: one invoice line of a subscription item, and what kind of evidence of the item's past it is
{{ config(schema='staging') }}

with lines as (

    select
        *,
        coalesce(quantity, 1) as units
    from {{ ref('stg_stripe__invoice_lines') }}
    where subscription_item_id is not null and not is_deleted and period_start_at <= {{ as_of() }}

),

invoices as (

    select
        invoice_id,
        status,
        created_at,
        is_deleted
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

joined as (

    select
        lines.invoice_line_id,
        lines.invoice_id,
        lines.subscription_item_id,
        lines.subscription_id,
        lines.customer_id,
        lines.price_id,
        lines.currency,
        lines.units as quantity,
        lines.period_start_at,
        lines.period_end_at,
        {{ local_date('lines.period_start_at') }} as starts_on,
        {{ local_date('lines.period_end_at') }} as ends_on,
        invoices.created_at as invoiced_at,
        case
            when invoices.status in ('paid', 'open', 'uncollectible') then 'counted'
            when invoices.status = 'void' then 'void'
            else 'draft'
        end as standing,
        case
            when not coalesce(lines.is_proration, false) then 'cycle'
            when lines.amount > 0 then 'charge'
            when lines.amount < 0 then 'credit'
            else 'none'
        end as kind,
        -- the price's own amount: a proration's is a part of it, and a later price list does not reach back
        case
            when plans.unit_amount is not null then cast(plans.unit_amount as decimal(20, 8)) * cast(lines.units as decimal(12, 0))
            when not coalesce(lines.is_proration, false) then cast(lines.amount as decimal(32, 8))
            else cast(lines.unit_amount_decimal as decimal(20, 8)) * cast(lines.units as decimal(12, 0))
        end as cycle_amount,
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

select * from joined
