{#- A day moved by `number` (a SQL expression) of `part`: day, month or year. The 31st of a short month is its last day. -#}
{% macro date_add(day, number, part='day') -%}
    {{ return(adapter.dispatch('date_add', 'throughline')(day, number, part)) }}
{%- endmacro %}

{% macro default__date_add(day, number, part) -%}
    cast(cast({{ day }} as date) + to_{{ part }}s(cast({{ number }} as integer)) as date)
{%- endmacro %}

{% macro spark__date_add(day, number, part) -%}
    {%- if part == 'day' -%} date_add(cast({{ day }} as date), cast({{ number }} as int))
    {%- elif part == 'month' -%} add_months(cast({{ day }} as date), cast({{ number }} as int))
    {%- else -%} add_months(cast({{ day }} as date), 12 * cast({{ number }} as int))
    {%- endif -%}
{%- endmacro %}

{#- A timestamp moved by `number` of `part`: second, minute, hour, day or month. -#}
{% macro timestamp_add(instant, number, part) -%}
    {{ return(adapter.dispatch('timestamp_add', 'throughline')(instant, number, part)) }}
{%- endmacro %}

{% macro default__timestamp_add(instant, number, part) -%}
    (cast({{ instant }} as timestamp) + to_{{ part }}s(cast({{ number }} as integer)))
{%- endmacro %}

{% macro spark__timestamp_add(instant, number, part) -%}
    timestampadd({{ part }}, cast({{ number }} as int), cast({{ instant }} as timestamp))
{%- endmacro %}

{#- Days from one day to another; negative when the second is earlier. -#}
{% macro days_between(from_day, to_day) -%}
    {{ return(adapter.dispatch('days_between', 'throughline')(from_day, to_day)) }}
{%- endmacro %}

{% macro default__days_between(from_day, to_day) -%}
    cast(cast({{ to_day }} as date) - cast({{ from_day }} as date) as integer)
{%- endmacro %}

{% macro spark__days_between(from_day, to_day) -%}
    datediff(cast({{ to_day }} as date), cast({{ from_day }} as date))
{%- endmacro %}

{#- Calendar months from the month of one day to the month of another: 31 January to 1 February is 1. -#}
{% macro months_between(from_day, to_day) -%}
    cast(
        (year({{ to_day }}) * 12 + month({{ to_day }})) - (year({{ from_day }}) * 12 + month({{ from_day }}))
    as integer)
{%- endmacro %}

{#- Whole seconds that passed from one timestamp to another; negative when the second is earlier. -#}
{% macro seconds_between(from_instant, to_instant) -%}
    {{ return(adapter.dispatch('seconds_between', 'throughline')(from_instant, to_instant)) }}
{%- endmacro %}

{% macro default__seconds_between(from_instant, to_instant) -%}
    date_sub('second', cast({{ from_instant }} as timestamp), cast({{ to_instant }} as timestamp))
{%- endmacro %}

{% macro spark__seconds_between(from_instant, to_instant) -%}
    timestampdiff(second, cast({{ from_instant }} as timestamp), cast({{ to_instant }} as timestamp))
{%- endmacro %}

{#- The first day of the month of a day. -#}
{% macro month_of(day) -%}
    cast(date_trunc('month', {{ day }}) as date)
{%- endmacro %}

{#- The last day of the month of a day. -#}
{% macro month_end(day) -%}
    last_day({{ day }})
{%- endmacro %}

{#- Day of the week by ISO 8601: Monday is 1, Sunday is 7. -#}
{% macro iso_weekday(day) -%}
    {{ return(adapter.dispatch('iso_weekday', 'throughline')(day)) }}
{%- endmacro %}

{% macro default__iso_weekday(day) -%}
    cast(isodow({{ day }}) as integer)
{%- endmacro %}

{% macro spark__iso_weekday(day) -%}
    (weekday({{ day }}) + 1)
{%- endmacro %}

{#- Week of the year by ISO 8601. -#}
{% macro iso_week(day) -%}
    cast(weekofyear({{ day }}) as integer)
{%- endmacro %}

{#- Inside a select list: one row per day, month or year from the first to the last, both included; none when the last
    is earlier. `select id, {{ explode_dates('starts_on', 'ends_on', 'month') }} as month from periods` -#}
{% macro explode_dates(first_day, last_day, part='day') -%}
    {{ return(adapter.dispatch('explode_dates', 'throughline')(first_day, last_day, part)) }}
{%- endmacro %}

{% macro default__explode_dates(first_day, last_day, part) -%}
    cast(unnest(generate_series(
        cast({{ first_day }} as timestamp), cast({{ last_day }} as timestamp), interval 1 {{ part }}
    )) as date)
{%- endmacro %}

{% macro spark__explode_dates(first_day, last_day, part) -%}
    explode(if(
        {{ first_day }} <= {{ last_day }},
        sequence(cast({{ first_day }} as date), cast({{ last_day }} as date), interval 1 {{ part }}),
        cast(array() as array<date>)
    ))
{%- endmacro %}

{#- A query of one column of days (or first days of months): `select month from ({{ date_spine(a, b, 'month', 'month') }}) as spine`.
    The ends are SQL expressions without columns. -#}
{% macro date_spine(first_day, last_day, part='day', column='date_day') -%}
    select {{ explode_dates(first_day, last_day, part) }} as {{ column }}
{%- endmacro %}
