-- the cohorts of the segments of a kind sum to the whole cohort at every age, and cohorts begin with the month's new MRR
{% set columns = ['n', 'accounts_active', 'accounts_never_left', 'mrr_start', 'mrr_end', 'mrr_kept'] %}

with summed as (

    select
        cohort_month,
        age_months,
        segment_type,
        {% for column in columns -%}
        sum({{ column }}) as {{ column }}{{ ',' if not loop.last }}
        {% endfor %}
    from {{ ref('retention_cohorts') }}
    group by cohort_month, age_months, segment_type

),

beginnings as (

    select
        {{ month_of('moved_on') }} as month,
        sum(amount) as mrr_new
    from {{ ref('fct_mrr_movements') }}
    where movement = 'new'
    group by 1

)

select
    totals.cohort_month,
    totals.age_months,
    summed.segment_type
from summed as totals
inner join summed on totals.cohort_month = summed.cohort_month and totals.age_months = summed.age_months
left join beginnings on totals.cohort_month = beginnings.month
where
    totals.segment_type = 'all'
    and (
        {% for column in columns -%}
        totals.{{ column }} <> summed.{{ column }} or
        {% endfor -%}
        totals.mrr_start <> coalesce(beginnings.mrr_new, 0)
    )
