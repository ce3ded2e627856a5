{#- The schema that a folder names is the schema it gets: staging, identity, journey, metrics. -#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ target.schema if custom_schema_name is none else custom_schema_name | trim }}
{%- endmacro %}
