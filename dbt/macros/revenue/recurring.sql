{#- An interval's share of a month as whole numbers: what is paid per cycle times `months_numerator` / `months_denominator`
    is paid per month. NULL for a price that does not recur. -#}
{% macro months_numerator(interval) -%}
    {%- set weeks = 52 if policy('mrr_week_factor') == '52/12' else 365 -%}
    case {{ interval }} when 'month' then 1 when 'year' then 1 when 'week' then {{ weeks }} when 'day' then 365 end
{%- endmacro %}

{% macro months_denominator(interval, interval_count) -%}
    {%- set weeks = 12 if policy('mrr_week_factor') == '52/12' else 84 -%}
    (case {{ interval }} when 'month' then 1 when 'week' then {{ weeks }} else 12 end * coalesce({{ interval_count }}, 1))
{%- endmacro %}

{#- True when a discount is taken off MRR: by default when it covers two or more billing cycles. -#}
{% macro is_lasting_discount(duration, duration_in_months, interval, interval_count) -%}
    {%- set discounts = policy('mrr_discounts') -%}
    {%- if discounts != 'lasting' -%}{{ return('true' if discounts == 'all' else 'false') }}{%- endif -%}
    (
        {{ duration }} = 'forever'
        or (
            {{ duration }} = 'repeating'
            and coalesce({{ duration_in_months }}, 0) * {{ months_numerator(interval) }}
            >= 2 * {{ months_denominator(interval, interval_count) }}
        )
    )
{%- endmacro %}

{#- Percentages off of a group of discounts as one: each is taken from what the others leave. Rounded to six digits, which
    is exact for two discounts. -#}
{% macro stacked_percent_off(percent_off) -%}
    cast(
        case
            when max({{ percent_off }}) >= 100 then 100
            else round(100 * (1 - exp(sum(ln(1 - least(cast(coalesce({{ percent_off }}, 0) as double), 99.999999) / 100)))), 6)
        end
    as decimal(9, 6))
{%- endmacro %}
