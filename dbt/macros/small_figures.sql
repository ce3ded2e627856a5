{#- Whether a figure rests on too few leads, deals or hand-offs to be trusted: the variable `minimum_segment_records`. -#}
{% macro is_small(n) -%}
    ({{ n }} < {{ var('minimum_segment_records') }})
{%- endmacro %}
