-- grain: one month of assignment, segment type and segment
{{ config(meta=timed({'this': month_turns()})) }}

with handoffs as (

    select
        handoffs.*,
        {{ month_of(local_date('handoffs.assigned_at')) }} as month
    from {{ ref('fct_handoffs') }} as handoffs

),

-- the owner is who the lead was assigned to, not who owns the account today
segmented as (

    select
        segments.segment_type,
        segments.segment,
        handoffs.*
    from handoffs
    inner join {{ ref('int_sales_segments') }} as segments
        on
            segments.entity_type = 'person'
            and segments.segment_type <> 'owner'
            and handoffs.person_key = segments.entity_key
    union all
    select
        'owner' as segment_type,
        owners.owner_id as segment,
        handoffs.*
    from handoffs
    inner join {{ ref('dim_owners') }} as owners on handoffs.owner_key = owners.owner_key

),

monthly as (

    select
        month,
        segment_type,
        segment,
        count(*) as assignments,
        sum(case when is_answered then 1 else 0 end) as answered,
        sum(case when is_answered then 0 else 1 end) as unanswered,
        sum(case when not is_answered and reassigned_at is null then 1 else 0 end) as waiting,
        sum(case when within_sla then 1 else 0 end) as within_sla,
        sum(case when within_sla is null then 1 else 0 end) as sla_pending,
        sum(case when within_business_sla then 1 else 0 end) as within_business_sla,
        {{ percentile_disc('wall_clock_minutes', 0.5) }} as median_minutes,
        {{ percentile_disc('wall_clock_minutes', 0.9) }} as p90_minutes,
        {{ percentile_disc('business_minutes', 0.5) }} as median_business_minutes,
        {{ percentile_disc('business_minutes', 0.9) }} as p90_business_minutes
    from segmented
    group by month, segment_type, segment

)

select
    cast(month as date) as month,
    {{ month_end('month') }} < {{ as_of_date() }} as is_complete,
    cast(segment_type as string) as segment_type,
    cast(segment as string) as segment,
    cast(assignments as bigint) as assignments,
    cast(answered as bigint) as answered,
    cast(unanswered as bigint) as unanswered,
    cast(waiting as bigint) as waiting,
    cast(within_sla as bigint) as within_sla,
    cast(sla_pending as bigint) as sla_pending,
    cast(within_business_sla as bigint) as within_business_sla,
    -- of the answered ones
    cast(median_minutes as bigint) as median_minutes,
    cast(p90_minutes as bigint) as p90_minutes,
    cast(median_business_minutes as bigint) as median_business_minutes,
    cast(p90_business_minutes as bigint) as p90_business_minutes,
    cast(case when answered = 0 then 'nobody was answered' end as string) as median_minutes_reason,
    -- of all, answered or not
    {{ ratio('within_sla', 'assignments') }} as within_sla_share,
    {{ ratio('within_business_sla', 'assignments') }} as within_business_sla_share,
    {{ ratio('unanswered', 'assignments') }} as unanswered_share,
    cast({{ var('handoff_sla_minutes') }} as int) as sla_minutes,
    cast({{ var('handoff_sla_business_minutes') }} as int) as sla_business_minutes,
    cast(assignments as bigint) as n,
    {{ is_small('assignments') }} as is_small,
    cast('{{ policy_version() }}' as string) as policy_version
from monthly
