-- Whoever is at risk converts, is seen no longer, or is at risk at the next age; the last row leaves nobody.
with curves as (

    select
        *,
        at_risk - leads_converted - leads_censored as left_over,
        lead(at_risk) over (partition by cohort_type, cohort_start, segment_type, segment order by age_days) as at_risk_next
    from {{ ref('lead_conversion_survival') }}

)

select * from curves
where left_over <> coalesce(at_risk_next, 0)
