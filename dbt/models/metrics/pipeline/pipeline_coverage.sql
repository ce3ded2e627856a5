-- grain: one month with a goal, and day on which its coverage is measured (its first morning, and now while it lasts)
with targets as (

    select
        month,
        sum(amount) as target
    from {{ ref('fct_targets') }}
    where metric = '{{ var("coverage_target") }}'
    group by month

),

measured as (

    select
        'start' as measured,
        month,
        target,
        {{ date_add('month', -1) }} as seen_on
    from targets
    where month <= {{ as_of_date() }}
    union all
    select
        'now' as measured,
        month,
        target,
        {{ as_of_date() }} as seen_on
    from targets
    where {{ month_end('month') }} >= {{ as_of_date() }}

),

open_pipeline as (

    select
        snapshot_date,
        {{ month_of('expected_close_date') }} as close_month,
        count(*) as deals_open,
        sum(amount) as amount_open
    from {{ ref('fct_deal_snapshots') }}
    where expected_close_date is not null
    group by 1, 2

),

won as (

    select
        month,
        sum(case when is_won then amount else 0 end) as amount_won
    from {{ ref('int_deal_cohorts') }}
    where basis = 'closed' and segment_type = 'all'
    group by month

),

joined as (

    select
        measured.measured,
        measured.month,
        measured.seen_on,
        {{ round_money('measured.target') }} as target,
        coalesce(open_pipeline.deals_open, 0) as deals_open,
        coalesce(open_pipeline.amount_open, 0) as amount_open,
        case when measured.measured = 'now' then coalesce(won.amount_won, 0) else 0 end as amount_won
    from measured
    left join open_pipeline
        on measured.seen_on = open_pipeline.snapshot_date and measured.month = open_pipeline.close_month
    left join won on measured.month = won.month

)

select
    cast(month as date) as month,
    cast(measured as string) as measured,
    cast(seen_on as date) as seen_on,
    cast('{{ var("currency") | upper }}' as string) as currency,
    {{ money('target') }} as target,
    {{ money('amount_won') }} as amount_won,
    {{ money('greatest(target - amount_won, 0)') }} as amount_to_win,
    cast(deals_open as bigint) as deals_open,
    {{ money('amount_open') }} as amount_open,
    case when target > amount_won and {{ is_on(['hubspot']) }} then {{ ratio('amount_open', 'target - amount_won') }} end
        as pipeline_coverage,
    cast(
        case
            when not {{ is_on(['hubspot']) }} then 'no CRM is connected'
            when target <= amount_won then 'met'
        end
        as string
    ) as pipeline_coverage_reason,
    cast('{{ policy_version() }}' as string) as policy_version
from joined
