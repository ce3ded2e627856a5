{#- Working minutes from one UTC timestamp to a later one: Monday to Friday, between the hours of the variables
    `business_hour_from` and `business_hour_to`, in the reporting zone. -#}
{% macro business_minutes(from_instant, to_instant) -%}
    ({{ business_minutes_since_epoch(to_instant) }} - {{ business_minutes_since_epoch(from_instant) }})
{%- endmacro %}

{#- Working minutes since Monday, 3 January 2000. -#}
{% macro business_minutes_since_epoch(instant) -%}
    {%- set day_minutes = 60 * (var('business_hour_to') - var('business_hour_from')) -%}
    (
        {{ int_div(days_between("date '2000-01-03'", local_date(instant)), 7) }} * {{ 5 * day_minutes }}
        + least({{ iso_weekday(local_date(instant)) }} - 1, 5) * {{ day_minutes }}
        + case
            when {{ iso_weekday(local_date(instant)) }} > 5 then 0
            else
                least(
                    greatest(
                        hour({{ local_time(instant) }}) * 60 + minute({{ local_time(instant) }})
                        - {{ 60 * var('business_hour_from') }},
                        0
                    ),
                    {{ day_minutes }}
                )
        end
    )
{%- endmacro %}
