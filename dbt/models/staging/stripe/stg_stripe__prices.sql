-- grain: one price of a product, in its newest version at the run's instant
with versions as (

    select * from {{ newest_versions(raw('stripe', 'prices')) }} as newest

),

renamed as (

    select
        id as price_id,
        product_id,
        upper(currency) as currency,
        type,
        unit_amount as unit_amount_minor,
        {{ from_minor('coalesce(unit_amount_decimal, unit_amount)', 'currency') }} as unit_amount,
        unit_amount_decimal as unit_amount_decimal_minor,
        {{ from_minor('coalesce(unit_amount_decimal, unit_amount)', 'currency', 'decimal(28, 12)') }}
            as unit_amount_decimal,
        interval,
        interval_count,
        usage_type,
        billing_scheme,
        {{ json_text('payload', 'tiers_mode') }} as tiers_mode,
        {{ json_text('payload', 'tiers') }} as tiers,
        cast({{ json_text('payload', 'transform_quantity.divide_by') }} as bigint) as package_size,
        {{ json_text('payload', 'transform_quantity.round') }} as package_round,
        nickname,
        is_active,
        {{ utc('created_at') }} as created_at,
        is_deleted,
        {{ utc('modified_at') }} as modified_at,
        {{ utc('extracted_at') }} as extracted_at,
        {{ utc('first_extracted_at') }} as first_extracted_at,
        payload
    from versions

)

select * from renamed
