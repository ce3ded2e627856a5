-- grain: one invoice line of a subscription item, and what kind of evidence of the item's past it is
{{ config(schema='staging', meta=carried(
    by='invoice_id',
    keyed=['int_item_lines'],
    lookups={'int_price_amounts': {'on': 'price_id', 'through': {'int_item_lines': 'price_id'}}}
)) }}

with lines as (

    select * from {{ ref('int_item_lines') }}

),

tiers as (

    select
        invoice_id,
        subscription_item_id,
        price_id,
        period_start_at,
        period_end_at,
        sum(amount) as amount,
        sum(units) as units,
        sum(taxed_minor) as taxed_minor,
        sum(tax_inside_minor) as tax_inside_minor
    from lines
    where is_tier
    group by invoice_id, subscription_item_id, price_id, period_start_at, period_end_at

),

summed as (

    select
        lines.*,
        tiers.amount as tiers_amount,
        coalesce(tiers.units, lines.units) as quantity_billed,
        {{ whole('coalesce(tiers.taxed_minor, lines.taxed_minor)') }} as taxed_parts,
        {{ whole('coalesce(tiers.tax_inside_minor, lines.tax_inside_minor)') }} as tax_parts
    from lines
    left join tiers
        on
            lines.is_tier
            and lines.invoice_id = tiers.invoice_id
            and lines.subscription_item_id = tiers.subscription_item_id
            and coalesce(lines.price_id, '') = coalesce(tiers.price_id, '')
            and lines.period_start_at = tiers.period_start_at
            and lines.period_end_at = tiers.period_end_at

),

priced as (

    select
        summed.*,
        -- the price's own amount: a proration's is a part of it, and a later price list does not reach back
        case
            when summed.usage_type = 'metered' then 0
            when summed.is_tier then coalesce(summed.tiers_amount, summed.amount)
            when amounts.price_id is not null then amounts.cycle_amount
            else cast(coalesce(summed.unit_amount, summed.unit_amount_decimal) as decimal(20, 8))
                * cast(summed.units as decimal(12, 0))
        end as cycle_amount,
        case
            when abs(summed.taxed_parts) > abs(summed.tax_parts) then {{ divide_half_up(
                '1000000 * ' ~ whole('abs(summed.tax_parts)'), 'abs(summed.taxed_parts) - abs(summed.tax_parts)'
            ) }}
        end as tax_ppm
    from summed
    left join {{ ref('int_price_amounts') }} as amounts
        on summed.price_id = amounts.price_id and summed.units = amounts.quantity

),

-- invoices round the tax: the roundest rate that explains it is the rate
rounded as (

    select
        *,
        {{ divide_half_up('tax_ppm', '10000') }} * 10000 as whole_percent,
        {{ divide_half_up('tax_ppm', '1000') }} * 1000 as tenths,
        {{ divide_half_up('tax_ppm', '100') }} * 100 as hundredths,
        abs(taxed_parts) - abs(tax_parts) as untaxed_parts
    from priced

)

select
    invoice_line_id,
    invoice_id,
    subscription_item_id,
    subscription_id,
    customer_id,
    price_id,
    currency,
    case when usage_type = 'metered' then 0 else quantity_billed end as quantity,
    taxed_minor - tax_inside_minor as net_minor,
    period_start_at,
    period_end_at,
    starts_on,
    ends_on,
    invoiced_at,
    standing,
    kind,
    cast(cycle_amount as decimal(32, 8)) as cycle_amount,
    cast(
        case
            when {{ explains_tax('whole_percent') }} then whole_percent
            when {{ explains_tax('tenths') }} then tenths
            when {{ explains_tax('hundredths') }} then hundredths
            else tax_ppm
        end
    as bigint) as tax_ppm,
    billing_interval,
    interval_count,
    usage_type
from rounded
