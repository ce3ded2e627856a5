-- grain: one item and instant at which the ledger, not an invoice, says what the item costs
{{ config(schema='staging', meta=carried(
    by='subscription_item_id',
    keyed=['int_item_versions', 'int_item_line_events'],
    lookups={
        'int_item_version_discounts': {'on': 'item_version_id', 'through': {'int_item_versions': 'item_version_id'}},
        'int_item_rediscounts': {'on': 'item_version_id', 'through': {'int_item_versions': 'item_version_id'}},
        'int_uninvoiced_items': {'on': 'item_version_id', 'through': {'int_item_versions': 'item_version_id'}},
    }
)) }}

with versions as (

    select * from {{ ref('int_item_versions') }}

),

discounts as (

    select * from {{ ref('int_item_version_discounts') }}

),

invoiced as (

    select distinct subscription_item_id from {{ ref('int_item_line_events') }}
    where not is_end

),

later as (

    select
        versions.*,
        versions.seen_at as changed_at,
        case when rediscounted.item_version_id is not null then 1 end as knows_discounts
    from versions
    left join {{ ref('int_item_rediscounts') }} as rediscounted on versions.item_version_id = rediscounted.item_version_id
    where
        versions.version_number > 1
        and (
            rediscounted.item_version_id is not null
            or coalesce(versions.price_id, '') <> coalesce(versions.previous_price_id, '')
            or versions.quantity <> versions.previous_quantity
            or versions.cycle_amount <> versions.previous_cycle_amount
            or versions.is_deleted <> versions.previous_is_deleted
        )

),

-- the first sight of an item with invoices: it counts where it differs from what they say
first_sights as (

    select
        versions.*,
        versions.seen_at as changed_at,
        cast(null as integer) as knows_discounts
    from versions
    where
        versions.version_number = 1
        and versions.subscription_item_id in (select subscription_item_id from invoiced)

),

events as (

    select
        item_version_id,
        changed_at,
        knows_discounts,
        'version' as evidence
    from later
    union all
    select
        item_version_id,
        changed_at,
        knows_discounts,
        'first_version' as evidence
    from first_sights
    union all
    select
        item_version_id,
        changed_at,
        1 as knows_discounts,
        'subscription' as evidence
    from {{ ref('int_uninvoiced_items') }}

),

discounted as (

    select
        events.item_version_id,
        events.changed_at,
        {{ stacked_percent_off("case when discounts.level = 'item' then discounts.percent_off end") }} as item_percent_off,
        sum(case when discounts.level = 'item' then discounts.amount_off else 0 end) as item_amount_off,
        {{ stacked_percent_off("case when discounts.level = 'shared' then discounts.percent_off end") }} as shared_percent_off,
        sum(case when discounts.level = 'shared' then discounts.amount_off else 0 end) as shared_amount_off
    from events
    inner join discounts
        on
            events.item_version_id = discounts.item_version_id
            and (discounts.end_at is null or discounts.end_at > events.changed_at)
            and (
                events.evidence <> 'subscription'
                or discounts.start_at is null
                or {{ local_date('discounts.start_at') }} <= {{ local_date('events.changed_at') }}
            )
    group by events.item_version_id, events.changed_at

)

select
    versions.subscription_item_id,
    versions.subscription_id,
    events.item_version_id as evidence_id,
    events.evidence,
    events.changed_at,
    versions.seen_at as invoiced_at,
    versions.is_deleted as is_end,
    versions.price_id,
    versions.quantity,
    versions.currency,
    versions.cycle_amount,
    -- an item does not tell what tax is inside its price: its invoices do
    cast(null as bigint) as tax_ppm,
    versions.billing_interval,
    versions.interval_count,
    versions.usage_type,
    events.knows_discounts,
    coalesce(discounted.item_percent_off, 0) as item_percent_off,
    coalesce(discounted.item_amount_off, 0) as item_amount_off,
    coalesce(discounted.shared_percent_off, 0) as shared_percent_off,
    coalesce(discounted.shared_amount_off, 0) as shared_amount_off
from events
inner join versions on events.item_version_id = versions.item_version_id
left join discounted
    on events.item_version_id = discounted.item_version_id and events.changed_at = discounted.changed_at
