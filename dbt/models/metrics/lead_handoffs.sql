-- grain: one month of assignment and owner
with handoffs as (

    select
        *,
        {{ month_of(local_date('assigned_at')) }} as month
    from {{ ref('fct_handoffs') }}

),

monthly as (

    select
        month,
        owner_key,
        count(*) as assignments,
        sum(case when is_answered then 1 else 0 end) as answered,
        sum(case when is_answered then 0 else 1 end) as unanswered,
        sum(case when within_sla then 1 else 0 end) as within_sla,
        {{ percentile_disc('wall_clock_minutes', 0.5) }} as median_minutes,
        {{ percentile_disc('wall_clock_minutes', 0.9) }} as p90_minutes,
        {{ percentile_disc('business_minutes', 0.5) }} as median_business_minutes,
        {{ percentile_disc('business_minutes', 0.9) }} as p90_business_minutes
    from handoffs
    group by month, owner_key

)

select
    cast(month as date) as month,
    {{ month_end('month') }} < {{ as_of_date() }} as is_complete,
    cast(owner_key as string) as owner_key,
    cast(assignments as bigint) as assignments,
    cast(answered as bigint) as answered,
    cast(unanswered as bigint) as unanswered,
    cast(within_sla as bigint) as within_sla,
    -- of the answered ones
    cast(median_minutes as bigint) as median_minutes,
    cast(p90_minutes as bigint) as p90_minutes,
    cast(median_business_minutes as bigint) as median_business_minutes,
    cast(p90_business_minutes as bigint) as p90_business_minutes,
    -- of all, answered or not
    {{ ratio('within_sla', 'assignments') }} as within_sla_share,
    {{ ratio('unanswered', 'assignments') }} as unanswered_share,
    cast({{ var('handoff_sla_minutes', 1440) }} as int) as sla_minutes,
    cast(assignments as bigint) as n
from monthly
