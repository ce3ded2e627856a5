{#- A value inside JSON text, as text; NULL when it is absent or null. The path is 'a.b' or '$.a[0].b'; an object comes as JSON text. -#}
{% macro json_text(column, path) -%}
    {{ return(adapter.dispatch('json_text', 'throughline')(column, path if path.startswith('$') else '$.' ~ path)) }}
{%- endmacro %}

{% macro default__json_text(column, path) -%}
    json_extract_string({{ column }}, '{{ path }}')
{%- endmacro %}

{% macro spark__json_text(column, path) -%}
    get_json_object({{ column }}, '{{ path }}')
{%- endmacro %}

{#- Inside a select list: one row per element of a JSON array in text, each as text (an object as JSON text).
    `select id, {{ json_array_rows('discount_amounts') }} as element from lines`; no rows for NULL or []. -#}
{% macro json_array_rows(column) -%}
    {{ return(adapter.dispatch('json_array_rows', 'throughline')(column)) }}
{%- endmacro %}

{% macro default__json_array_rows(column) -%}
    unnest(from_json({{ column }}, '["VARCHAR"]'))
{%- endmacro %}

{% macro spark__json_array_rows(column) -%}
    explode(from_json({{ column }}, 'array<string>'))
{%- endmacro %}
