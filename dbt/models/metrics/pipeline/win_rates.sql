-- grain: one basis (closed or created), month, segment type and segment
{{ config(meta=timed({'this': month_turns()})) }}

with deals as (

    select * from {{ ref('int_deal_cohorts') }}

),

counted as (

    select
        basis,
        month,
        segment_type,
        segment,
        sum(case when is_won then 1 else 0 end) as deals_won,
        sum(case when is_lost then 1 else 0 end) as deals_lost,
        sum(case when is_open then 1 else 0 end) as deals_open,
        sum(case when is_won then amount else 0 end) as amount_won,
        sum(case when is_lost then amount else 0 end) as amount_lost,
        sum(case when is_open then amount else 0 end) as amount_open
    from deals
    group by basis, month, segment_type, segment

)

select
    cast(basis as string) as basis,
    cast(month as date) as month,
    {{ month_end('month') }} < {{ as_of_date() }} as is_complete,
    cast(segment_type as string) as segment_type,
    cast(segment as string) as segment,
    cast('{{ var("currency") | upper }}' as string) as currency,
    cast(deals_won as bigint) as deals_won,
    cast(deals_lost as bigint) as deals_lost,
    cast(deals_open as bigint) as deals_open,
    {{ money('amount_won') }} as amount_won,
    {{ money('amount_lost') }} as amount_lost,
    {{ money('amount_open') }} as amount_open,
    {{ ratio('deals_won', 'deals_won + deals_lost') }} as win_rate,
    cast(case when deals_won + deals_lost = 0 then 'no deal is closed' end as string) as win_rate_reason,
    {{ ratio('amount_won', 'amount_won + amount_lost') }} as win_rate_value,
    cast(
        case
            when deals_won + deals_lost = 0 then 'no deal is closed'
            when amount_won + amount_lost = 0 then 'closed deals have no amount'
        end
        as string
    ) as win_rate_value_reason,
    cast(deals_won + deals_lost as bigint) as n,
    {{ is_small('deals_won + deals_lost') }} as is_small,
    cast('{{ policy_version() }}' as string) as policy_version
from counted
