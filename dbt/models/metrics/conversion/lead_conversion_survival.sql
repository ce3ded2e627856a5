-- grain: one cohort (all, or a quarter in which leads came), segment, and age in days at which a lead converted or was seen last
{%- set horizon = var('lead_survival_days') %}

with leads as (

    select
        segment_type,
        segment,
        cast(date_trunc('quarter', created_on) as date) as quarter,
        least(coalesce(days_to_convert, {{ days_between('created_on', as_of_date()) }}), {{ horizon }}) as seen_days,
        case when days_to_convert <= {{ horizon }} then 1 else 0 end as is_converted
    from {{ ref('int_lead_segments') }}

),

-- quarters of the whole, and every segment over all quarters
grouped as (

    select
        'all' as cohort_type,
        cast(null as date) as cohort_start,
        segment_type,
        segment,
        seen_days,
        is_converted
    from leads
    union all
    select
        'quarter' as cohort_type,
        quarter as cohort_start,
        segment_type,
        segment,
        seen_days,
        is_converted
    from leads
    where segment_type = 'all'

),

curve as (

    select * from {{ kaplan_meier('grouped', ['cohort_type', 'cohort_start', 'segment_type', 'segment'], 'seen_days', 'is_converted') }} as km

)

select
    cast(cohort_type as string) as cohort_type,
    cast(cohort_start as date) as cohort_start,
    cast(segment_type as string) as segment_type,
    cast(segment as string) as segment,
    cast(age as int) as age_days,
    cast(at_risk as bigint) as at_risk,
    cast(events as bigint) as leads_converted,
    cast(censored as bigint) as leads_censored,
    cast(survival as double) as share_not_converted,
    cast(round(1 - survival, 12) as double) as share_converted,
    cast(first_value(at_risk) over (
        partition by cohort_type, cohort_start, segment_type, segment order by age rows between unbounded preceding and current row
    ) as bigint) as n,
    {{ is_small('at_risk') }} as is_small,
    cast('{{ policy_version() }}' as string) as policy_version
from curve
