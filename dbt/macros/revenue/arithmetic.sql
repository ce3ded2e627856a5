{#- Money is divided as whole numbers, rounded half away from zero: decimals divide as floating point on some engines.
    The numerator may be negative, the denominator is positive; both are whole numbers. -#}
{% macro divide_half_up(numerator, denominator) -%}
    (
        case when {{ numerator }} < 0 then -1 else 1 end
        * {{ int_div('2 * abs(' ~ whole(numerator) ~ ') + ' ~ whole(denominator), '2 * ' ~ whole(denominator)) }}
    )
{%- endmacro %}

{#- An amount of money as whole ten-thousandths, and back. -#}
{% macro to_parts(amount) -%}
    {{ whole('cast(' ~ amount ~ ' as decimal(28, 4)) * 10000') }}
{%- endmacro %}

{% macro from_parts(parts) -%}
    cast(cast({{ parts }} as decimal(28, 0)) * cast(0.0001 as decimal(5, 4)) as decimal(18, 4))
{%- endmacro %}

{#- Money divided by a count, rounded half-up to the reporting currency's minor unit; NULL when the count is zero. -#}
{% macro money_per(amount, count) -%}
    {%- set parts = 10 ** (4 - reporting_digits()) -%}
    case when {{ count }} > 0 then
        {{ from_parts(divide_half_up(to_parts(amount), parts ~ ' * ' ~ whole(count)) ~ ' * ' ~ parts) }}
    end
{%- endmacro %}

{#- Digits behind the point of the reporting currency by ISO 4217; a test compares them with the seed `currencies`. -#}
{% macro reporting_digits() -%}
    {%- set currency = var('currency') | upper -%}
    {%- set no_digits = [
        'BIF', 'CLP', 'DJF', 'GNF', 'ISK', 'JPY', 'KMF', 'KRW', 'PYG', 'RWF', 'UGX', 'UYI', 'VND', 'VUV', 'XAF', 'XOF', 'XPF'
    ] -%}
    {%- set three = ['BHD', 'IQD', 'JOD', 'KWD', 'LYD', 'OMR', 'TND'] -%}
    {%- set four = ['CLF', 'UYW'] -%}
    {{ return(0 if currency in no_digits else 3 if currency in three else 4 if currency in four else 2) }}
{%- endmacro %}

{#- Money as reports show it: rounded half-up to the reporting currency's minor unit. -#}
{% macro round_money(amount) -%}
    cast(round(cast({{ amount }} as decimal(28, 4)), {{ reporting_digits() }}) as decimal(18, 4))
{%- endmacro %}

{#- Whether a tax rate in millionths comes, to half a minor unit, to the tax that a line has inside. -#}
{% macro explains_tax(ppm) -%}
    abs({{ whole('untaxed_parts') }} * {{ ppm }} - 1000000 * {{ whole('abs(tax_parts)') }}) * 2 <= 1000000 + {{ ppm }}
{%- endmacro %}

{#- An amount without the tax inside it, at a rate in millionths, to eight digits. -#}
{% macro without_tax(amount, ppm) -%}
    cast(
        cast({{ divide_half_up(
            whole('cast(' ~ amount ~ ' as decimal(27, 8)) * 100000000') ~ ' * 1000000', '1000000 + ' ~ ppm
        ) }} as decimal(28, 0)) * cast(0.00000001 as decimal(9, 8))
    as decimal(24, 8))
{%- endmacro %}
