-- grain: one month of first MRR, age in months that it has reached, and segment; segment_type all has everybody
{{ config(meta=carried(
    by='cohort_month',
    keyed=['int_cohort_accounts'],
    lookups={
        'fct_account_months': {'on': 'account_key', 'through': {'int_cohort_accounts': 'account_key'}},
        'int_cohort_mrr': {'on': 'account_key', 'through': {'int_cohort_accounts': 'account_key'}},
    },
    due={'this': month_turns()}
)) }}

with ages as (

    select
        cohorts.*,
        {{ months_between('cohorts.cohort_month', 'months.month') }} as age_months,
        coalesce(mrr.mrr, 0) as mrr
    from {{ ref('int_cohort_accounts') }} as cohorts
    inner join {{ ref('fct_account_months') }} as months
        on cohorts.account_key = months.account_key and cohorts.cohort_month <= months.month
    left join {{ ref('int_cohort_mrr') }} as mrr
        on months.account_key = mrr.account_key and months.month = mrr.month

),

summed as (

    select
        cohort_month,
        age_months,
        {{ segment_type() }} as segment_type,
        {{ segment() }} as segment,
        count(*) as n,
        sum(case when mrr > 0 then 1 else 0 end) as accounts_active,
        sum(case
            when left_month <= {{ date_add('cohort_month', 'age_months', 'month') }} then 0
            else 1
        end) as accounts_never_left,
        sum(mrr_start) as mrr_start,
        sum(mrr) as mrr_end,
        sum(least(mrr_start, mrr)) as mrr_kept
    from ages
    group by {{ segment_sets(['cohort_month', 'age_months']) }}  -- noqa: PRS

),

names as (

    select
        'owner' as segment_type,
        owner_id as segment,
        name as segment_name
    from {{ ref('dim_owners') }}
    union all
    select
        'channel' as segment_type,
        channel as segment,
        label as segment_name
    from {{ ref('dim_channels') }}

)

select
    cast(summed.cohort_month as date) as cohort_month,
    cast(summed.age_months as integer) as age_months,
    cast({{ date_add('summed.cohort_month', 'summed.age_months', 'month') }} as date) as month,
    {{ month_end(date_add('summed.cohort_month', 'summed.age_months', 'month')) }} < {{ as_of_date() }} as is_complete,
    cast(summed.segment_type as string) as segment_type,
    cast(summed.segment as string) as segment,
    cast(coalesce(names.segment_name, summed.segment) as string) as segment_name,
    cast('{{ var("currency") | upper }}' as string) as currency,
    cast(summed.n as bigint) as n,
    summed.n < {{ var('minimum_segment_accounts') }} as is_small,
    cast(summed.accounts_active as bigint) as accounts_active,
    cast(summed.accounts_never_left as bigint) as accounts_never_left,
    {{ money('summed.mrr_start') }} as mrr_start,
    {{ money('summed.mrr_end') }} as mrr_end,
    {{ money('summed.mrr_kept') }} as mrr_kept,
    {{ ratio('summed.accounts_active', 'summed.n') }} as logo_retention,
    {{ ratio('summed.accounts_never_left', 'summed.n') }} as survival,
    {{ ratio('summed.mrr_kept', 'summed.mrr_start') }} as gross_revenue_retention,
    {{ ratio('summed.mrr_end', 'summed.mrr_start') }} as net_revenue_retention,
    cast('{{ policy_version() }}' as string) as policy_version
from summed
left join names on summed.segment_type = names.segment_type and summed.segment = names.segment
