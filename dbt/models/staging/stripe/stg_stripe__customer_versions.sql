-- grain: one version of one Stripe customer, of those extracted up to the run's instant
with versions as (

    select * from {{ raw('stripe', 'customers') }}
    where extracted_at <= {{ as_of_instant() }}

),

renamed as (

    select
        {{ key(['id', 'version_hash']) }} as customer_version_id,
        id as customer_id,
        version_hash,
        email,
        name,
        country,
        {{ utc('created_at') }} as created_at,
        is_deleted,
        {{ utc('modified_at') }} as modified_at,
        {{ utc('extracted_at') }} as extracted_at,
        _dlt_load_id,
        payload
    from versions

)

select * from renamed
