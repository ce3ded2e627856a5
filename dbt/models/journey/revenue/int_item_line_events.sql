-- grain: one invoice line that says what an item costs, or that it left, from the start of the line's period on
{{ config(schema='staging', meta=carried(
    by='subscription_item_id',
    keyed=['int_subscription_lines'],
    lookups={
        'stg_stripe__invoice_line_discounts': {
            'on': 'invoice_line_id', 'through': {'int_subscription_lines': 'invoice_line_id'}
        },
    }
)) }}

with lines as (

    select * from {{ ref('int_subscription_lines') }}
    where standing = 'counted' and kind <> 'none'

),

discounts as (

    select * from {{ ref('int_lasting_discounts') }}

),

-- all discounts count as evidence that the line lists its discounts; only the lasting ones have an amount here
line_discounts as (

    select
        lines.invoice_line_id,
        {{ stacked_percent_off("case when discounts.level = 'item' then discounts.percent_off end") }} as item_percent_off,
        sum(case when discounts.level = 'item' then discounts.amount_off else 0 end) as item_amount_off,
        {{ stacked_percent_off("case when discounts.level <> 'item' then discounts.percent_off end") }} as shared_percent_off,
        sum(case when discounts.level <> 'item' then discounts.amount_off else 0 end) as shared_amount_off
    from lines
    inner join {{ ref('stg_stripe__invoice_line_discounts') }} as listed on lines.invoice_line_id = listed.invoice_line_id
    left join discounts
        on
            listed.discount_id = discounts.discount_id
            and (discounts.amount_off = 0 or discounts.currency = lines.currency)
            and {{ is_lasting_discount(
                'discounts.duration', 'discounts.duration_in_months', 'lines.billing_interval', 'lines.interval_count'
            ) }}
    group by lines.invoice_line_id

),

-- unused time given back, and nothing charged in its stead: the item left
departures as (

    select credits.*
    from lines as credits
    where
        credits.kind = 'credit'
        and not exists (
            select 1 from lines as partners
            where
                partners.subscription_item_id = credits.subscription_item_id
                and partners.period_start_at = credits.period_start_at
                and partners.kind in ('cycle', 'charge')
        )

)

select
    lines.subscription_item_id,
    lines.subscription_id,
    lines.invoice_line_id as evidence_id,
    case when lines.kind = 'cycle' then 'invoice_line' else 'proration' end as evidence,
    lines.period_start_at as changed_at,
    lines.invoiced_at,
    false as is_end,
    lines.price_id,
    lines.quantity,
    lines.currency,
    lines.cycle_amount,
    lines.tax_ppm,
    lines.billing_interval,
    lines.interval_count,
    lines.usage_type,
    -- a proration may carry its discount in its amount: without a list it says nothing, and the discount stays as it was
    case when lines.kind = 'cycle' or line_discounts.invoice_line_id is not null then 1 end as knows_discounts,
    coalesce(line_discounts.item_percent_off, 0) as item_percent_off,
    coalesce(line_discounts.item_amount_off, 0) as item_amount_off,
    coalesce(line_discounts.shared_percent_off, 0) as shared_percent_off,
    coalesce(line_discounts.shared_amount_off, 0) as shared_amount_off
from lines
left join line_discounts on lines.invoice_line_id = line_discounts.invoice_line_id
where lines.kind in ('cycle', 'charge')

union all

select
    subscription_item_id,
    subscription_id,
    invoice_line_id as evidence_id,
    'proration' as evidence,
    period_start_at as changed_at,
    invoiced_at,
    true as is_end,
    price_id,
    quantity,
    currency,
    cycle_amount,
    tax_ppm,
    billing_interval,
    interval_count,
    usage_type,
    cast(null as integer) as knows_discounts,
    0 as item_percent_off,
    0 as item_amount_off,
    0 as shared_percent_off,
    0 as shared_amount_off
from departures
