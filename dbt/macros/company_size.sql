{#- The band of a number of employees; 'unknown' when there is none. -#}
{% macro company_size(employees) -%}
    case
        when {{ employees }} is null or {{ employees }} <= 0 then 'unknown'
        when {{ employees }} <= 10 then '1-10'
        when {{ employees }} <= 50 then '11-50'
        when {{ employees }} <= 200 then '51-200'
        when {{ employees }} <= 500 then '201-500'
        when {{ employees }} <= 1000 then '501-1000'
        when {{ employees }} <= 5000 then '1001-5000'
        else '5001+'
    end
{%- endmacro %}
