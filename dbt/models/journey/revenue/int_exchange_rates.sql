-- grain: one currency and the days [valid_from, valid_to) on which one rate to the reporting currency holds
{{ config(schema='staging') }}

with quoted as (

    select
        currency,
        date as quoted_on,
        rate
    from {{ ref('stg_ledger__exchange_rates') }}
    where not is_deleted and to_currency = '{{ var("currency") | upper }}' and currency <> to_currency

),

ordered as (

    select
        *,
        lead(quoted_on) over (partition by currency order by quoted_on) as next_quoted_on
    from quoted

)

select
    currency,
    cast(rate as decimal(18, 12)) as rate,
    quoted_on as valid_from,
    -- a rate that nobody renewed goes stale instead of holding for ever
    least(
        coalesce(next_quoted_on, {{ date_add('quoted_on', var('rate_stale_days') ~ ' + 1') }}),
        {{ date_add('quoted_on', var('rate_stale_days') ~ ' + 1') }}
    ) as valid_to
from ordered
