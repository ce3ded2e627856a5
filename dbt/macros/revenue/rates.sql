{#- An amount in another currency, at a rate, as the warehouse keeps money. -#}
{% macro convert(amount, rate) -%}
    cast(cast({{ amount }} as decimal(19, 4)) * cast({{ rate }} as decimal(18, 12)) as decimal(18, 4))
{%- endmacro %}

{#- The rate of a currency on a day, or a failed run that names both. `rate` comes from a left join to `int_rate_days`;
    the reporting currency needs none. -#}
{% macro require_rate(rate, currency, day) -%}
    case
        when {{ currency }} = '{{ var("currency") | upper }}' then cast(1 as decimal(18, 12))
        when {{ rate }} is null then cast({{ raise_error(
            "concat_ws('', 'No exchange rate from ', coalesce(" ~ currency ~ ", 'an unknown currency'), ' to "
            ~ (var("currency") | upper) ~ " on ', cast(" ~ day ~ " as string), "
            ~ "': exchange_rates.csv of the ledger has none for that day, or its newest is more than "
            ~ var("rate_stale_days") ~ " days old')"
        ) }} as decimal(18, 12))
        else {{ rate }}
    end
{%- endmacro %}
