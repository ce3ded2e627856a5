{#- Whether any of these sources is configured, as SQL. What depends on a source that is off is unknown, not zero. -#}
{% macro is_on(sources) -%}
    {%- set found = [] -%}
    {%- for source in sources if source in var('sources_on') -%}
        {%- do found.append(source) -%}
    {%- endfor -%}
    {{ 'true' if found else 'false' }}
{%- endmacro %}

{#- An expression, or NULL while none of the sources is configured. -#}
{% macro if_on(sources, expression) -%}
    case when {{ is_on(sources) }} then {{ expression }} end
{%- endmacro %}
