-- grain: one event, movement of MRR, or stage entered, of a known account
{{ config(schema='staging', meta=carried(
    by='account_key',
    keyed=['fct_journey_events', 'fct_mrr_movements', 'int_billing_lives', 'fct_stage_periods'],
    due={'fct_mrr_movements': run_midnight('moved_on') ~ ' >= ' ~ run_midnight(run_date(':since'))}
)) }}

-- changes of MRR and stages entered come from their own facts, which tell more
with events as (

    select
        account_key,
        occurred_at,
        event_type as kind,
        case
            when is_automated then 'machine'
            when event_type in ('call', 'sales_email', 'meeting') and not is_touch then 'missed'
            else coalesce(direction, '')
        end as detail,
        'fct_journey_events' as source_table,
        event_key as source_key,
        person_key,
        owner_key,
        channel_key,
        campaign_key,
        deal_key,
        substring(case when source_system = 'stripe' then replace(label, '_', ' ') else label end, 1, 120) as label,
        amount_native as amount,
        currency as amount_currency,
        score_value,
        is_milestone,
        is_automated,
        cast(null as string) as account_stage,
        cast(null as decimal(18, 4)) as mrr_before,
        cast(null as decimal(18, 4)) as mrr_change,
        0 as churned
    from {{ ref('fct_journey_events') }}
    where account_key <> 'unknown' and event_type not in ('stage_entered', 'subscription_changed')

),

-- MRR moves by the day; when a customer was won or lost is known to the instant
lives as (

    select
        account_key,
        {{ local_date('changed_at') }} as moved_on,
        min(changed_at) as changed_at
    from {{ ref('int_billing_lives') }}
    group by account_key, {{ local_date('changed_at') }}

),

movements as (

    select
        movements.account_key,
        least(
            coalesce(
                case when movements.movement in ('new', 'churn', 'reactivation') then lives.changed_at end,
                {{ local_midnight('movements.moved_on') }}
            ),
            {{ as_of() }}
        ) as occurred_at,
        'mrr_movement' as kind,
        movements.movement as detail,
        'fct_mrr_movements' as source_table,
        movements.movement_key as source_key,
        'unknown' as person_key,
        'unknown' as owner_key,
        'unknown' as channel_key,
        'unknown' as campaign_key,
        cast(null as string) as deal_key,
        replace(movements.reason, '_', ' ') as label,
        movements.amount,
        movements.currency as amount_currency,
        cast(null as bigint) as score_value,
        movements.movement <> 'fx' as is_milestone,
        false as is_automated,
        cast(null as string) as account_stage,
        movements.mrr_before,
        movements.amount as mrr_change,
        0 as churned
    from {{ ref('fct_mrr_movements') }} as movements
    left join lives on movements.account_key = lives.account_key and movements.moved_on = lives.moved_on
    where movements.account_key <> 'unknown' and movements.moved_on <= {{ as_of_date() }}

),

stages as (

    select
        account_key,
        entered_at as occurred_at,
        case
            when is_regression then 'regression'
            when previous_stage = 'at_risk' and stage in ('customer', 'won_back') then 'recovery'
            else 'stage'
        end as kind,
        stage as detail,
        'fct_stage_periods' as source_table,
        stage_period_key as source_key,
        person_key,
        'unknown' as owner_key,
        'unknown' as channel_key,
        'unknown' as campaign_key,
        cast(null as string) as deal_key,
        stage as label,
        cast(null as decimal(18, 4)) as amount,
        cast(null as string) as amount_currency,
        cast(null as bigint) as score_value,
        true as is_milestone,
        false as is_automated,
        case when entity_type = 'account' then stage end as account_stage,
        cast(null as decimal(18, 4)) as mrr_before,
        cast(null as decimal(18, 4)) as mrr_change,
        case when entity_type = 'account' and stage = 'churned' then 1 else 0 end as churned
    from {{ ref('fct_stage_periods') }}
    where account_key <> 'unknown' and not is_skipped

)

select * from events
union all
select * from movements
union all
select * from stages
