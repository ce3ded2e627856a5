{#- The segments by which customers are told apart. Each is a text column, never NULL, of the models that are grouped by them;
    a new one is added here and in `int_account_segments`. -#}
{% macro segment_types() -%}
    {{ return(['plan', 'channel', 'company_size', 'country', 'owner']) }}
{%- endmacro %}

{#- The segment columns, separated by commas. -#}
{% macro segment_columns(relation=none) -%}
    {%- for type in segment_types() -%}
        {{ relation ~ '.' if relation }}{{ type }}{{ ', ' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}

{#- After `group by`: by these columns in total, and by them and each segment, in one pass. The linter's DuckDB knows no
    grouping sets, so the line ends with `-- noqa: PRS`. -#}
{% macro segment_sets(columns) -%}
    grouping sets (
        ({{ columns | join(', ') }})
        {%- for type in segment_types() %},
        ({{ columns | join(', ') }}, {{ type }})
        {%- endfor %}
    )
{%- endmacro %}

{#- In the select list of such a query: which segment a row is of, and its value; both 'all' for everybody. -#}
{% macro segment_type() -%}
    case {% for type in segment_types() %}when {{ type }} is not null then '{{ type }}' {% endfor %}else 'all' end
{%- endmacro %}

{% macro segment() -%}
    coalesce({{ segment_columns() }}, 'all')
{%- endmacro %}
