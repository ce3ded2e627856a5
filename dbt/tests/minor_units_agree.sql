-- the macro that converts minor units and the seed that lists them say the same
select
    currency,
    provider_exponent
from {{ ref('currencies') }}
where {{ minor_unit_exponent('currency') }} <> provider_exponent
