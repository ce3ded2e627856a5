{#- An amount as people read it, without its sign: 1,200.50 EUR, 1,200 JPY; NULL for none. -#}
{% macro spoken_amount(amount, currency) -%}
    case
        when {{ amount }} is null then null
        when {{ minor_unit_exponent(currency) }} = 0
            then concat_ws('', {{ grouped_digits('round(abs(' ~ amount ~ '), 0)') }}, ' ', {{ currency }})
        when {{ minor_unit_exponent(currency) }} = 3
            then concat_ws('', {{ spoken_number(amount, 3) }}, ' ', {{ currency }})
        else concat_ws('', {{ spoken_number(amount, 2) }}, ' ', {{ currency }})
    end
{%- endmacro %}

{#- A number without its sign, with thousands commas and so many digits behind the point. -#}
{% macro spoken_number(number, digits) -%}
    {%- set rounded = 'cast(round(abs(' ~ number ~ '), ' ~ digits ~ ') as decimal(18, ' ~ digits ~ '))' -%}
    concat_ws('', {{ grouped_digits('floor(' ~ rounded ~ ')') }}, '.', right(cast({{ rounded }} as string), {{ digits }}))
{%- endmacro %}

{#- A sentence with the names in its braces filled in: a dict of names and the SQL texts, never NULL, that take their place. -#}
{% macro filled_sentence(sentence, texts) -%}
    {%- set filled = namespace(sql=sentence) -%}
    {%- for name, text in texts.items() -%}
        {%- set filled.sql = "replace(" ~ filled.sql ~ ", '{" ~ name ~ "}', " ~ text ~ ")" -%}
    {%- endfor -%}
    {{ filled.sql }}
{%- endmacro %}
