-- grain: one month and segment, with the discounted months that a customer is expected to stay within the horizon
{{ config(schema='staging') }}

{% set discount = (1 + var('clv_discount_rate_year') | float) ** (-1 / 12) %}
{% set horizon = var('clv_horizon_months') | int %}

with survival as (

    select * from {{ ref('int_segment_survival') }}

),

observed as (

    select
        month,
        segment_type,
        segment,
        max(tenure) as longest,
        -- powers differ between engines in their last bit, and so are cut to twelve digits before they are summed
        cast(sum(cast(round(survival * power(cast({{ discount }} as double), tenure), 12) as decimal(28, 12))) as double)
            as observed_months,
        min(survival) as survival_at_longest,
        sum(lost) as losses,
        {{ ratio('sum(lost)', 'sum(at_risk)') }} as hazard
    from survival
    group by month, segment_type, segment

),

-- beyond what was seen, customers leave at the average pace of all tenures
extended as (

    select
        *,
        (1 - hazard) * cast({{ discount }} as double) as step,
        {{ horizon }} - 1 - longest as months_beyond
    from observed

)

select
    month,
    segment_type,
    segment,
    losses,
    observed_months,
    case
        when months_beyond <= 0 then 0
        else round(
            survival_at_longest * power(cast({{ discount }} as double), longest)
            * step * (1 - power(step, months_beyond)) / nullif(1 - step, 0),
            12
        )
    end as extrapolated_months
from extended
