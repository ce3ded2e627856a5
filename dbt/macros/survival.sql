{#- Kaplan-Meier curves as a derived table: one row per group and time at which something ended. `relation` has the columns
    of `groups`, whole-number `time` and `is_event` (1: it happened, 0: the observation ended without it). Of those that end
    at one time, events come before censored ones. Columns: the groups, `age`, `at_risk`, `events`, `censored`, `survival`. -#}
{% macro kaplan_meier(relation, groups, time, is_event) -%}
{%- set by = groups | join(', ') -%}
(
    with ends as (

        select
            {{ by }},
            {{ time }} as age,
            sum({{ is_event }}) as events,
            sum(1 - {{ is_event }}) as censored
        from {{ relation }}
        group by {{ by }}, {{ time }}

    ),

    counted as (

        select
            *,
            sum(events + censored) over (
                partition by {{ by }} order by age desc rows between unbounded preceding and current row
            ) as at_risk
        from ends

    ),

    -- logarithms are summed as decimals: the order of rows must not show in the last digit
    summed as (

        select
            *,
            min(at_risk - events) over (
                partition by {{ by }} order by age rows between unbounded preceding and current row
            ) as fewest_left,
            sum(cast(case when at_risk > events then ln(1 - {{ ratio('events', 'at_risk') }}) else 0 end as decimal(28, 18))) over (
                partition by {{ by }} order by age rows between unbounded preceding and current row
            ) as log_survival
        from counted

    )

    select
        {{ by }},
        age,
        at_risk,
        events,
        censored,
        case when fewest_left = 0 then 0 else round(exp(cast(log_survival as double)), 12) end as survival
    from summed
)
{%- endmacro %}
