{#- The UTC timestamp at which a reporting day begins. -#}
{% macro local_midnight(day) -%}
    {{ return(adapter.dispatch('local_midnight', 'throughline')(day)) }}
{%- endmacro %}

{% macro default__local_midnight(day) -%}
    {%- if var('time_zone') == 'UTC' -%}
        cast({{ day }} as timestamp)
    {%- else -%}
        timezone('UTC', timezone('{{ var("time_zone") }}', cast({{ day }} as timestamp)))
    {%- endif -%}
{%- endmacro %}

{% macro spark__local_midnight(day) -%}
    to_utc_timestamp(cast({{ day }} as timestamp), '{{ var("time_zone") }}')
{%- endmacro %}
