-- grain: one month and tenure in months, with the share of customers that stay that long as far as the month knew
with starts as (

    select
        account_key,
        moved_on,
        row_number() over (partition by account_key order by moved_on) as spell
    from {{ ref('fct_mrr_movements') }}
    where movement in ('new', 'reactivation')

),

ends as (

    select
        account_key,
        moved_on,
        row_number() over (partition by account_key order by moved_on) as spell
    from {{ ref('fct_mrr_movements') }}
    where movement = 'churn'

),

spells as (

    select
        {{ month_of('starts.moved_on') }} as start_month,
        {{ months_between('starts.moved_on', 'ends.moved_on') }} as tenure
    from starts
    left join ends on starts.account_key = ends.account_key and starts.spell = ends.spell

),

cohorts as (

    select
        start_month,
        count(*) as started
    from spells
    group by start_month

),

losses as (

    select
        start_month,
        tenure,
        count(*) as lost
    from spells
    where tenure is not null
    group by start_month, tenure

),

first_start as (

    select min(start_month) as month from cohorts

),

months as (

    select months.month
    from {{ ref('int_metric_months') }} as months
    inner join first_start on months.month >= first_start.month

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
        months.month as start_month,
        tenures.tenure,
        {{ date_add('months.month', 'tenures.tenure', 'month') }} as month,
        coalesce(cohorts.started, 0) as started,
        coalesce(losses.lost, 0) as lost
    from months
    cross join tenures
    left join cohorts on months.month = cohorts.start_month
    left join losses on months.month = losses.start_month and tenures.tenure = losses.tenure
    where {{ date_add('months.month', 'tenures.tenure', 'month') }} <= {{ month_of(as_of_date()) }}

),

staying as (

    select
        *,
        started - (
            sum(lost) over (partition by start_month order by tenure rows between unbounded preceding and current row) - lost
        ) as at_risk
    from grid

),

-- what a month knows about a tenure: all cohorts that had reached it by then
known as (

    select
        month,
        tenure,
        sum(at_risk) over (partition by tenure order by start_month rows between unbounded preceding and current row) as at_risk,
        sum(lost) over (partition by tenure order by start_month rows between unbounded preceding and current row) as lost
    from staying

),

survived as (

    select
        *,
        min(at_risk - lost) over (partition by month order by tenure rows between unbounded preceding and current row) as fewest_left,
        -- logarithms are summed as decimals: the order of rows must not show in the last digit
        sum(cast(case when at_risk > lost then ln(1 - {{ ratio('lost', 'at_risk') }}) else 0 end as decimal(28, 18)))
            over (partition by month order by tenure rows between unbounded preceding and current row) as log_survival
    from known
    where at_risk > 0

)

select
    cast(month as date) as month,
    cast(tenure as integer) as tenure_months,
    cast(at_risk as bigint) as at_risk,
    cast(lost as bigint) as lost,
    cast(case when fewest_left = 0 then 0 else round(exp(cast(log_survival as double)), 12) end as double) as survival,
    cast('{{ policy_version() }}' as string) as policy_version
from survived
