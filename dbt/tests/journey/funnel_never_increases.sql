-- From stage to stage, a cohort never grows, and its first stage holds all of it.
select * from {{ ref('funnel_cohorts') }}
where
    reached_next > reached
    or reached > entered
    or (stage = 'lead' and reached <> entered)
