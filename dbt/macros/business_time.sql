{#- Working minutes from one UTC timestamp to a later one: on working days, between the hours of the variables
    `business_hour_from` and `business_hour_to`, in the reporting zone. `from_day` and `to_day` are the rows of `dim_dates`
    on whose days they lie; beyond the calendar every day from Monday to Friday counts. -#}
{% macro business_minutes(from_instant, to_instant, from_day, to_day) -%}
    coalesce(
        {{ working_minutes_of_calendar(to_instant, to_day) }} - {{ working_minutes_of_calendar(from_instant, from_day) }},
        {{ weekday_minutes_since_epoch(to_instant) }} - {{ weekday_minutes_since_epoch(from_instant) }}
    )
{%- endmacro %}

{#- Working minutes since the calendar's first day; NULL beyond it. -#}
{% macro working_minutes_of_calendar(instant, day) -%}
    case
        when {{ day }}.is_working_day
            then ({{ day }}.working_day_number - 1) * {{ minutes_of_a_working_day() }} + {{ minutes_worked_that_day(instant) }}
        else {{ day }}.working_day_number * {{ minutes_of_a_working_day() }}
    end
{%- endmacro %}

{#- Minutes from Monday to Friday within the working hours, since Monday, 3 January 2000. -#}
{% macro weekday_minutes_since_epoch(instant) -%}
    (
        {{ int_div(days_between("date '2000-01-03'", local_date(instant)), 7) }} * {{ 5 * minutes_of_a_working_day() | int }}
        + least({{ iso_weekday(local_date(instant)) }} - 1, 5) * {{ minutes_of_a_working_day() }}
        + case
            when {{ iso_weekday(local_date(instant)) }} > 5 then 0
            else {{ minutes_worked_that_day(instant) }}
        end
    )
{%- endmacro %}

{#- Minutes of the working hours that are over at an instant of a working day. -#}
{% macro minutes_worked_that_day(instant) -%}
    least(
        greatest(
            hour({{ local_time(instant) }}) * 60 + minute({{ local_time(instant) }}) - {{ 60 * var('business_hour_from') }},
            0
        ),
        {{ minutes_of_a_working_day() }}
    )
{%- endmacro %}

{% macro minutes_of_a_working_day() -%}
    {{ 60 * (var('business_hour_to') - var('business_hour_from')) }}
{%- endmacro %}
