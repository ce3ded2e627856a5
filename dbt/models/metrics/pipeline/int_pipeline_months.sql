-- grain: one month, segment type and segment, with what moved its open pipeline, and what was open at its end
-- A deal keeps its present segments through its whole past; by `close_month` it moves when its close date does.
{{ config(schema='staging', meta=timed({'int_deal_flows': month_turns()})) }}

{%- set flows = ['created', 'reopened', 'won', 'lost', 'changed', 'moved_in', 'moved_out'] %}

with flows as (

    select
        *,
        {{ month_of('changed_on') }} as month
    from {{ ref('int_deal_flows') }}

),

effects as (

    select
        segments.segment_type,
        segments.segment,
        flows.month,
        flows.flow,
        flows.deals,
        flows.amount
    from flows
    inner join {{ ref('int_sales_segments') }} as segments
        on segments.entity_type = 'deal' and flows.deal_key = segments.entity_key
    union all
    select
        'close_month' as segment_type,
        coalesce(cast(close_month as string), 'unknown') as segment,
        month,
        flow,
        deals,
        amount
    from flows

),

monthly as (

    select
        segment_type,
        segment,
        month,
        {% for flow in flows %}
            sum(case when flow = '{{ flow }}' then deals else 0 end) as deals_{{ flow }},
            sum(case when flow = '{{ flow }}' then amount else 0 end) as amount_{{ flow }},
        {% endfor %}
        sum(deals) as net_deals,
        sum(amount) as net_amount
    from effects
    group by segment_type, segment, month

),

lives as (

    select
        segment_type,
        segment,
        min(month) as first_month
    from monthly
    group by segment_type, segment

),

months as (

    select
        segment_type,
        segment,
        {{ explode_dates('first_month', month_of(as_of_date()), 'month') }} as month
    from lives

)

select
    months.segment_type,
    months.segment,
    months.month,
    {% for flow in flows %}
        coalesce(monthly.deals_{{ flow }}, 0) as deals_{{ flow }},
        coalesce(monthly.amount_{{ flow }}, 0) as amount_{{ flow }},
    {% endfor %}
    coalesce(monthly.net_deals, 0) as net_deals,
    coalesce(monthly.net_amount, 0) as net_amount,
    sum(coalesce(monthly.net_deals, 0)) over segment_course as deals_closing,
    sum(coalesce(monthly.net_amount, 0)) over segment_course as amount_closing
from months
left join monthly
    on
        months.segment_type = monthly.segment_type
        and months.segment = monthly.segment
        and months.month = monthly.month
window segment_course as (
    partition by months.segment_type, months.segment order by months.month rows between unbounded preceding and current row
)
