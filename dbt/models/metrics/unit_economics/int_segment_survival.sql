-- grain: one month, segment and tenure in months, with the share of customers that stay that long as far as the month knew
{{ config(schema='staging', meta=timed({'int_customer_spells': month_turns()})) }}

with spells as (

    select * from {{ ref('int_customer_spells') }}

),

cohorts as (

    select
        start_month,
        {{ segment_type() }} as segment_type,
        {{ segment() }} as segment,
        count(*) as started
    from spells
    group by {{ segment_sets(['start_month']) }}  -- noqa: PRS

),

losses as (

    select
        start_month,
        tenure,
        {{ segment_type() }} as segment_type,
        {{ segment() }} as segment,
        count(*) as lost
    from spells
    where tenure is not null
    group by {{ segment_sets(['start_month', 'tenure']) }}  -- noqa: PRS

),

first_starts as (

    select
        segment_type,
        segment,
        min(start_month) as month
    from cohorts
    group by segment_type, segment

),

months as (

    select
        months.month,
        first_starts.segment_type,
        first_starts.segment
    from {{ ref('int_metric_months') }} as months
    inner join first_starts on months.month >= first_starts.month

),

tenures as (

    select
        {{ months_between("cast('2000-01-01' as date)", 'steps.day') }} as tenure
    from (
        {{ date_spine(
            "cast('2000-01-01' as date)",
            date_add("cast('2000-01-01' as date)", var('clv_horizon_months') - 1, 'month'), 'month', 'day'
        ) }}
    ) as steps

),

-- every cohort at every age that it reached by the run's month
grid as (

    select
        months.segment_type,
        months.segment,
        months.month as start_month,
        tenures.tenure,
        {{ date_add('months.month', 'tenures.tenure', 'month') }} as month,
        coalesce(cohorts.started, 0) as started,
        coalesce(losses.lost, 0) as lost
    from months
    cross join tenures
    left join cohorts
        on
            months.month = cohorts.start_month
            and months.segment_type = cohorts.segment_type
            and months.segment = cohorts.segment
    left join losses
        on
            months.month = losses.start_month
            and tenures.tenure = losses.tenure
            and months.segment_type = losses.segment_type
            and months.segment = losses.segment
    where {{ date_add('months.month', 'tenures.tenure', 'month') }} <= {{ month_of(as_of_date()) }}

),

staying as (

    select
        *,
        started - (
            sum(lost) over (
                partition by segment_type, segment, start_month
                order by tenure rows between unbounded preceding and current row
            ) - lost
        ) as at_risk
    from grid

),

-- what a month knows about a tenure: all cohorts that had reached it by then
known as (

    select
        month,
        segment_type,
        segment,
        tenure,
        sum(at_risk) over so_far as at_risk,
        sum(lost) over so_far as lost
    from staying
    window so_far as (
        partition by segment_type, segment, tenure order by start_month rows between unbounded preceding and current row
    )

),

survived as (

    select
        *,
        min(at_risk - lost) over up_to as fewest_left,
        -- logarithms are summed as decimals: the order of rows must not show in the last digit
        sum(cast(case when at_risk > lost then ln(1 - {{ ratio('lost', 'at_risk') }}) else 0 end as decimal(28, 18)))
            over up_to as log_survival
    from known
    where at_risk > 0
    window up_to as (
        partition by segment_type, segment, month order by tenure rows between unbounded preceding and current row
    )

)

select
    month,
    segment_type,
    segment,
    tenure,
    at_risk,
    lost,
    case when fewest_left = 0 then 0 else round(exp(cast(log_survival as double)), 12) end as survival
from survived
