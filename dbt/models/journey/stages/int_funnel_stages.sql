-- grain: one person or account and instant at which their furthest funnel stage changed
-- Counting the signals in force per stage takes one pass over them, however many people an account has.
{{ config(schema='staging', meta=carried(
    by=['entity_type', 'entity_key'],
    keyed={
        'int_person_stage_signals': ["'person'", 'person_key'],
        'int_account_stage_signals': ["'account'", 'account_key'],
    }
)) }}

{%- set ranks = range(1, 8) %}

with signals as (

    select
        'person' as entity_type,
        person_key as entity_key,
        funnel_rank,
        from_at,
        until_at
    from {{ ref('int_person_stage_signals') }}
    union all
    select
        'account' as entity_type,
        account_key as entity_key,
        funnel_rank,
        from_at,
        until_at
    from {{ ref('int_account_stage_signals') }}

),

changes as (

    select
        entity_type,
        entity_key,
        funnel_rank,
        from_at as changed_at,
        1 as change
    from signals
    union all
    select
        entity_type,
        entity_key,
        funnel_rank,
        until_at as changed_at,
        -1 as change
    from signals
    where until_at is not null

),

by_instant as (

    select
        entity_type,
        entity_key,
        {% for rank in ranks %}
            sum(case when funnel_rank = {{ rank }} then change else 0 end) as change_{{ rank }},
        {% endfor %}
        changed_at
    from changes
    group by entity_type, entity_key, changed_at

),

counted as (

    select
        entity_type,
        entity_key,
        {% for rank in ranks %}
            sum(change_{{ rank }}) over (
                partition by entity_type, entity_key order by changed_at
                rows between unbounded preceding and current row
            ) as signals_{{ rank }},
        {% endfor %}
        changed_at
    from by_instant

),

-- with no signal left, somebody who was known stays known
furthest as (

    select
        entity_type,
        entity_key,
        changed_at,
        case
            {% for rank in ranks | reverse if rank > 1 %}
                when signals_{{ rank }} > 0 then {{ rank }}
            {% endfor %}
            else 1
        end as funnel_rank
    from counted

),

compared as (

    select
        *,
        lag(funnel_rank) over (partition by entity_type, entity_key order by changed_at) as previous_rank
    from furthest

)

select
    entity_type,
    entity_key,
    changed_at,
    funnel_rank
from compared
where previous_rank is null or previous_rank <> funnel_rank
