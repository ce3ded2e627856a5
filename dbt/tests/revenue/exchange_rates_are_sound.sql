-- one rate a currency and day, and more than nothing
with ordered as (

    select
        currency,
        rate,
        valid_from,
        valid_to,
        lead(valid_from) over (partition by currency order by valid_from) as next_valid_from
    from {{ ref('int_exchange_rates') }}

)

select * from ordered
where rate is null or rate <= 0 or valid_to <= valid_from or next_valid_from < valid_to
