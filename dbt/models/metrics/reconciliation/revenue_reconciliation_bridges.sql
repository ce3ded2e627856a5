-- grain: one month, account, bridge and reason; from + steps + unexplained = to
{{ config(meta=carried(
    by=['account_key', 'month'],
    keyed=['int_bridge_recognised', 'int_bridge_cash', 'int_bridge_mrr', 'int_bridge_crm']
)) }}

with steps as (

    {% for bridge, model in [
        ('invoiced_to_recognised', 'int_bridge_recognised'),
        ('invoiced_to_cash', 'int_bridge_cash'),
        ('mrr_to_recognised', 'int_bridge_mrr'),
        ('crm_to_mrr', 'int_bridge_crm'),
    ] %}
    select
        month,
        account_key,
        '{{ bridge }}' as bridge,
        side,
        reason,
        amount
    from {{ ref(model) }}
    where amount <> 0
    {% if not loop.last %}union all{% endif %}
    {% endfor %}

),

residuals as (

    select
        month,
        account_key,
        bridge,
        'unexplained' as side,
        'unexplained' as reason,
        sum(case when side = 'to' then amount else -amount end) as amount
    from steps
    group by month, account_key, bridge
    having sum(case when side = 'to' then amount else -amount end) <> 0

),

unioned as (

    select * from steps
    union all
    select * from residuals

)

select
    cast({{ key(['month', 'account_key', 'bridge', 'reason']) }} as string) as bridge_step_key,
    cast(month as date) as month,
    cast(account_key as string) as account_key,
    cast(bridge as string) as bridge,
    cast(case side when 'from' then 1 when 'step' then 2 when 'unexplained' then 3 else 4 end as integer) as side_order,
    cast(side as string) as side,
    cast(reason as string) as reason,
    cast('{{ var("currency") | upper }}' as string) as currency,
    {{ money('amount') }} as amount,
    cast('{{ policy_version() }}' as string) as policy_version
from unioned
