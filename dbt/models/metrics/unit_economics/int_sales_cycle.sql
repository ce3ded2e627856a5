-- grain: one row, with the median days from creating a won deal to winning it, and the months that these are
-- time alone changes nothing: a deal that is closed was closed by the run's instant
{{ config(schema='staging', meta=timed({})) }}

with won as (

    select cycle_days from {{ ref('fct_deals') }}
    where is_won and closed_at <= {{ as_of() }}

),

cycle as (

    select
        count(*) as deals,
        {{ percentile_disc('cycle_days', 0.5) }} as median_days
    from won

)

select
    deals,
    cast(median_days as integer) as median_days,
    -- the nearest whole number of months of 365 / 12 days
    cast({{ int_div('24 * median_days + 365', 730) }} as integer) as lag_months
from cycle
