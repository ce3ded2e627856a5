-- grain: one plan and month
{{ config(meta=timed({'this': month_turns()})) }}

with movements as (

    select
        {{ month_of('moved_on') }} as month,
        plan,
        {% for movement in ['new', 'expansion', 'contraction', 'churn', 'reactivation'] -%}
        sum(case when movement = '{{ movement }}' then amount else 0 end) as mrr_{{ movement }},
        {% endfor -%}
        sum(transferred_in) as mrr_transfer_in,
        sum(transferred_out) as mrr_transfer_out
    from {{ ref('int_plan_movements') }}
    group by 1, 2

),

closings as (

    select
        month,
        plan,
        sum(case when mrr > 0 then 1 else 0 end) as accounts,
        sum(mrr) as mrr,
        sum(mrr_fx) as mrr_fx
    from {{ ref('int_plan_closings') }}
    group by month, plan

),

joined as (

    select
        closings.month,
        closings.plan,
        closings.accounts,
        coalesce(lag(closings.mrr) over (partition by closings.plan order by closings.month), 0) as mrr_opening,
        {% for movement in ['new', 'expansion', 'contraction', 'churn', 'reactivation', 'transfer_in', 'transfer_out'] -%}
        coalesce(movements.mrr_{{ movement }}, 0) as mrr_{{ movement }},
        {% endfor -%}
        closings.mrr_fx,
        closings.mrr as mrr_closing
    from closings
    left join movements on closings.month = movements.month and closings.plan = movements.plan

)

select
    cast(joined.month as date) as month,
    {{ month_end('joined.month') }} < {{ as_of_date() }} as is_complete,
    cast(joined.plan as string) as plan,
    cast('{{ var("currency") | upper }}' as string) as currency,
    cast(joined.accounts as bigint) as accounts_end,
    {% for column in [
        'opening', 'new', 'expansion', 'contraction', 'churn', 'reactivation', 'transfer_in', 'transfer_out', 'fx', 'closing'
    ] -%}
    {{ money('joined.mrr_' ~ column) }} as mrr_{{ column }},
    {% endfor -%}
    {{ money(
        'mrr_opening + mrr_new + mrr_expansion + mrr_contraction + mrr_churn + mrr_reactivation + mrr_transfer_in'
        ~ ' + mrr_transfer_out + mrr_fx - mrr_closing'
    ) }} as difference,
    cast('{{ policy_version() }}' as string) as policy_version
from joined
