-- grain: one day, from the first deal to the run's day
with flows as (

    select
        changed_on as day,
        sum(case when flow = 'created' then 1 else 0 end) as deals_created,
        sum(case when flow = 'reopened' then 1 else 0 end) as deals_reopened,
        sum(case when flow = 'won' then 1 else 0 end) as deals_won,
        sum(case when flow = 'lost' then 1 else 0 end) as deals_lost,
        sum(case when flow = 'created' then amount else 0 end) as amount_created,
        sum(case when flow = 'reopened' then amount else 0 end) as amount_reopened,
        sum(case when flow = 'won' then -amount else 0 end) as amount_won,
        sum(case when flow = 'lost' then -amount else 0 end) as amount_lost,
        sum(case when flow = 'changed' then amount else 0 end) as amount_changed,
        sum(deals) as net_deals,
        sum(amount) as net_amount
    from {{ ref('int_deal_flows') }}
    group by changed_on

),

first_day as (

    select min(day) as day from flows

),

days as (

    select {{ explode_dates('day', as_of_date()) }} as day from first_day

),

weights as (

    select
        snapshot_date as day,
        sum(weighted_amount) as weighted_amount,
        sum(case when expected_close_date < snapshot_date then 1 else 0 end) as deals_overdue
    from {{ ref('fct_deal_snapshots') }}
    group by snapshot_date

),

cumulated as (

    select
        days.day,
        {% for kind in ['created', 'reopened', 'won', 'lost'] %}
            coalesce(flows.deals_{{ kind }}, 0) as deals_{{ kind }},
        {% endfor %}
        {% for kind in ['created', 'reopened', 'won', 'lost', 'changed'] %}
            coalesce(flows.amount_{{ kind }}, 0) as amount_{{ kind }},
        {% endfor %}
        sum(coalesce(flows.net_deals, 0)) over (order by days.day rows between unbounded preceding and current row) as deals_open,
        sum(coalesce(flows.net_amount, 0)) over (order by days.day rows between unbounded preceding and current row)
            as amount_open,
        coalesce(weights.weighted_amount, 0) as amount_weighted,
        coalesce(weights.deals_overdue, 0) as deals_overdue
    from days
    left join flows on days.day = flows.day
    left join weights on days.day = weights.day

)

select
    cast(day as date) as day,
    cast('{{ var("currency") | upper }}' as string) as currency,
    cast(deals_open as bigint) as deals_open,
    cast(deals_overdue as bigint) as deals_overdue,
    cast(deals_created as bigint) as deals_created,
    cast(deals_reopened as bigint) as deals_reopened,
    cast(deals_won as bigint) as deals_won,
    cast(deals_lost as bigint) as deals_lost,
    {{ money('amount_open') }} as amount_open,
    {{ money('amount_weighted') }} as amount_weighted,
    {{ money('amount_created') }} as amount_created,
    {{ money('amount_reopened') }} as amount_reopened,
    {{ money('amount_won') }} as amount_won,
    {{ money('amount_lost') }} as amount_lost,
    {{ money('amount_changed') }} as amount_changed,
    cast('{{ policy_version() }}' as string) as policy_version
from cumulated
