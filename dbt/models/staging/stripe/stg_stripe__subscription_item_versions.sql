-- grain: one version of one item of a subscription, of those extracted up to the run's instant
with versions as (

    select * from {{ raw('stripe', 'subscription_items') }}
    where extracted_at <= {{ as_of_instant() }}

),

renamed as (

    select
        {{ key(['id', 'version_hash']) }} as subscription_item_version_id,
        id as subscription_item_id,
        version_hash,
        subscription_id,
        price_id,
        product_id,
        upper(currency) as currency,
        unit_amount as unit_amount_minor,
        {{ from_minor('coalesce(unit_amount_decimal, unit_amount)', 'currency') }} as unit_amount,
        unit_amount_decimal as unit_amount_decimal_minor,
        {{ from_minor('coalesce(unit_amount_decimal, unit_amount)', 'currency', 'decimal(28, 12)') }}
            as unit_amount_decimal,
        interval,
        interval_count,
        usage_type,
        quantity,
        discount_ids,
        {{ utc('created_at') }} as created_at,
        {{ utc('current_period_start_at') }} as current_period_start_at,
        {{ utc('current_period_end_at') }} as current_period_end_at,
        is_deleted,
        {{ utc('modified_at') }} as modified_at,
        {{ utc('extracted_at') }} as extracted_at,
        _dlt_load_id,
        payload
    from versions

)

select * from renamed
