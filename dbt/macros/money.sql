{#- How many digits behind the point an amount in a currency's minor unit stands for, as the billing provider counts them
    (ISO 4217 but for a few: ISK and UGX are sent with two digits, MGA with none). The seed `currencies` holds the same
    figures, and a test keeps the two equal. -#}
{% macro minor_unit_exponent(currency) -%}
    case
        when upper({{ currency }}) in (
            'BIF', 'CLP', 'DJF', 'GNF', 'JPY', 'KMF', 'KRW', 'MGA', 'PYG', 'RWF', 'VND', 'VUV', 'XAF', 'XOF', 'XPF'
        ) then 0
        when upper({{ currency }}) in ('BHD', 'IQD', 'JOD', 'KWD', 'LYD', 'OMR', 'TND') then 3
        else 2
    end
{%- endmacro %}

{#- An amount in minor units as DECIMAL(18,4) in major units of its currency (any case). -#}
{% macro from_minor(amount, currency, type='decimal(18, 4)') -%}
    cast(
        cast({{ amount }} as decimal(28, 12))
        * case {{ minor_unit_exponent(currency) }}
            when 0 then cast(1 as decimal(5, 4))
            when 3 then cast(0.001 as decimal(5, 4))
            else cast(0.01 as decimal(5, 4))
        end
    as {{ type }})
{%- endmacro %}

{#- Money as the warehouse keeps it: DECIMAL(18,4), rounded half away from zero. -#}
{% macro money(expression) -%}
    cast({{ expression }} as decimal(18, 4))
{%- endmacro %}
