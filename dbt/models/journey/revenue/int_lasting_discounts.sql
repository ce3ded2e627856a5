-- grain: one discount with its coupon, of those that the policy takes off MRR
{{ config(schema='staging') }}

select
    discounts.discount_id,
    discounts.customer_id,
    discounts.subscription_id,
    discounts.subscription_item_id,
    case
        when discounts.subscription_item_id is not null then 'item'
        when discounts.subscription_id is not null then 'subscription'
        when discounts.invoice_id is not null then 'invoice'
        else 'customer'
    end as level,
    discounts.start_at,
    discounts.end_at,
    coupons.duration,
    coupons.duration_in_months,
    coupons.currency,
    cast(coalesce(coupons.percent_off, 0) as decimal(9, 6)) as percent_off,
    cast(case when coupons.percent_off is null then coalesce(coupons.amount_off, 0) else 0 end as decimal(18, 4)) as amount_off
from {{ ref('stg_stripe__discounts') }} as discounts
inner join {{ ref('stg_stripe__coupons') }} as coupons on discounts.coupon_id = coupons.coupon_id
{% if policy('mrr_discounts') != 'all' %}
where
    coupons.duration in ('forever', 'repeating')
    -- applied to a single invoice
    and not (
        discounts.invoice_id is not null and discounts.subscription_id is null and discounts.subscription_item_id is null
    )
{% endif %}
