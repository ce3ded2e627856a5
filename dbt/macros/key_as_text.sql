{#- The columns of a key in one text, to show which row is meant. -#}
{% macro key_as_text(columns) -%}
    concat_ws(
        ', ',
        {% for column in columns %}
            coalesce(cast({{ column }} as {{ dbt.type_string() }}), 'NULL'){{ ',' if not loop.last }}
        {% endfor %}
    )
{%- endmacro %}
