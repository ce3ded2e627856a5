{#- A stream of the raw ledger: `raw('stripe', 'customers')`. On Spark the ledger is Parquet files under the variable `raw_path`. -#}
{% macro raw(source_name, stream) -%}
    {{ return(adapter.dispatch('raw', 'throughline')(source_name, stream)) }}
{%- endmacro %}

{% macro default__raw(source_name, stream) -%}
    {{ return(source(source_name, stream)) }}
{%- endmacro %}

{% macro spark__raw(source_name, stream) -%}
    {%- set relation = source(source_name, stream) -%}
    {{ return('parquet.`' ~ var('raw_path') ~ '/' ~ relation.schema ~ '/' ~ stream ~ '`') }}
{%- endmacro %}
