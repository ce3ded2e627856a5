{#- A chance as a share of one, DECIMAL(9,4): a value above 1 can only be a percentage. -#}
{% macro share_of_one(probability) -%}
    cast(
        case
            when {{ probability }} > 1 then cast({{ probability }} as decimal(18, 6)) * cast(0.01 as decimal(5, 4))
            else cast({{ probability }} as decimal(18, 6))
        end
    as decimal(9, 4))
{%- endmacro %}

{#- The UTC instant that a property's text stands for: ISO 8601, or milliseconds since 1970; NULL when it is neither. -#}
{% macro instant_of_text(text) -%}
    case
        when {{ regexp_like(text, '^[0-9]{12,14}$') }}
            then {{ timestamp_add("cast('1970-01-01 00:00:00' as timestamp)", int_div(safe_cast(text, 'bigint'), 1000), 'second') }}
        else {{ safe_cast(text, 'timestamp') }}
    end
{%- endmacro %}
