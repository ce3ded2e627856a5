-- The cohorts at the headline's window are the headline's leads, conversions and rate.
select
    headline.month,
    headline.leads_created,
    cohorts.leads
from {{ ref('unit_economics_monthly') }} as headline
full outer join (
    select * from {{ ref('lead_conversion_cohorts') }}
    where segment_type = 'all' and within_days = {{ var('lead_conversion_days') }}
) as cohorts on headline.month = cohorts.cohort_month
where
    headline.month is null
    or coalesce(headline.leads_created, 0) <> coalesce(cohorts.leads, 0)
    or coalesce(headline.leads_converted, 0) <> coalesce(cohorts.leads_converted, 0)
    or headline.lead_conversion_rate is distinct from cohorts.conversion_rate
