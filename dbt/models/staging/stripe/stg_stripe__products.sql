-- grain: one product, in its newest version at the run's instant
with versions as (

    select * from {{ newest_versions(raw('stripe', 'products')) }} as newest

),

renamed as (

    select
        id as product_id,
        name,
        is_active,
        metadata,
        {{ utc('created_at') }} as created_at,
        is_deleted,
        {{ utc('modified_at') }} as modified_at,
        {{ utc('extracted_at') }} as extracted_at,
        {{ utc('first_extracted_at') }} as first_extracted_at,
        payload
    from versions

)

select * from renamed
