-- grain: one rate of a currency pair from a day on, in its newest version at the run's instant
with versions as (

    select * from {{ newest_versions(raw('ledger', 'exchange_rates')) }} as newest

),

renamed as (

    select
        id as exchange_rate_id,
        date,
        upper(currency) as currency,
        upper(to_currency) as to_currency,
        rate,
        is_deleted,
        {{ utc('modified_at') }} as modified_at,
        {{ utc('extracted_at') }} as extracted_at,
        {{ utc('first_extracted_at') }} as first_extracted_at,
        payload
    from versions

)

select * from renamed
