{#- A whole number wide enough for exact money: 38 digits. -#}
{% macro whole(expression) -%}
    {{ return(adapter.dispatch('whole', 'throughline')(expression)) }}
{%- endmacro %}

{% macro default__whole(expression) -%}
    cast({{ expression }} as hugeint)
{%- endmacro %}

{% macro spark__whole(expression) -%}
    cast({{ expression }} as decimal(38, 0))
{%- endmacro %}

{#- Fails the query with a message (an SQL text expression) for every row that reaches it. -#}
{% macro raise_error(message) -%}
    {{ return(adapter.dispatch('raise_error', 'throughline')(message)) }}
{%- endmacro %}

{% macro default__raise_error(message) -%}
    error({{ message }})
{%- endmacro %}

{% macro spark__raise_error(message) -%}
    raise_error({{ message }})
{%- endmacro %}
