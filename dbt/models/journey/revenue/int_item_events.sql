-- grain: one item and instant at which its price, quantity or discount is stated, in the order that counts
{{ config(schema='staging', meta=carried(
    by='subscription_id',
    keyed=['int_item_line_events', 'int_item_version_events'],
    due={
        'int_item_line_events': has_come('changed_at'),
        'int_item_version_events': has_come('changed_at'),
    }
)) }}

with unioned as (

    select
        *,
        2 as rank_at_once
    from {{ ref('int_item_line_events') }}
    union all
    select
        *,
        1 as rank_at_once
    from {{ ref('int_item_version_events') }}

),

events as (

    select
        *,
        -- one order for all that follows: by instant, and of two at once the invoice has the last word
        row_number() over (
            partition by subscription_id order by changed_at, rank_at_once, invoiced_at, evidence_id
        ) as position
    from unioned
    where changed_at <= {{ as_of() }} and (is_end or cycle_amount is not null)

),

compared as (

    select
        *,
        lag(price_id) over (partition by subscription_item_id order by position) as price_before,
        lag(quantity) over (partition by subscription_item_id order by position) as quantity_before,
        lag(is_end) over (partition by subscription_item_id order by position) as ended_before
    from events

),

relevant as (

    select * from compared
    where
        evidence <> 'first_version'
        or is_end
        or (
            not coalesce(ended_before, true)
            and (coalesce(price_id, '') <> coalesce(price_before, '') or quantity <> quantity_before)
        )

),

grouped as (

    select
        *,
        sum(coalesce(knows_discounts, 0)) over (partition by subscription_id order by position) as shared_group,
        sum(coalesce(knows_discounts, 0)) over (partition by subscription_item_id order by position) as item_group,
        count(case when evidence = 'invoice_line' then tax_ppm end) over (
            partition by subscription_item_id order by position
        ) as tax_group
    from relevant

),

carried as (

    select
        grouped.*,
        max(case when knows_discounts = 1 then shared_percent_off end)
            over (partition by subscription_id, shared_group) as carried_shared_percent_off,
        max(case when knows_discounts = 1 then shared_amount_off end)
            over (partition by subscription_id, shared_group) as carried_shared_amount_off,
        max(case when knows_discounts = 1 then item_percent_off end)
            over (partition by subscription_item_id, item_group) as carried_item_percent_off,
        max(case when knows_discounts = 1 then item_amount_off end)
            over (partition by subscription_item_id, item_group) as carried_item_amount_off,
        -- a proration's rate is less exact, because its tax is rounded on less; before the first, the first counts
        coalesce(
            max(case when evidence = 'invoice_line' then tax_ppm end) over (partition by subscription_item_id, tax_group),
            tax_ppm,
            max(case when evidence = 'invoice_line' and tax_group = 1 then tax_ppm end) over (partition by subscription_item_id),
            -- a line that is discounted to nothing shows no tax: the subscription's other items do
            max(case when evidence = 'invoice_line' then tax_ppm end) over (partition by subscription_id),
            0
        ) as carried_tax_ppm
    from grouped

)

select
    subscription_item_id,
    subscription_id,
    evidence_id,
    evidence,
    position,
    changed_at,
    is_end,
    price_id,
    quantity,
    currency,
    {{ without_tax('cycle_amount', 'carried_tax_ppm') }} as cycle_amount,
    billing_interval,
    interval_count,
    usage_type,
    cast(
        coalesce(carried_shared_percent_off, 0) + coalesce(carried_item_percent_off, 0)
        - coalesce(carried_shared_percent_off, 0) * coalesce(carried_item_percent_off, 0) / 100
    as decimal(9, 6)) as percent_off,
    {{ without_tax('coalesce(carried_shared_amount_off, 0)', 'carried_tax_ppm') }} as shared_amount_off,
    {{ without_tax('coalesce(carried_item_amount_off, 0)', 'carried_tax_ppm') }} as item_amount_off
from carried
