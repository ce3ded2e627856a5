{#- A cast that gives NULL where the value does not fit the type. -#}
{% macro safe_cast(expression, type) -%}
    try_cast({{ expression }} as {{ type }})
{%- endmacro %}

{#- md5 of a text, as 32 hexadecimal digits. -#}
{% macro md5_hex(expression) -%}
    md5({{ expression }})
{%- endmacro %}

{#- A surrogate key: md5 over the columns' texts joined by '|'; NULL counts as ''. -#}
{% macro key(columns) -%}
    {%- set parts = [] -%}
    {%- for column in columns -%}
        {%- do parts.append("coalesce(cast(" ~ column ~ " as string), '')") -%}
    {%- endfor -%}
    {{ md5_hex("concat_ws('|', " ~ parts | join(', ') ~ ")") }}
{%- endmacro %}

{#- The smallest value of the group that at least the given share of its values do not exceed. The same on every engine. -#}
{% macro percentile_disc(expression, share) -%}
    percentile_disc({{ share }}) within group (order by {{ expression }})
{%- endmacro %}

{#- Whole-number division of whole numbers that are not negative, exact up to 38 digits. -#}
{% macro int_div(numerator, denominator) -%}
    {{ return(adapter.dispatch('int_div', 'throughline')(numerator, denominator)) }}
{%- endmacro %}

{% macro default__int_div(numerator, denominator) -%}
    (cast({{ numerator }} as hugeint) // cast({{ denominator }} as hugeint))
{%- endmacro %}

{% macro spark__int_div(numerator, denominator) -%}
    floor(cast({{ numerator }} as decimal(38, 0)) div cast({{ denominator }} as decimal(38, 0)))
{%- endmacro %}

{#- Division as a double, for ratios; NULL when the denominator is zero. -#}
{% macro ratio(numerator, denominator) -%}
    (cast({{ numerator }} as double) / nullif(cast({{ denominator }} as double), 0))
{%- endmacro %}

{#- A 64-bit hash of a value, to group or join by; never stored, as engines differ in it. -#}
{% macro hash64(expression) -%}
    {{ return(adapter.dispatch('hash64', 'throughline')(expression)) }}
{%- endmacro %}

{% macro default__hash64(expression) -%}
    hash({{ expression }})
{%- endmacro %}

{% macro spark__hash64(expression) -%}
    xxhash64({{ expression }})
{%- endmacro %}
