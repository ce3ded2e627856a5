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
    discounts.duration,
    discounts.duration_in_months,
    discounts.currency,
    discounts.percent_off,
    discounts.amount_off
from {{ ref('int_discount_terms') }} as discounts
{% if policy('mrr_discounts') != 'all' %}
where
    discounts.duration in ('forever', 'repeating')
    -- applied to a single invoice
    and not (
        discounts.invoice_id is not null and discounts.subscription_id is null and discounts.subscription_item_id is null
    )
{% endif %}
