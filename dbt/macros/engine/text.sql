{#- Texts of a group joined in a given order: `string_agg('name', ', ', 'created_at')`. NULLs are left out. -#}
{% macro string_agg(column, separator=',', order_by=none) -%}
    {{ return(adapter.dispatch('string_agg', 'throughline')(column, separator, order_by or column)) }}
{%- endmacro %}

{% macro default__string_agg(column, separator, order_by) -%}
    string_agg({{ column }}, '{{ separator }}' order by {{ order_by }})
{%- endmacro %}

{% macro spark__string_agg(column, separator, order_by) -%}
    array_join(
        transform(sort_array(collect_list(struct({{ order_by }} as o, {{ column }} as v))), pair -> pair.v),
        '{{ separator }}'
    )
{%- endmacro %}

{#- Inside a select list: one row per part of a text that a single character separates; empty parts come as ''. -#}
{% macro split_rows(column, separator=';') -%}
    {{ return(adapter.dispatch('split_rows', 'throughline')(column, separator)) }}
{%- endmacro %}

{% macro default__split_rows(column, separator) -%}
    unnest(string_split({{ column }}, '{{ separator }}'))
{%- endmacro %}

{% macro spark__split_rows(column, separator) -%}
    explode(split({{ column }}, '[{{ separator }}]'))
{%- endmacro %}

{#- The first match of a regular expression's group in a text; '' when nothing matches. -#}
{% macro regexp_extract(column, pattern, group=0) -%}
    {{ return(adapter.dispatch('regexp_extract', 'throughline')(column, pattern, group)) }}
{%- endmacro %}

{% macro default__regexp_extract(column, pattern, group) -%}
    regexp_extract({{ column }}, '{{ pattern }}', {{ group }})
{%- endmacro %}

{% macro spark__regexp_extract(column, pattern, group) -%}
    regexp_extract({{ column }}, r'{{ pattern }}', {{ group }})
{%- endmacro %}

{#- True when the regular expression matches anywhere in the text. -#}
{% macro regexp_like(column, pattern) -%}
    {{ return(adapter.dispatch('regexp_like', 'throughline')(column, pattern)) }}
{%- endmacro %}

{% macro default__regexp_like(column, pattern) -%}
    regexp_matches({{ column }}, '{{ pattern }}')
{%- endmacro %}

{% macro spark__regexp_like(column, pattern) -%}
    ({{ column }} rlike r'{{ pattern }}')
{%- endmacro %}

{#- Every match of a regular expression replaced. -#}
{% macro regexp_replace(column, pattern, replacement) -%}
    {{ return(adapter.dispatch('regexp_replace', 'throughline')(column, pattern, replacement)) }}
{%- endmacro %}

{% macro default__regexp_replace(column, pattern, replacement) -%}
    regexp_replace({{ column }}, '{{ pattern }}', '{{ replacement }}', 'g')
{%- endmacro %}

{% macro spark__regexp_replace(column, pattern, replacement) -%}
    regexp_replace({{ column }}, r'{{ pattern }}', '{{ replacement }}')
{%- endmacro %}

{#- A whole number as people read it: 1,234,567. -#}
{% macro grouped_digits(number) -%}
    {{ return(adapter.dispatch('grouped_digits', 'throughline')(number)) }}
{%- endmacro %}

{% macro default__grouped_digits(number) -%}
    format('{:,}', cast({{ number }} as bigint))
{%- endmacro %}

{% macro spark__grouped_digits(number) -%}
    format_number(cast({{ number }} as bigint), 0)
{%- endmacro %}
