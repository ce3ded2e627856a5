{#- The run's instant, as a timestamp in UTC. -#}
{% macro as_of() -%}
    cast('{{ var("as_of") }}' as timestamp)
{%- endmacro %}

{#- The reporting day on which the run's instant lies. -#}
{% macro as_of_date() -%}
    {{ local_date(as_of()) }}
{%- endmacro %}

{#- An instant with a zone, as a timestamp in UTC without one. A timestamp that is in UTC already stays what it is. -#}
{% macro utc(instant) -%}
    {{ return(adapter.dispatch('utc', 'throughline')(instant)) }}
{%- endmacro %}

{% macro default__utc(instant) -%}
    timezone('UTC', cast({{ instant }} as timestamptz))
{%- endmacro %}

{% macro spark__utc(instant) -%}
    cast({{ instant }} as timestamp)
{%- endmacro %}

{#- A UTC timestamp as wall-clock time in the reporting zone. -#}
{% macro local_time(instant) -%}
    {{ return(adapter.dispatch('local_time', 'throughline')(instant)) }}
{%- endmacro %}

{% macro default__local_time(instant) -%}
    {%- if var('time_zone') == 'UTC' -%}
        cast({{ instant }} as timestamp)
    {%- else -%}
        timezone('{{ var("time_zone") }}', timezone('UTC', cast({{ instant }} as timestamp)))
    {%- endif -%}
{%- endmacro %}

{% macro spark__local_time(instant) -%}
    from_utc_timestamp(cast({{ instant }} as timestamp), '{{ var("time_zone") }}')
{%- endmacro %}

{#- The reporting day on which a UTC timestamp lies. -#}
{% macro local_date(instant) -%}
    cast({{ local_time(instant) }} as date)
{%- endmacro %}

{#- The run's instant with its zone, to compare with the raw ledger's instants. -#}
{% macro as_of_instant() -%}
    {{ return(adapter.dispatch('as_of_instant', 'throughline')()) }}
{%- endmacro %}

{% macro default__as_of_instant() -%}
    cast('{{ var("as_of") }}+00:00' as timestamptz)
{%- endmacro %}

{% macro spark__as_of_instant() -%}
    cast('{{ var("as_of") }}+00:00' as timestamp)
{%- endmacro %}
