{#- What a customer is worth: revenue a month x gross margin x the discounted months that it is expected to stay. -#}
{% macro lifetime_value(arpa, margin, lifetime_months) -%}
    {{ round_money('cast(' ~ arpa ~ ' as double) * ' ~ margin ~ ' * (' ~ lifetime_months ~ ')') }}
{%- endmacro %}

{#- Gross margin of the month and the two before it, over those with known costs, from amounts by month; `segments` are the
    columns that tell series apart. A month that is missing counts as nothing. -#}
{% macro trailing_margin(margin_amount, costed_revenue, segments=[]) -%}
    {%- set recent -%}
        over (
            {% if segments %}partition by {{ segments | join(', ') }} {% endif -%}
            order by {{ months_between("cast('2000-01-01' as date)", 'month') }} range between 2 preceding and current row
        )
    {%- endset -%}
    {{ ratio('sum(' ~ margin_amount ~ ') ' ~ recent, 'sum(' ~ costed_revenue ~ ') ' ~ recent) }}
{%- endmacro %}
