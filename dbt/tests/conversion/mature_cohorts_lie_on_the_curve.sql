-- Where a whole quarter is mature nothing is censored yet, and the curve at T is the share that converted within T days.
with quarters as (

    select
        cast(date_trunc('quarter', cohort_month) as date) as quarter,
        within_days,
        {{ ratio('sum(leads_converted)', 'sum(leads)') }} as share
    from {{ ref('lead_conversion_cohorts') }}
    where segment_type = 'all' and within_days <= {{ var('lead_survival_days') }}
    group by cast(date_trunc('quarter', cohort_month) as date), within_days
    having min(case when is_mature then 1 else 0 end) = 1

),

curves as (

    select
        quarters.quarter,
        quarters.within_days,
        quarters.share,
        coalesce(max(curve.share_converted), 0) as share_on_curve
    from quarters
    left join {{ ref('lead_conversion_survival') }} as curve
        on
            curve.cohort_type = 'quarter'
            and quarters.quarter = curve.cohort_start
            and quarters.within_days >= curve.age_days
    group by quarters.quarter, quarters.within_days, quarters.share

)

select * from curves
where abs(share - share_on_curve) > 1e-9
