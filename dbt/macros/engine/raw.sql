{#- A stream of the raw ledger: `raw('stripe', 'customers')`. On Spark it is an external table over the ledger's Parquet files. -#}
{% macro raw(source_name, stream) -%}
    {{ return(source(source_name, stream)) }}
{%- endmacro %}
