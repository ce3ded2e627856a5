-- grain: one coupon applied to a customer, subscription, item or invoice, in its newest version at the run's instant
with versions as (

    select * from {{ newest_versions(raw('stripe', 'discounts')) }} as newest

),

renamed as (

    select
        id as discount_id,
        coupon_id,
        customer_id,
        subscription_id,
        subscription_item_id,
        invoice_id,
        {{ utc('start_at') }} as start_at,
        {{ utc('end_at') }} as end_at,
        is_deleted,
        {{ utc('modified_at') }} as modified_at,
        {{ utc('extracted_at') }} as extracted_at,
        {{ utc('first_extracted_at') }} as first_extracted_at,
        payload
    from versions

)

select * from renamed
