{#- Between the name and the query of a `create table` written by hand: the format of the run's tables, where an engine has
    several. Without it Spark takes its own default, and a table of that kind leaves files in Iceberg's catalog when dropped. -#}
{% macro table_format() -%}
    {{ return(adapter.dispatch('table_format', 'throughline')()) }}
{%- endmacro %}

{% macro default__table_format() -%}
    {{ return('') }}
{%- endmacro %}

{% macro spark__table_format() -%}
    {{ return(file_format_clause()) }}
{%- endmacro %}
