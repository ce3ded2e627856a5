-- grain: one discount with the terms of its coupon; of a coupon that is no longer listed, with what invoices show of them
{{ config(schema='staging', meta=carried(
    by='discount_id',
    keyed=['stg_stripe__discounts', 'stg_stripe__invoice_line_discounts'],
    lookups={
        'stg_stripe__coupons': {'on': 'coupon_id', 'through': {'stg_stripe__discounts': 'coupon_id'}},
        'stg_stripe__invoice_lines': {
            'on': 'invoice_line_id', 'through': {'stg_stripe__invoice_line_discounts': 'invoice_line_id'}
        },
    }
)) }}

with discounts as (

    select * from {{ ref('stg_stripe__discounts') }}

),

coupons as (

    select * from {{ ref('stg_stripe__coupons') }}

),

-- a coupon can be deleted while discounts by it go on, and no list holds it then
lost as (

    select discounts.*
    from discounts
    left join coupons on discounts.coupon_id = coupons.coupon_id
    where coupons.coupon_id is null

),

taken as (

    select
        listed.discount_id,
        count(distinct lines.invoice_id) as invoices,
        {{ whole('sum(listed.amount_minor)') }} as off_minor,
        {{ whole('sum(lines.amount_minor)') }} as amount_minor
    from {{ ref('stg_stripe__invoice_line_discounts') }} as listed
    inner join lost on listed.discount_id = lost.discount_id
    inner join {{ ref('stg_stripe__invoice_lines') }} as lines on listed.invoice_line_id = lines.invoice_line_id
    where listed.amount_minor > 0 and lines.amount_minor > 0
    group by listed.discount_id

)

select
    discounts.discount_id,
    discounts.customer_id,
    discounts.subscription_id,
    discounts.subscription_item_id,
    discounts.invoice_id,
    discounts.start_at,
    discounts.end_at,
    coupons.duration,
    coupons.duration_in_months,
    coupons.currency,
    cast(coalesce(coupons.percent_off, 0) as decimal(9, 6)) as percent_off,
    cast(case when coupons.percent_off is null then coalesce(coupons.amount_off, 0) else 0 end as decimal(18, 4)) as amount_off
from discounts
inner join coupons on discounts.coupon_id = coupons.coupon_id

union all

select
    lost.discount_id,
    lost.customer_id,
    lost.subscription_id,
    lost.subscription_item_id,
    lost.invoice_id,
    lost.start_at,
    lost.end_at,
    case when lost.end_at is not null then 'repeating' when taken.invoices > 1 then 'forever' else 'once' end as duration,
    case when lost.end_at is not null then {{ months_between('lost.start_at', 'lost.end_at') }} end as duration_in_months,
    cast(null as string) as currency,
    cast(
        cast({{ divide_half_up('100000000 * taken.off_minor', 'taken.amount_minor') }} as decimal(18, 0))
        * cast(0.000001 as decimal(7, 6))
    as decimal(9, 6)) as percent_off,
    cast(0 as decimal(18, 4)) as amount_off
from lost
inner join taken on lost.discount_id = taken.discount_id
