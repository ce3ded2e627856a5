-- grain: one month and movement, those without an account included
with rollforward as (

    select * from {{ ref('mrr_rollforward') }}

),

accounts as (

    select
        {{ month_of('moved_on') }} as month,
        movement,
        count(distinct account_key) as accounts
    from {{ ref('fct_mrr_movements') }}
    group by 1, 2

),

amounts as (

    {% for movement in ['new', 'expansion', 'contraction', 'churn', 'reactivation', 'fx', 'restatement'] %}
    select
        month,
        is_complete,
        '{{ movement }}' as movement,
        {{ loop.index }} as movement_order,
        mrr_{{ movement }} as amount
    from rollforward
    {% if not loop.last %}union all{% endif %}
    {% endfor %}

)

select
    cast(amounts.month as date) as month,
    amounts.is_complete,
    cast(amounts.movement as string) as movement,
    cast(amounts.movement_order as integer) as movement_order,
    cast(coalesce(accounts.accounts, 0) as bigint) as accounts,
    cast('{{ var("currency") | upper }}' as string) as currency,
    {{ money('amounts.amount') }} as amount,
    cast('{{ policy_version() }}' as string) as policy_version
from amounts
left join accounts on amounts.month = accounts.month and amounts.movement = accounts.movement
