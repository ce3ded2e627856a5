-- grain: one coupon, in its newest version at the run's instant
with versions as (

    select * from {{ newest_versions(raw('stripe', 'coupons')) }} as newest

),

renamed as (

    select
        id as coupon_id,
        name,
        percent_off,
        amount_off as amount_off_minor,
        {{ from_minor('amount_off', 'currency') }} as amount_off,
        upper(currency) as currency,
        duration,
        duration_in_months,
        is_valid,
        {{ utc('created_at') }} as created_at,
        is_deleted,
        {{ utc('modified_at') }} as modified_at,
        {{ utc('extracted_at') }} as extracted_at,
        {{ utc('first_extracted_at') }} as first_extracted_at,
        payload
    from versions

)

select * from renamed
