-- grain: one currency and day, with the rate to the reporting currency that is valid on it
{{ config(schema='staging') }}

select
    currency,
    {{ explode_dates('valid_from', date_add('valid_to', -1), 'day') }} as day,
    rate
from {{ ref('int_exchange_rates') }}
