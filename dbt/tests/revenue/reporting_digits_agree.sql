-- the digits that marts round to are those of ISO 4217
select
    currency,
    minor_unit_exponent
from {{ ref('currencies') }}
where currency = '{{ var("currency") | upper }}' and minor_unit_exponent <> {{ reporting_digits() }}
