-- Conversion within T days never decreases in T: of a cohort by window, and of a curve by age.
with cohorts as (

    select
        concat_ws('/', 'cohort', cast(cohort_month as string), segment_type, segment) as name,
        within_days as days,
        leads_converted - lag(leads_converted) over (
            partition by cohort_month, segment_type, segment order by within_days
        ) as gain,
        leads_converted > leads as is_beyond
    from {{ ref('lead_conversion_cohorts') }}

),

curves as (

    select
        concat_ws('/', 'curve', cohort_type, cast(cohort_start as string), segment_type, segment) as name,
        age_days as days,
        share_converted - lag(share_converted) over (
            partition by cohort_type, cohort_start, segment_type, segment order by age_days
        ) as gain,
        share_converted > 1 as is_beyond
    from {{ ref('lead_conversion_survival') }}

)

select * from cohorts
where gain < 0 or is_beyond
union all
select * from curves
where gain < 0 or is_beyond
