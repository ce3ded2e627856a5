-- grain: one account, plan and day on which its MRR in the plan changed, told apart into movement and transfer between plans
{{ config(schema='staging', meta=carried(by='account_key', keyed=['int_plan_days', 'fct_mrr_movements'])) }}

with changes as (

    select
        account_key,
        plan,
        day as moved_on,
        {{ whole('sum(' ~ to_parts('amount') ~ ')') }} as parts
    from {{ ref('int_plan_days') }}
    group by account_key, plan, day
    having sum(amount) <> 0

),

sides as (

    select
        *,
        parts > 0 as is_gain,
        abs(parts) as weight,
        sum(abs(parts)) over (
            partition by account_key, moved_on, parts > 0 order by plan rows between unbounded preceding and current row
        ) as upto,
        sum(abs(parts)) over (partition by account_key, moved_on, parts > 0) as side,
        sum(case when parts > 0 then parts else 0 end) over (partition by account_key, moved_on) as gained,
        sum(case when parts < 0 then -parts else 0 end) over (partition by account_key, moved_on) as lost
    from changes

),

-- what one plan loses and another gains on the same day was moved; the rest is the account's movement
split as (

    select
        *,
        {{ int_div('least(gained, lost) * upto', 'side') }} - {{ int_div('least(gained, lost) * (upto - weight)', 'side') }}
            as transferred
    from sides

),

movements as (

    select
        account_key,
        moved_on,
        movement
    from {{ ref('fct_mrr_movements') }}
    where movement in ('new', 'expansion', 'contraction', 'churn', 'reactivation')

)

select
    split.account_key,
    split.plan,
    split.moved_on,
    movements.movement,
    {{ from_parts('case when is_gain then weight - transferred else transferred - weight end') }} as amount,
    {{ from_parts('case when is_gain then transferred else 0 end') }} as transferred_in,
    {{ from_parts('case when is_gain then 0 else -transferred end') }} as transferred_out
from split
left join movements on split.account_key = movements.account_key and split.moved_on = movements.moved_on
